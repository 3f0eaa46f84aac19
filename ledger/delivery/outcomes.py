"""Outcomes in the ledger: appended in bulk and counted in the same transaction, one for each delivery."""

import struct
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from domain.outcomes import ATTENTION, LIFTED_BY_RETRY, Outcome, Reason
from domain.requests import Kind
from domain.wishes import Ref
from ledger.copying import copy_in
from ledger.delivery import stop_again, successions, withheld
from ledger.delivery.chunks import Lease
from ledger.tallies import counting

COPY_FROM = 16
"""From this many outcomes on, use COPY; below, INSERT. COPY costs two more round trips, and saves log and time for each
row (docs/decisions/0009-the-record-at-scale.md)."""
_NULL = struct.pack("!i", -1)


class Settled(NamedTuple):
    """Deliveries of one chunk with the same outcome."""

    lines: Sequence[int]
    outcome: Outcome
    reason: Reason | None
    attempts: int
    by: Ref | None = None
    """SUPERSEDED: the delivery that this one gave way to."""
    hold: int | None = None
    """WITHHELD: the legal hold that it waits for."""


_WITHOUT_YES = frozenset(Outcome) - {Outcome.ACCEPTED, Outcome.VERIFIED, Outcome.SUPERSEDED}


def append(connection: Connection, lease: Lease, settled: Sequence[Settled], *, used_sessions: bool) -> None:
    """Record outcomes of a leased chunk. A delivery that already has an outcome keeps it.

    The caller holds the lease's row lock (`chunks.renew`), so that a worker whose lease was lost records nothing. No
    line may be in two of them. `used_sessions`: delete the sessions of these people, which are used up; people whose
    wish gave way, or who wait for a decision about it, keep theirs. Wishes that gave way to people who have now ended
    without the vendor's yes are compared again.
    """
    lines = list(chain.from_iterable(group.lines for group in settled))
    if not lines:
        return
    if len(lines) < COPY_FROM or not _copy(connection, lease, settled, lines):
        _insert(connection, lease, settled, lines)
    superseded = {line: group.by for group in settled if group.by for line in group.lines}
    if superseded:
        successions.keep(connection, lease, superseded)
    if held := {line: group.hold for group in settled if group.hold is not None for line in group.lines}:
        withheld.keep(connection, lease, held)
    if without_yes := [line for group in settled if group.outcome in _WITHOUT_YES for line in group.lines]:
        successions.follow_up(connection, lease.request_id, lease.vendor_id, without_yes)
    if lease.kind is Kind.OPT_IN and any(group.outcome in ATTENTION for group in settled):
        # Its request may have been cancelled meanwhile.
        stop_again.after_giving_up(connection, [lease.request_id], lease.vendor_id)
    if used_sessions:
        sent = [line for group in settled if not _keeps_session(group) for line in group.lines]
        connection.execute(_FORGET_SESSIONS, {**_where(lease), "lines": sent})


def _keeps_session(group: Settled) -> bool:
    return group.outcome is Outcome.SUPERSEDED or group.reason in LIFTED_BY_RETRY


def waited_for(connection: Connection, lease: Lease) -> dict[int, frozenset[Reason]]:
    """By line, the reasons for which deliveries of a leased chunk waited for a person in earlier rounds."""
    span = {**_where(lease), "first_line": lease.first_line, "last_line": lease.last_line, "round": lease.round}
    found = connection.execute(_WAITED_FOR, span)
    return {line: frozenset(map(Reason, reasons)) for line, reasons in found}


def _where(lease: Lease) -> dict[str, Any]:
    return {"request_id": lease.request_id, "vendor_id": lease.vendor_id}


def _copy(connection: Connection, lease: Lease, settled: Iterable[Settled], lines: Sequence[int]) -> bool:
    """False, and nothing done, where one of them has an outcome already: COPY cannot pass over a row."""
    counts: Counter[str] = Counter()
    for group in settled:
        counts[group.outcome.value] += len(group.lines)
    values = {
        **_where(lease),
        "round": lease.round,
        "lines": lines,
        "outcomes": list(counts),
        "counts": list(counts.values()),
    }
    counted = connection.execute(_COUNT_FIRST if lease.round == 1 else _COUNT_AGAIN, values).rowcount
    if counted:
        copy_in(connection, _COPY, (b"".join(_rows(lease, group) for group in settled if group.lines),))
    return bool(counted)


