"""The pending people of a leased chunk, found and opened."""

from collections.abc import Sequence
from typing import LiteralString, NamedTuple

from pydantic_core import from_json
from sqlalchemy import Connection

from domain.requests import Subject
from ledger.contexts import session_context
from ledger.delivery.chunks import Lease
from ledger.people.opening import open_block
from ledger.session import driver_of


class SealedPerson(NamedTuple):
    """A person whose delivery is pending, with their session, where the vendor uses one and it was asked for."""

    line: int
    sealed: bytes
    session: bytes | None = None


class OpenPerson(NamedTuple):
    """A person whose delivery is pending, opened."""

    line: int
    subject: Subject

    def __repr__(self) -> str:
        return f"OpenPerson(line={self.line})"


def pending(connection: Connection, lease: Lease, *, awaits: str, with_sessions: bool) -> list[SealedPerson]:
    """The people of a leased chunk without an outcome of its round, by line; after the first round, only those whose
    last outcome is `awaits`. Raises psycopg.Error."""
    values = {
        "request_id": lease.request_id,
        "vendor_id": lease.vendor_id,
        "round": lease.round,
        "first_line": lease.first_line,
        "last_line": lease.last_line,
        "awaits": awaits,
    }
    # In the first run of a first round nobody has an outcome: only a chunk's own runs record any.
    which: LiteralString = (
        _EVERYBODY if lease.round == lease.starts == 1 else _WITHOUT_OUTCOME if lease.round == 1 else _AWAITING
    )
    # In binary: as text, each sealed byte would be written and read as two digits.
    found = driver_of(connection).execute(_statement(which, with_sessions=with_sessions), values, binary=True)
    return [SealedPerson._make(row) for row in found]


def open_people(lease: Lease, people: Sequence[SealedPerson]) -> list[OpenPerson]:
    """Open these people of a leased chunk. Raises ledger.sealing.UnsealError."""
    subjects = open_block(lease.key, lease.request_id, [(line, sealed) for line, sealed, _ in people])
    for (line, _, session), subject in zip(people, subjects, strict=True):
        if session is not None:
            context = session_context(lease.request_id, line, lease.vendor_id)
            add_session(subject, lease.vendor, lease.key.open(session, context))
    return [OpenPerson(one.line, subject) for one, subject in zip(people, subjects, strict=True)]


def add_session(subject: Subject, vendor: str, block: bytes) -> None:
    """Put an opened session back into its vendor's block."""
    subject["vendors"] = {**(subject.get("vendors") or {}), vendor: from_json(block)}


class Span(NamedTuple):
    """The names of a span of a request at a vendor, in a round: columns or parameters. `also`: a condition on
    `outcomes` that tells the planner which volumes to read."""

    request: LiteralString
    vendor: LiteralString
    round: LiteralString
    first: LiteralString
    last: LiteralString
    also: LiteralString = "true"

    def without_outcome(self, line: LiteralString) -> LiteralString:
        """A condition on a line of the span: its delivery has no outcome of this round or a later one."""
        return f"NOT EXISTS ({self._of(line)} AND outcomes.round >= {self.round})"

    def awaiting(self, line: LiteralString, outcome: LiteralString) -> LiteralString:
        """A condition on a line: it ended the round before as `outcome`."""
        return f"""
            EXISTS ({self._of(line)} AND outcomes.round = {self.round} - 1
                AND outcomes.outcome = CAST({outcome} AS outcome))
        """

    def _of(self, line: LiteralString) -> LiteralString:
        # Every table gets the bounds on `line`, so that whatever plan is chosen reads no more than the span.
        return f"""
            SELECT FROM outcomes
            WHERE outcomes.request_id = {self.request} AND outcomes.vendor_id = {self.vendor} AND {self.also}
                AND outcomes.line = {line} AND outcomes.line BETWEEN {self.first} AND {self.last}
        """


_CHUNK = Span("%(request_id)s", "%(vendor_id)s", "%(round)s", "%(first_line)s", "%(last_line)s")
_EVERYBODY: LiteralString = (
    "people.request_id = %(request_id)s AND people.line BETWEEN %(first_line)s AND %(last_line)s"
)
_WITHOUT_OUTCOME: LiteralString = f"{_EVERYBODY} AND {_CHUNK.without_outcome('people.line')}"
_AWAITING: LiteralString = f"{_WITHOUT_OUTCOME} AND {_CHUNK.awaiting('people.line', '%(awaits)s')}"
_SESSIONS: LiteralString = """
    LEFT JOIN sessions ON sessions.request_id = people.request_id
        AND sessions.vendor_id = %(vendor_id)s AND sessions.line = people.line
        AND sessions.line BETWEEN %(first_line)s AND %(last_line)s
"""


def _statement(which: LiteralString, *, with_sessions: bool) -> LiteralString:
    session: LiteralString = "sessions.sealed" if with_sessions else "NULL"
    sessions: LiteralString = _SESSIONS if with_sessions else ""
    return f"""
        SELECT people.line, people.sealed, {session} FROM subjects AS people {sessions}
        WHERE {which} ORDER BY people.line
    """
