"""Deliveries that a legal hold withholds: which hold each waits for, and sending them when it ends."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

from domain.outcomes import Outcome, Reason
from domain.suppression import Identifiers
from ledger import legal_holds
from ledger.delivery.chunks import Lease
from ledger.rounds import reopen_outcomes


def keep(connection: Connection, lease: Lease, holds: Mapping[int, int]) -> None:
    """Record for which hold people of a leased chunk wait who were just recorded as withheld, by line."""
    values: dict[str, Any] = {"request_id": lease.request_id, "vendor_id": lease.vendor_id, "round": lease.round}
    connection.execute(_KEEP, values | {"lines": list(holds), "holds": list(holds.values())})


# A delivery that already had an outcome kept it.
_KEEP = text("""
    INSERT INTO withheld (request_id, vendor_id, line, hold_id)
    SELECT :request_id, :vendor_id, line, hold_id
    FROM unnest(CAST(:lines AS integer[]), CAST(:holds AS bigint[])) AS kept (line, hold_id)
    WHERE EXISTS (
        SELECT FROM outcomes
        WHERE request_id = :request_id AND vendor_id = :vendor_id AND outcomes.line = kept.line
            AND outcomes.round = :round AND outcome = 'withheld')
    ON CONFLICT (request_id, vendor_id, line) DO UPDATE SET hold_id = excluded.hold_id
""")


def send_after(connection: Connection, hold_id: int) -> list[str]:
    """Send what waited for a hold that the caller has ended, in a new round; returns the vendors. What another hold
    keeps waits for that one. Requests that were cancelled, and what was settled by hand meanwhile, are left alone."""
    waiting: defaultdict[int, set[tuple[int, int]]] = defaultdict(set)
    for request_id, vendor_id, line in connection.execute(_WAITING, {"hold": hold_id}):
        waiting[request_id].add((vendor_id, line))
    running = set(connection.execute(_LOCK, {"ids": sorted(waiting)}).scalars()) if waiting else set()
    sent: set[int] = set()
    for request_id, places in sorted(waiting.items()):
        kept = legal_holds.keeping(connection, request_id, sorted({line for _, line in places}))
        if kept:
            others: dict[str, Any] = {"lines": list(kept), "holds": [hold.id for hold in kept.values()]}
            others |= {"reasons": [hold.reason.value for hold in kept.values()]}
            connection.execute(_HAND_ON, {"request_id": request_id, "hold": hold_id, **others})
        by_vendor: defaultdict[int, list[int]] = defaultdict(list)
        for vendor_id, line in sorted(places) if request_id in running else ():
            if line not in kept:
                by_vendor[vendor_id].append(line)
        for vendor_id, lines in by_vendor.items():
            if reopen_outcomes(connection, request_id, vendor_id, lines, (Outcome.WITHHELD.value,)):
                sent.add(vendor_id)
    connection.execute(_DONE, {"hold": hold_id})
    return _named(connection, sent)


_WAITING = text("SELECT request_id, vendor_id, line FROM withheld WHERE hold_id = :hold")
_LOCK = text("""
    SELECT id FROM requests
    WHERE id = ANY(CAST(:ids AS bigint[])) AND status IN ('running', 'completed', 'completed_with_exceptions')
    ORDER BY id FOR NO KEY UPDATE
""")
# An outcome says why the data is kept, so another reason is another outcome. The tallies stay as they are.
_HAND_ON = text("""
    WITH other AS (
        SELECT * FROM unnest(CAST(:lines AS integer[]), CAST(:holds AS bigint[]), CAST(:reasons AS text[]))
            AS other (line, hold_id, reason)),
    handed_on AS (
        UPDATE withheld SET hold_id = other.hold_id
        FROM other
        WHERE request_id = :request_id AND withheld.hold_id = :hold AND withheld.line = other.line
        RETURNING vendor_id, withheld.line, reason),
    to_hash_again AS (
        INSERT INTO trees_due (request_id) SELECT :request_id WHERE EXISTS (SELECT FROM handed_on))
    INSERT INTO outcomes (request_id, vendor_id, line, round, attempts, outcome, reason)
    SELECT :request_id, vendor_id, line, latest.round + 1, latest.attempts, 'withheld', handed_on.reason
    FROM handed_on CROSS JOIN LATERAL (
        SELECT outcome, reason, round, attempts FROM outcomes
        WHERE outcomes.request_id = :request_id AND outcomes.vendor_id = handed_on.vendor_id
            AND outcomes.line = handed_on.line
        ORDER BY round DESC LIMIT 1) AS latest
    WHERE latest.outcome = 'withheld' AND latest.reason <> handed_on.reason
""")
_DONE = text("DELETE FROM withheld WHERE hold_id = :hold")


def take_back_tasks(connection: Connection, person: Identifiers) -> list[str]:
    """Take back what recipients without an API were to be asked for about a person whom a new hold keeps, where that is
    an erasure; returns these recipients. It is delivered anew, and so withheld."""
    waiting: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    values = {"prints": [a_print.hex() for _, a_print in person], "reason": Reason.MANUAL.value}
    for request_id, vendor_id, line in connection.execute(_TASKS, values):
        waiting[request_id, vendor_id].append(line)
    running = (
        set(connection.execute(_LOCK, {"ids": sorted({one for one, _ in waiting})}).scalars()) if waiting else set()
    )
    sent: set[int] = set()
    for (request_id, vendor_id), lines in sorted(waiting.items()):
        kept = sorted(legal_holds.keeping(connection, request_id, lines)) if request_id in running else []
        if kept and reopen_outcomes(connection, request_id, vendor_id, kept, (Outcome.NEEDS_ACTION.value,)):
            sent.add(vendor_id)
    return _named(connection, sent)


def _named(connection: Connection, vendor_ids: set[int]) -> list[str]:
    return list(connection.execute(_NAMES, {"ids": sorted(vendor_ids)}).scalars()) if vendor_ids else []


# OFFSET 0: one person is looked up, never all people or all tasks.
_TASKS = text(f"""
    WITH asked AS MATERIALIZED (SELECT * FROM unnest(CAST(:prints AS uuid[])) AS asked (print)),
    place AS MATERIALIZED ({
    " UNION ".join(
        f'''
        SELECT found.request_id, found.line FROM asked CROSS JOIN LATERAL (
            SELECT request_id, line FROM {table} WHERE {table}.{column} = asked.print OFFSET 0) AS found'''
        for table, column in (
            ("subjects", "user_print"),
            ("subjects", "email_print"),
            ("subjects", "phone_print"),
            ("other_identifiers", "print"),
        )
    )
})
    SELECT place.request_id, there.vendor_id, place.line
    FROM place
    CROSS JOIN LATERAL (
        SELECT unnest(vendor_ids) AS vendor_id FROM requests
        WHERE requests.id = place.request_id AND CAST(kind AS text) = 'erasure' OFFSET 0) AS there
    JOIN vendors ON vendors.id = there.vendor_id AND by_hand IS NOT NULL
    CROSS JOIN LATERAL (
        SELECT outcome, reason FROM outcomes
        WHERE outcomes.request_id = place.request_id AND outcomes.vendor_id = there.vendor_id
            AND outcomes.line = place.line
        ORDER BY round DESC LIMIT 1) AS latest
    WHERE CAST(latest.outcome AS text) = 'needs_action' AND latest.reason = :reason
""")
_NAMES = text("SELECT name FROM vendors WHERE id = ANY(CAST(:ids AS smallint[])) ORDER BY name")
