"""Withdrawals that are sent again, because a newer opt-in that may have reached the vendor is not wanted any more."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from domain.requests import Kind
from domain.wish import State, Wish
from domain.wishes import Ref, stop_again
from ledger.delivery import successions
from ledger.unsettled import NEEDS_ATTENTION

MOST_EACH = 8
"""How many of the newest requests of other people with the same identifier are compared."""
SCANNED = 256


def after_cancelling(connection: Connection, request_ids: Sequence[int], chunk_ids: Sequence[int]) -> int:
    """Follow up the opt-ins of these chunks, which a worker had begun with, and whose requests were cancelled just now;
    returns how many withdrawals are sent again."""
    if not chunk_ids:
        return 0
    return _follow_up(connection, _CANCELLED, {"request_ids": list(request_ids), "chunk_ids": list(chunk_ids)})


def after_giving_up(connection: Connection, request_ids: Sequence[int], vendor_id: int | None = None) -> int:
    """The same for opt-ins that ended without the vendor's yes, and were closed by hand or whose request was cancelled;
    at one vendor, or at all."""
    return _follow_up(connection, _WITHOUT_YES, {"request_ids": list(request_ids), "vendor_id": vendor_id})


def _follow_up(connection: Connection, which: Any, values: dict[str, Any]) -> int:
    gone: dict[int, list[Ref]] = {}
    for vendor_id, request_id, line in connection.execute(which, values):
        gone.setdefault(vendor_id, []).append(Ref(request_id, line))
    return sum(_at_vendor(connection, vendor_id, gone[vendor_id]) for vendor_id in sorted(gone))


_CANCELLED = text("""
    SELECT DISTINCT outcomes.vendor_id, outcomes.request_id, outcomes.line
    FROM chunks
    JOIN requests ON requests.id = chunks.request_id AND requests.kind = 'opt_in'
    JOIN vendors ON vendors.id = chunks.vendor_id AND retired_at IS NULL
    JOIN outcomes ON outcomes.request_id = chunks.request_id AND outcomes.vendor_id = chunks.vendor_id
        AND outcomes.line BETWEEN first_line AND last_line AND outcomes.round = chunks.round
        AND outcome = 'cancelled' AND outcomes.request_id = ANY(CAST(:request_ids AS bigint[]))
    WHERE chunks.id = ANY(CAST(:chunk_ids AS bigint[]))
""")
_WITHOUT_YES = text(f"""
    SELECT DISTINCT ended.vendor_id, ended.request_id, ended.line
    FROM requests
    JOIN outcomes AS ended ON ended.request_id = requests.id AND ended.{NEEDS_ATTENTION}
        AND ended.outcome <> 'unreachable' AND ended.request_id = ANY(CAST(:request_ids AS bigint[]))
    JOIN vendors ON vendors.id = ended.vendor_id AND retired_at IS NULL
    CROSS JOIN LATERAL (
        SELECT outcome FROM outcomes
        WHERE request_id = ended.request_id AND request_id = ANY(CAST(:request_ids AS bigint[]))
            AND vendor_id = ended.vendor_id AND line = ended.line
        ORDER BY round DESC LIMIT 1) AS latest
    WHERE requests.id = ANY(CAST(:request_ids AS bigint[])) AND requests.kind = 'opt_in' AND (
            latest.outcome = 'cancelled'
            OR requests.status = 'cancelled' AND latest.outcome IN ('refused', 'needs_action', 'exhausted'))
        AND (CAST(:vendor_id AS smallint) IS NULL OR ended.vendor_id = :vendor_id)
""")


def _at_vendor(connection: Connection, vendor_id: int, gone: Sequence[Ref]) -> int:
    values = {
        "requests": [ref.request for ref in gone],
        "request_ids": sorted({ref.request for ref in gone}),
        "vendor_id": vendor_id,
        "lines": [ref.line for ref in gone],
        "scanned": SCANNED,
        "most": MOST_EACH,
    }
    found: dict[Ref, list[Ref]] = {}
    for request_id, line, *other in connection.execute(_STOPPED_BEFORE, values):
        found.setdefault(Ref(request_id, line), []).append(Ref(*other))
    if not found:  # usually
        return 0
    wishes = _wishes(connection, {*found, *(ref for refs in found.values() for ref in refs)})
    again = {ref for mine, refs in found.items() for ref in stop_again(wishes[mine], [wishes[ref] for ref in refs])}
    return successions.repeat(connection, vendor_id, sorted(again))


def _wishes(connection: Connection, refs: set[Ref]) -> dict[Ref, Wish]:
    """By fingerprints only: nobody is decrypted for it."""
    values = {"requests": [ref.request for ref in refs], "lines": [ref.line for ref in refs]}
    prints: dict[Ref, dict[str, set[Any]]] = {ref: {} for ref in refs}
    for request, line, kind, a_print in connection.execute(_PRINTS, values):
        prints[Ref(request, line)].setdefault(kind, set()).add(a_print)
    requests = {row.id: row for row in connection.execute(_REQUESTS, values)}
    return {
        ref: Wish(
            kind=(kind := Kind(requests[ref.request].kind)),
            effective_at=requests[ref.request].effective_at,
            request=ref.request,
            line=ref.line,
            state=State.CANCELLED if kind is Kind.OPT_IN else State.YES,
            touches=frozenset(),
            keys=None,
            identifiers={kind: frozenset(those) for kind, those in prints[ref].items()},
        )
        for ref in refs
    }


_REQUESTS = text("""
    SELECT id, CAST(kind AS text) AS kind, effective_at FROM requests WHERE id = ANY(CAST(:requests AS bigint[]))
