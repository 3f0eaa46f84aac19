"""Requests whose people the controller's directory is asked about first: the turn, a block of people, and the results.
No chunk of such a request is claimed until its last block is done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import Connection, text

from domain.directory import Finding
from domain.requests import Kind, Subject
from ledger.data_keys import has_key, wrapped_key
from ledger.desk.fresh_identifiers import complete
from ledger.keys import fingerprinter, open_key
from ledger.people.opening import open_block
from ledger.people.prints import Prints
from ledger.requests.new_request import unreachable_json
from ledger.sealing import MasterKeys, SealingKey

BLOCK = 1_000
"""People read, asked about and recorded together."""


@dataclass(frozen=True)
class Block:
    """Some people of a request, in order, and their position."""

    request_id: int
    public_id: UUID
    kind: Kind
    vendor_ids: Sequence[int]
    first_line: int
    key: SealingKey = field(repr=False)
    unreachable: Mapping[str, int]
    resolved: Mapping[str, int]
    people: Mapping[int, Subject] = field(repr=False)
    """By line."""

    @property
    def next_line(self) -> int | None:
        """Where the next block begins; None: this one is the last."""
        return max(self.people) + 1 if len(self.people) == BLOCK else None


class Taken(NamedTuple):
    """Some people of a request as stored, sealed; the turn to ask about them ends at `until`."""

    request: Any
    people: Sequence[Any]
    until: datetime

    def __repr__(self) -> str:
        return f"Taken(people={len(self.people)})"


class DirectoryState(NamedTuple):
    """The directory's state. `failures` in a row since `failing_since`; `fault`: what is wrong with its answers."""

    waiting: int
    failures: int
    fault: str | None
    failing_since: datetime | None


def take(connection: Connection, *, lease_s: float) -> Taken | None:
    """The next people to ask about, in turn between requests; None where there are none, or another worker has the
    turn, or the directory is given a pause. Nobody else takes any for `lease_s`."""
    until = connection.execute(_TAKE_TURN, {"lease_s": lease_s}).scalar_one_or_none()
    if until is None:
        return None
    row = connection.execute(_NEXT).one_or_none()
    if row is None:
        return None
    connection.execute(_PASS_TURN, {"id": row.id})
    values = {"id": row.id, "first_line": row.to_resolve_from, "block": BLOCK}
    return Taken(row, connection.execute(_PEOPLE, values).all(), until)


def keep(connection: Connection, until: datetime, *, lease_s: float) -> datetime | None:
    """Extend the turn that ends at `until` to `lease_s` from now; returns its new end, or None where it is lost."""
    kept: datetime | None = connection.execute(_KEEP, {"until": until, "lease_s": lease_s}).scalar_one_or_none()
    return kept


def open_taken(taken: Taken, masters: MasterKeys) -> Block:
    """The same, opened. Raises ledger.sealing.UnsealError."""
    row, found, _ = taken
    key = open_key(masters, row.public_id, row.data_key)
    subjects = open_block(key, row.id, [(one.line, one.sealed) for one in found])
    return Block(
        request_id=row.id,
        public_id=row.public_id,
        kind=Kind(row.kind),
        vendor_ids=row.vendor_ids,
        first_line=row.to_resolve_from,
        key=key,
        unreachable=row.unreachable or {},
        resolved=row.resolved or {},
        people={one.line: subject for one, subject in zip(found, subjects, strict=True)},
    )


def record(
    connection: Connection,
    block: Block,
    masters: MasterKeys,
    *,
    completed: Mapping[int, Subject],
    findings: Mapping[Finding, int],
    found: Mapping[str, int],
) -> bool:
    """Record the results of a block: `completed` people by line, the number of each sort of `findings`, and how many
    are `found` by vendor who were not before. False, and nothing is recorded, where another worker has recorded this
    block, or the request was cancelled."""
    counts = {one.value: block.resolved.get(one.value, 0) + findings.get(one, 0) for one in Finding}
    left = {vendor: count - found.get(vendor, 0) for vendor, count in block.unreachable.items()}
    values = {
        "id": block.request_id,
        "first_line": block.first_line,
        "next_line": block.next_line,
        "unreachable": unreachable_json({vendor: count for vendor, count in left.items() if count > 0}),
        "resolved": to_json({name: count for name, count in counts.items() if count}).decode(),
    }
    if connection.execute(_RECORD, values).rowcount != 1:
        return False
    if completed:
        prints = Prints(fingerprinter(connection, masters))
        complete(connection, block.request_id, completed, kind=block.kind, key=block.key, prints=prints)
    return True


def answered(connection: Connection) -> None:
    """The directory has answered: the next block may be taken at once."""
    connection.execute(_ANSWERED)


def failed(connection: Connection, problem: str, delay_s: float) -> None:
    """The directory did not answer properly: nobody is asked about for `delay_s`."""
    connection.execute(_FAILED, {"problem": problem, "delay_s": delay_s})


def directory_state(connection: Connection) -> DirectoryState:
    """The directory's state, and how many requests wait for it."""
    return DirectoryState._make(connection.execute(_STATE).one())


# Taking the turn only writes to the table where somebody is to be asked about, which is rare.
_WAITING = f"status = 'running' AND not_before <= now() AND to_resolve_from IS NOT NULL AND {has_key()}"
_TAKE_TURN = text(f"""
    INSERT INTO resolver (due_at)
    SELECT now() + make_interval(secs => :lease_s) WHERE EXISTS (SELECT FROM requests WHERE {_WAITING})
    ON CONFLICT (single) DO UPDATE SET due_at = excluded.due_at WHERE resolver.due_at <= now()
    RETURNING due_at
""")
_KEEP = text("""
    UPDATE resolver SET due_at = now() + make_interval(secs => :lease_s) WHERE due_at = :until RETURNING due_at
""")
_NEXT = text(f"""
    SELECT id, public_id, CAST(kind AS text) AS kind, vendor_ids, {wrapped_key()} AS data_key, to_resolve_from,
        unreachable, resolved
    FROM requests WHERE {_WAITING}
    ORDER BY id <= (SELECT turn FROM resolver), id LIMIT 1
""")
_PASS_TURN = text("UPDATE resolver SET turn = :id")
_PEOPLE = text("""
    SELECT line, sealed FROM subjects WHERE request_id = :id AND line >= :first_line ORDER BY line LIMIT :block
""")
_RECORD = text("""
    UPDATE requests
    SET to_resolve_from = :next_line, unreachable = CAST(:unreachable AS jsonb), resolved = CAST(:resolved AS jsonb)
    WHERE id = :id AND to_resolve_from = :first_line AND status = 'running'
""")
_ANSWERED = text("UPDATE resolver SET due_at = now(), failures = 0, fault = NULL, failing_since = NULL")
_FAILED = text("""
    UPDATE resolver
    SET due_at = now() + make_interval(secs => :delay_s), failures = LEAST(failures + 1, 10000), fault = :problem,
        failing_since = COALESCE(failing_since, now())
""")
_STATE = text(f"""
    SELECT (SELECT count(*) FROM requests WHERE {_WAITING}), COALESCE(failures, 0), fault, failing_since
    FROM (SELECT) AS one LEFT JOIN resolver ON true
""")
