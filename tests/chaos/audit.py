"""What must be true at the end: checked in the ledger and at the vendors, delivery by delivery."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from adapters.registry import ADAPTERS
from domain.outcomes import ATTENTION, Outcome
from ledger.session import Engine
from tasks.verify import REDELIVERIES
from tests.chaos.people import MARKER, Wish, household_of
from tests.chaos.whose_wish import Told, judge_wishes
from tests.transitions import may_follow

UNFINISHED = """
SELECT (SELECT count(*) FROM requests WHERE status NOT IN ('completed', 'completed_with_exceptions', 'cancelled'))
     + (SELECT count(*) FROM chunks WHERE state <> 'closed')
"""
HISTORIES = """
SELECT request_id, vendors.name, line, round, CAST(outcome AS text), attempts
FROM outcomes JOIN vendors ON vendors.id = vendor_id ORDER BY 1, 2, 3, 4
"""
TALLIES = """
SELECT request_id, vendors.name, CAST(outcome AS text), deliveries
FROM tallies JOIN vendors ON vendors.id = vendor_id WHERE deliveries > 0
"""
REQUESTS = "SELECT id, public_id, CAST(status AS text), subjects FROM requests ORDER BY id"


@dataclass
class Findings:
    """What is wrong, in words that name nobody; empty where all is well. Also what was measured."""

    wrong: list[str] = field(default_factory=list)
    deliveries: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    disagreeing: int = 0
    effects: dict[str, int] = field(default_factory=dict)
    """The most effects on one person at each vendor."""


def unfinished(connection: psycopg.Connection) -> int:
    """Requests that are not closed and chunks that are not."""
    row = connection.execute(UNFINISHED).fetchone()
    assert row is not None
    return int(row[0])


def audit(
    connection: psycopg.Connection,
    engine: Engine,
    submitted: Sequence[tuple[Wish, UUID]],
    facts: list[Mapping[str, Any]],
    *,
    costly_faults: int,
) -> Findings:
    """Compare the ledger with itself and with the vendors. `submitted`: in the order of recording."""
    findings = Findings()
    histories = _histories(connection)
    requests = connection.execute(REQUESTS).fetchall()
    ids = {public_id: (request_id, subjects) for request_id, public_id, _, subjects in requests}
    _check_rounds(findings, histories)
    _check_tallies(findings, histories, connection.execute(TALLIES).fetchall())
    cancelled = {ids[public_id][0] for wish, public_id in submitted if wish.cancelled and public_id in ids}
    _check_statuses(findings, histories, requests, cancelled)
    if len(ids) != len(submitted):
        findings.wrong.append(f"{len(submitted)} requests were submitted, {len(ids)} are on record")
    told = Told.of(submitted, {public_id: status for _, public_id, status, _ in requests}, engine)
    attempts: defaultdict[tuple[str, str], int] = defaultdict(int)
    for wish, public_id in submitted:
        request_id, subjects = ids[public_id]
        names, rows = wish.names, told.rows[public_id]
        findings.deliveries += len(rows)
        findings.outcomes.update(row.outcome for row in rows)
        if subjects != len(names) or len(rows) != subjects * len(wish.vendors):
            findings.wrong.append(f"{wish.kind}: {len(rows)} deliveries of {len(names)} people")
        for row in rows:
            tried = sum(one.attempts for one in histories[request_id, row.vendor, row.line])
            attempts[row.vendor, household_of(names[row.line - 1])] += max(tried, 1) + REDELIVERIES * (
                row.outcome in (Outcome.VERIFIED, Outcome.NEEDS_ACTION)
            )
    disagreeing, wrong = judge_wishes(told, facts)
    findings.disagreeing += disagreeing
    findings.wrong += wrong
    _check_effects(findings, facts, attempts, costly_faults)
    return findings


@dataclass(frozen=True)
class _Round:
    round: int
    outcome: str
    attempts: int


Histories = Mapping[tuple[int, str, int], list[_Round]]


def _histories(connection: psycopg.Connection) -> Histories:
    found: defaultdict[tuple[int, str, int], list[_Round]] = defaultdict(list)
    for request_id, vendor, line, round_, outcome, attempts in connection.execute(HISTORIES):
        found[request_id, vendor, line].append(_Round(round_, outcome, attempts))
    return found


def _check_rounds(findings: Findings, histories: Histories) -> None:
    for (_, vendor, _), rounds in histories.items():
        if [one.round for one in rounds] != list(range(1, len(rounds) + 1)):
            findings.wrong.append(f"{vendor}: a delivery with rounds {[one.round for one in rounds]}")
        steps: list[Outcome | None] = [
            None,
            *(None if one.outcome == "pending" else Outcome(one.outcome) for one in rounds),
        ]
        for before, after in pairwise(steps):
            if after is not None and not may_follow(before, after):
                findings.wrong.append(f"{vendor}: {after} follows {before}")
        if steps[-1] is None:
            findings.wrong.append(f"{vendor}: a delivery is still pending")


def _check_tallies(findings: Findings, histories: Histories, kept: Iterable[tuple[Any, ...]]) -> None:
    counted = Counter(
        (request_id, vendor, rounds[-1].outcome)
        for (request_id, vendor, _), rounds in histories.items()
        if rounds[-1].outcome != "pending"
    )
    tallied = {(request_id, vendor, outcome): count for request_id, vendor, outcome, count in kept}
    for key in sorted(counted.keys() | tallied.keys()):
        if counted[key] != tallied.get(key, 0):
            findings.wrong.append(
                f"tally of request {key[0]}, {key[1]}, {key[2]}: {tallied.get(key, 0)}, counted {counted[key]}"
            )


def _check_statuses(
    findings: Findings, histories: Histories, requests: Iterable[tuple[Any, ...]], cancelled: set[int]
) -> None:
    noticed = {request_id for (request_id, _, _), rounds in histories.items() if rounds[-1].outcome in ATTENTION}
    for request_id, _, status, _ in requests:
        expected = "completed_with_exceptions" if request_id in noticed else "completed"
        if status != expected and not (status == "cancelled" and request_id in cancelled):
            findings.wrong.append(f"request {request_id} is {status}, its deliveries say {expected}")


def _check_effects(
    findings: Findings, facts: Iterable[Mapping[str, Any]], attempts: Mapping[tuple[str, str], int], costly_faults: int
) -> None:
    """A delivery is repeated only where an attempt failed, which it counts, where a read-back did not find it, or where
    a fault of ours lost the answer. Each of these bounds how often one person's effect happens, in as many calls as the
    vendor's card says. Lookups change nothing, and a call that is sent again in another form was refused before."""
    for fact in facts:
        vendor, effects = fact["vendor"], fact["effects"]
        findings.effects[vendor] = max(effects, findings.effects.get(vendor, 0))
        bound = ADAPTERS[vendor].card.work.changes * (
            attempts[vendor, household_of(fact["user_id"] or "")] + costly_faults
        )
        if effects > bound:
            findings.wrong.append(f"{vendor}: {effects} effects on one person, accounted for: {bound}")


def told_of_people(folder: Path) -> list[str]:
    """The files below `folder` in which somebody can be found."""
    return [path.name for path in sorted(folder.rglob("*")) if path.is_file() and MARKER.encode() in path.read_bytes()]
