"""Missing identifiers: people of a request who are unreachable somewhere, found and completed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic_core import to_json
from sqlalchemy import Connection, text

from domain.requests import Kind, Subject
from ledger.desk.deeds import LockedRequest
from ledger.desk.fresh_sessions import NO_CONTRADICTION, SAME_PEOPLE, Given, prints_of
from ledger.people.opening import open_block
from ledger.people.prints import Prints
from ledger.people.rows import OTHERS, PEOPLE, Writer
from ledger.rounds import LATEST
from ledger.sealing import SealingKey


class Unreached(NamedTuple):
    """A person on record who is unreachable at these vendors (their ids)."""

    line: int
    subject: Subject
    vendor_ids: Sequence[int]

    def __repr__(self) -> str:
        return f"Unreached(line={self.line})"


@dataclass(frozen=True)
class Unreachable:
    """The people of a locked request who are unreachable at any vendor."""

    connection: Connection
    request: LockedRequest
    key: SealingKey = field(repr=False)
    prints: Prints = field(repr=False)

    def match(self, given: Sequence[Given]) -> dict[int, list[Unreached]]:
        """By position, everybody unreachable who shares an identifier with the person there and has no different one.

        Raises ledger.sealing.UnsealError.
        """
        values = {
            "request_id": self.request.id,
            "vendor_ids": list(self.request.vendors.values()),
            **prints_of(given, self.prints),
        }
        rows = self.connection.execute(_MATCH, values).all()
        subjects = open_block(self.key, self.request.id, [(row.line, row.sealed) for row in rows])
        found: dict[int, list[Unreached]] = {}
        for row, subject in zip(rows, subjects, strict=True):
            found.setdefault(row.place, []).append(Unreached(row.line, subject, row.unreachable_at))
        return found

    def complete(self, people: Mapping[int, Subject]) -> None:
        """Store these people, by line, in place of what was on record."""
        kind = kind_of(self.connection, self.request)
        complete(self.connection, self.request.id, people, kind=kind, key=self.key, prints=self.prints)

    def count_found(self, lines: Mapping[str, Collection[int]]) -> None:
        """How many of these people, by vendor, were unreachable there and can now be found."""
        for vendor, its_lines in lines.items():
            values = {"vendor_id": self.request.vendors[vendor], "vendor": vendor, "lines": list(its_lines)}
            self.connection.execute(_COUNT_FOUND, {"id": self.request.id, **values})


def complete(
    connection: Connection,
    request_id: int,
    people: Mapping[int, Subject],
    *,
    kind: Kind,
    key: SealingKey,
    prints: Prints,
) -> None:
    """Seal these people of a request, by line, in place of what was on record, and fingerprint them again."""
    writer = Writer(request_id, key, prints, prints.besides(kind))
    records = [writer.record(line, subject, prints.of(subject)) for line, subject in people.items()]
    connection.execute(_COMPLETE, {"people": to_json(records).decode()})
    others = [record for line, subject in people.items() for record in writer.others_of(line, subject)]
    if others:
        connection.execute(_ADD_OTHERS, {"others": to_json(others).decode()})


def kind_of(connection: Connection, request: LockedRequest) -> Kind:
    """The kind of a request."""
    return Kind(connection.execute(_KIND, {"id": request.id}).scalar_one())


_KIND = text("SELECT CAST(kind AS text) FROM requests WHERE id = :id")
_MATCH = text(f"""
    WITH {SAME_PEOPLE}
    SELECT place, people.line, people.sealed, array_agg(latest.vendor_id) AS unreachable_at
    FROM same
    JOIN given USING (place)
    JOIN subjects AS people ON people.request_id = :request_id AND people.line = same.line
    CROSS JOIN unnest(CAST(:vendor_ids AS smallint[])) AS asked (vendor_id)
    CROSS JOIN LATERAL (
        SELECT asked.vendor_id, outcome FROM outcomes
        WHERE request_id = :request_id AND outcomes.vendor_id = asked.vendor_id AND line = people.line
        ORDER BY round DESC LIMIT 1) AS latest
    WHERE latest.outcome = 'unreachable' AND {NO_CONTRADICTION}
    GROUP BY place, people.line, people.sealed
    ORDER BY place, people.line
""")
_COMPLETE = text(f"""
    UPDATE subjects
    SET sealed = people.sealed, whole_print = people.whole_print, user_print = people.user_print,
        email_print = people.email_print, phone_print = people.phone_print
    FROM {PEOPLE}
    WHERE subjects.request_id = people.request_id AND subjects.line = people.line
""")
_ADD_OTHERS = text(f"INSERT INTO other_identifiers SELECT * FROM {OTHERS} ON CONFLICT DO NOTHING")
_COUNT_FOUND = text(f"""
    UPDATE requests
    SET unreachable = jsonb_strip_nulls(unreachable || jsonb_build_object(CAST(:vendor AS text), (
        SELECT NULLIF(CAST(unreachable ->> CAST(:vendor AS text) AS integer) - count(*), 0) FROM outcomes
        WHERE request_id = :id AND vendor_id = :vendor_id AND line = ANY(CAST(:lines AS integer[]))
            AND outcome = 'unreachable' AND {LATEST})))
    WHERE id = :id AND unreachable ? CAST(:vendor AS text)
""")