_COPY = """
    COPY outcomes (request_id, vendor_id, round, line, attempts, outcome, reason) FROM STDIN (FORMAT binary)
"""
_HEAD = struct.Struct("!hiqihihi")  # columns; length, request_id; length, vendor_id; length, round; length of line
_ATTEMPTS = struct.Struct("!ih")


def _rows(lease: Lease, group: Settled) -> bytes:
    """The rows of a group in COPY's format. They differ in the line only."""
    head = _HEAD.pack(7, 8, lease.request_id, 2, lease.vendor_id, 2, lease.round, 4)
    tail = _ATTEMPTS.pack(2, group.attempts) + _string(group.outcome.value)
    tail += _string(group.reason.value) if group.reason else _NULL
    return head + (tail + head).join([line.to_bytes(4) for line in group.lines]) + tail


def _string(value: str) -> bytes:
    return struct.pack("!i", len(value)) + value.encode()


_BEFORE = """
    SELECT outcome, -1 FROM outcomes
    WHERE request_id = :request_id AND vendor_id = :vendor_id AND line = ANY(CAST(:lines AS integer[]))
        AND round = :round - 1 AND outcome <> 'pending'
"""
"""The earlier outcomes of these people's deliveries, to subtract from the tallies; `pending` is not counted."""


def _counting(changes: str, *, unless: str = "false") -> str:
    here = "CAST(:request_id AS bigint), CAST(:vendor_id AS smallint)"
    return counting(f"SELECT {here}, its.* FROM ({changes}) AS its", unless=unless)


_TOLD = """
    SELECT CAST(outcome AS outcome), count
    FROM unnest(CAST(:outcomes AS text[]), CAST(:counts AS integer[])) AS told (outcome, count)
"""
_ON_RECORD = """
    EXISTS (
        SELECT FROM outcomes
        WHERE request_id = :request_id AND vendor_id = :vendor_id AND line = ANY(CAST(:lines AS integer[]))
            AND round = :round)
"""
_COUNT_FIRST = text(_counting(_TOLD, unless=_ON_RECORD))
_COUNT_AGAIN = text(_counting(f"{_TOLD} UNION ALL {_BEFORE}", unless=_ON_RECORD))


def _insert(connection: Connection, lease: Lease, settled: Sequence[Settled], lines: Sequence[int]) -> None:
    values = {
        **_where(lease),
        "round": lease.round,
        "lines": lines,
        "outcomes": [group.outcome.value for group in settled for _ in group.lines],
        "reasons": [group.reason.value if group.reason else None for group in settled for _ in group.lines],
        "attempts": [group.attempts for group in settled for _ in group.lines],
    }
    connection.execute(_INSERT_FIRST if lease.round == 1 else _INSERT_AGAIN, values)


_INSERT = """
    WITH fresh AS (
        INSERT INTO outcomes (request_id, vendor_id, line, round, attempts, outcome, reason)
        SELECT :request_id, :vendor_id, line, :round, attempts, CAST(outcome AS outcome), reason
        FROM unnest(CAST(:lines AS integer[]), CAST(:outcomes AS text[]), CAST(:reasons AS text[]),
                    CAST(:attempts AS smallint[])) AS settled (line, outcome, reason, attempts)
        ON CONFLICT DO NOTHING
        RETURNING line, outcome)
"""
_FRESH = "SELECT outcome, 1 FROM fresh"
_INSERT_FIRST = text(_INSERT + _counting(_FRESH))
_INSERT_AGAIN = text(
    _INSERT + _counting(f"{_FRESH} UNION ALL {_BEFORE} AND EXISTS (SELECT FROM fresh WHERE fresh.line = outcomes.line)")
)
_WAITED_FOR = text("""
    SELECT line, array_agg(DISTINCT reason) FROM outcomes
    WHERE request_id = :request_id AND vendor_id = :vendor_id AND line BETWEEN :first_line AND :last_line
        AND round < :round AND outcome = 'needs_action' AND reason IS NOT NULL
    GROUP BY line
""")
_FORGET_SESSIONS = text("""
    DELETE FROM sessions
    WHERE request_id = :request_id AND vendor_id = :vendor_id AND line = ANY(CAST(:lines AS integer[]))
""")