""")
_PRINTS = text("""
    SELECT pair.request_id, pair.line, found.kind, found.print
    FROM unnest(CAST(:requests AS bigint[]), CAST(:lines AS integer[])) AS pair (request_id, line)
    CROSS JOIN LATERAL (
        SELECT named.kind, named.print FROM subjects CROSS JOIN LATERAL (
            VALUES ('user_id', user_print), ('email', email_print), ('phone_number', phone_print)
        ) AS named (kind, print)
        WHERE request_id = pair.request_id AND line = pair.line
        UNION ALL
        SELECT kind, print FROM other_identifiers WHERE request_id = pair.request_id AND line = pair.line
    ) AS found
    WHERE found.print IS NOT NULL
""")


def _arm(mine: str, table: str, column: str, wanted: str) -> str:
    return f"""
        SELECT {mine}.request_id, {mine}.line, also.request_id, also.line, also.ended_at
        FROM {mine} CROSS JOIN LATERAL (
            SELECT scanned.request_id, scanned.line, latest.settled_at AS ended_at
            FROM (SELECT request_id, line FROM {table}
                  WHERE {column} = {wanted} AND request_id <> {mine}.request_id
                  ORDER BY request_id DESC LIMIT :scanned) AS scanned
            CROSS JOIN LATERAL (SELECT * FROM requests WHERE requests.id = scanned.request_id OFFSET 0) AS other
            CROSS JOIN LATERAL (
                SELECT outcome, settled_at FROM outcomes
                WHERE request_id = scanned.request_id AND vendor_id = :vendor_id AND line = scanned.line
                ORDER BY round DESC LIMIT 1) AS latest
            WHERE other.kind <> 'opt_in' AND :vendor_id = ANY(other.vendor_ids)
                AND latest.outcome IN ('accepted', 'verified', 'absent')
            ORDER BY request_id DESC LIMIT :most) AS also
    """


_NAMES = ("user_print", "email_print", "phone_print")
# A withdrawal after the opt-in had ended still holds: it took effect later.
_STOPPED_BEFORE = text(f"""
    WITH gone AS MATERIALIZED (
        SELECT * FROM unnest(CAST(:requests AS bigint[]), CAST(:lines AS integer[])) AS gone (request_id, line)),
    mine AS MATERIALIZED (
        SELECT request_id, line, {", ".join(_NAMES)} FROM subjects JOIN gone USING (request_id, line)
        WHERE request_id = ANY(CAST(:request_ids AS bigint[]))),
    other_mine AS MATERIALIZED (
        SELECT request_id, line, print FROM other_identifiers JOIN gone USING (request_id, line)
        WHERE request_id = ANY(CAST(:request_ids AS bigint[]))),
    same (request_id, line, other_id, other_line, ended_at) AS ({
    " UNION ALL ".join(
        [
            *[_arm("mine", "subjects", name, f"mine.{name}") for name in _NAMES],
            *[_arm("mine", "other_identifiers", "print", f"mine.{name}") for name in _NAMES],
            *[_arm("other_mine", "subjects", name, "other_mine.print") for name in _NAMES],
            _arm("other_mine", "other_identifiers", "print", "other_mine.print"),
        ]
    )
})
    SELECT DISTINCT same.request_id, same.line, other_id, other_line
    FROM same
    CROSS JOIN LATERAL (
        SELECT settled_at FROM outcomes
        WHERE request_id = same.request_id AND vendor_id = :vendor_id AND outcomes.line = same.line
        ORDER BY round DESC LIMIT 1) AS mine_ended
    WHERE same.ended_at <= mine_ended.settled_at
""")
