"""What must be true when all is over: asked of the ledger and of the vendors, delivery by delivery."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from domain.outcomes import ATTENTION, Outcome, may_follow
from domain.requests import Kind
from ledger.reports import deliveries_of
from ledger.session import Engine
from local.compare import disagreements
from tasks.verify import REDELIVERIES
from tests.chaos.people import MARKER, Wish

STEPS = {"akinon": 1, "algonomy": 1, "b2core": 3, "dfinery": 2, "insider": 2}
"""How many calls one delivery makes that change something at the vendor: B2CORE deletes two contacts and the profile,
Dfinery sets the flags and deletes what it knows people by, Insider deletes and then forbids to interact."""

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
    """What is wrong, in words that name nobody; empty where all is well. And what was measured."""

    wrong: list[str] = field(default_factory=list)
    deliveries: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    disagreeing: int = 0
    effects: dict[str, int] = field(default_factory=dict)
    """The most that one person met at each vendor."""


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
    """Compare the ledger with itself and with the vendors. `submitted`: in the order of their recording."""
    findings = Findings()
    histories = _histories(connection)
    ids = {public_id: (request_id, subjects) for request_id, public_id, _, subjects in connection.execute(REQUESTS)}
    _check_rounds(findings, histories)
    _check_tallies(findings, histories, connection.execute(TALLIES).fetchall())
    _check_statuses(findings, histories, connection)
    if len(ids) != len(submitted):
        findings.wrong.append(f"{len(submitted)} requests were submitted, {len(ids)} are on record")
    last = {person["user_id"]: public_id for wish, public_id in submitted for person in wish.people}
    attempts: defaultdict[tuple[str, str], int] = defaultdict(int)
    for wish, public_id in submitted:
        request_id, subjects = ids[public_id]
        user_ids = [person["user_id"] for person in wish.people]
        with engine.connect() as ledger:
            rows = list(deliveries_of(ledger, public_id))
        findings.deliveries += len(rows)
        findings.outcomes.update(row.outcome for row in rows)
        if subjects != len(user_ids) or len(rows) != subjects * len(STEPS):
            findings.wrong.append(f"{wish.kind}: {len(rows)} deliveries of {len(user_ids)} people")
        for row in rows:
            tried = sum(one.attempts for one in histories[request_id, row.vendor, row.line])
            attempts[row.vendor, user_ids[row.line - 1]] += max(tried, 1) + REDELIVERIES * (
                row.outcome in (Outcome.VERIFIED, Outcome.NEEDS_ACTION)
            )
        newest = [row for row in rows if last[user_ids[row.line - 1]] == public_id]
        if superseded := sum(row.outcome == Outcome.SUPERSEDED for row in newest):
            findings.wrong.append(f"{wish.kind}: {superseded} deliveries superseded though no newer wish is there")
        if wish.kind is not Kind.OPT_IN:
            told = disagreements(wish.kind, newest, user_ids, facts)
            findings.disagreeing += len(told)
            counted = Counter((one.vendor, one.outcome, one.in_effect) for one in told)
            findings.wrong += [
                f"{wish.kind} at {vendor}: {count} stand as {outcome}, in effect there: {in_effect}"
                for (vendor, outcome, in_effect), count in sorted(counted.items())
            ]
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


def _check_statuses(findings: Findings, histories: Histories, connection: psycopg.Connection) -> None:
    noticed = {request_id for (request_id, _, _), rounds in histories.items() if rounds[-1].outcome in ATTENTION}
    for request_id, _, status, _ in connection.execute(REQUESTS):
        expected = "completed_with_exceptions" if request_id in noticed else "completed"
        if status != expected:
            findings.wrong.append(f"request {request_id} is {status}, its deliveries say {expected}")


def _check_effects(
    findings: Findings, facts: Iterable[Mapping[str, Any]], attempts: Mapping[tuple[str, str], int], costly_faults: int
) -> None:
    """A delivery is repeated only where an attempt failed, which is counted in it, where a read-back did not find it,
    or where a fault of ours took the answer along; so each of these bounds how often one person's effect happens."""
    for fact in facts:
        vendor, effects = fact["vendor"], fact["effects"]
        findings.effects[vendor] = max(effects, findings.effects.get(vendor, 0))
        bound = STEPS[vendor] * (attempts[vendor, fact["user_id"]] + costly_faults)
        if effects > bound:
            findings.wrong.append(f"{vendor}: {effects} effects on one person, accounted for: {bound}")


def told_of_people(folder: Path) -> list[str]:
    """The files below `folder` in which somebody can be found."""
    return [path.name for path in sorted(folder.rglob("*")) if path.is_file() and MARKER.encode() in path.read_bytes()]
