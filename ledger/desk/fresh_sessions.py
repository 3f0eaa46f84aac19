"""Fresh sessions for people who wait for one: matched by fingerprint, sealed for the person found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic_core import to_json
from sqlalchemy import Connection, text

from domain.requests import Subject
from ledger.contexts import session_context
from ledger.desk.attention import MENDED_BY_A_SESSION
from ledger.desk.deeds import LockedRequest
from ledger.keys import open_key
from ledger.people.prints import Prints
from ledger.sealing import MasterKeys, SealingKey


class Given(NamedTuple):
    """A fresh session of one person, and the line of the file that it is on."""

    place: int
    subject: Subject

    def __repr__(self) -> str:
        return f"Given(place={self.place})"


@dataclass(frozen=True)
class Waiting:
    """The people of a locked request who wait at one vendor, to whom fresh sessions can be given."""

    connection: Connection
    request: LockedRequest
    vendor: str
    key: SealingKey = field(repr=False)
    prints: Prints = field(repr=False)

    def match(self, given: Sequence[Given]) -> dict[int, list[int]]:
        """By position, the lines of everybody waiting who shares an identifier with the person there and has no
        different one. Those without a match are left out."""
        values = {
            "request_id": self.request.id,
            "vendor_id": self.request.vendors[self.vendor],
            "mended": list(MENDED_BY_A_SESSION),
            **prints_of(given, self.prints),
        }
        found: dict[int, list[int]] = {}
        for place, line in self.connection.execute(_MATCH, values):
            found.setdefault(place, []).append(line)
        return found

    def keep(self, blocks: Mapping[int, Any]) -> None:
        """Seal a session for each of these lines, replacing any other."""
        vendor_id = self.request.vendors[self.vendor]
        sealed = [
            self.key.seal(to_json(block), session_context(self.request.id, line, vendor_id))
            for line, block in blocks.items()
        ]
        values = {"request_id": self.request.id, "vendor_id": vendor_id, "lines": list(blocks), "sealed": sealed}
        self.connection.execute(_KEEP, values)


def prints_of(given: Sequence[Given], prints: Prints) -> dict[str, list[Any]]:
    """The fingerprints of the given people, as parameters of the statements that look for them: a row for each key."""
    found = [(one.place, *those) for one in given for those in prints.to_look_for(one.subject)]
    return {
        "places": [place for place, _, _, _ in found],
        "users": [_hex(user) for _, user, _, _ in found],
        "emails": [_hex(email) for _, _, email, _ in found],
        "phones": [_hex(phone) for _, _, _, phone in found],
    }


def data_key_of(connection: Connection, request: LockedRequest, masters: MasterKeys) -> SealingKey:
    """The data key of a request whose people are not forgotten. Raises ledger.sealing.UnsealError."""
    wrapped: bytes = connection.execute(_DATA_KEY, {"id": request.id}).scalar_one()
    return open_key(masters, request.public_id, wrapped)


_DATA_KEY = text("SELECT wrapped FROM data_keys WHERE request_id = :id")


def _hex(a_print: bytes | None) -> str | None:
    return a_print.hex() if a_print is not None else None


SAME_PEOPLE = """
    given AS (
        SELECT place, CAST(user_print AS uuid) AS user_print, CAST(email_print AS uuid) AS email_print,
            CAST(phone_print AS uuid) AS phone_print
        FROM unnest(CAST(:places AS integer[]), CAST(:users AS text[]), CAST(:emails AS text[]),
                    CAST(:phones AS text[])) AS given (place, user_print, email_print, phone_print)),
    same AS (
        SELECT place, line FROM given JOIN subjects USING (user_print) WHERE request_id = :request_id
        UNION
        SELECT place, line FROM given JOIN subjects USING (email_print) WHERE request_id = :request_id
        UNION
        SELECT place, line FROM given JOIN subjects USING (phone_print) WHERE request_id = :request_id)
"""
"""Everybody of a request who shares an identifier with a given person, as `same (place, line)`."""
NO_CONTRADICTION = """
    COALESCE(given.user_print = people.user_print, true)
        AND COALESCE(given.email_print = people.email_print, true)
        AND COALESCE(given.phone_print = people.phone_print, true)
"""
_MATCH = text(f"""
    WITH {SAME_PEOPLE}
    SELECT place, people.line
    FROM same
    JOIN given USING (place)
    JOIN subjects AS people ON people.request_id = :request_id AND people.line = same.line
    CROSS JOIN LATERAL (
        SELECT outcome, reason FROM outcomes
        WHERE request_id = :request_id AND vendor_id = :vendor_id AND line = people.line
        ORDER BY round DESC LIMIT 1) AS latest
    WHERE (latest.outcome IN ('needs_action', 'exhausted', 'unreachable')
            OR latest.outcome = 'refused' AND latest.reason = ANY(CAST(:mended AS text[])))
        AND {NO_CONTRADICTION}
    ORDER BY place, people.line
""")
_KEEP = text("""
    INSERT INTO sessions (request_id, line, vendor_id, sealed)
    SELECT :request_id, line, :vendor_id, sealed
    FROM unnest(CAST(:lines AS integer[]), CAST(:sealed AS bytea[])) AS fresh (line, sealed)
    ON CONFLICT (request_id, vendor_id, line) DO UPDATE SET sealed = excluded.sealed
""")
