"""Asks the controller's directory for identifiers that people of a request lack, before anything of it is sent."""

import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from adapters.clock import monotonic
from adapters.contract import NotNowError
from domain.directory import Answers, DirectoryError, Finding, contradicts
from domain.noticed import Noticed
from domain.reach import OWN, Fields, completed, is_found
from domain.requests import Subject
from domain.retry import Again, RetryPolicy
from ledger.delivery.vendors import all_vendors
from ledger.requests import resolving
from ledger.requests.resolving import Block
from ledger.sealing import MasterKeys, UnsealError
from ledger.session import Engine
from tasks.provide import keeps_sessions
from tasks.reach import fields_at
from tasks.subjects import SubjectError, check_subject, fits_vendor

log = logging.getLogger(__name__)

POLICY = RetryPolicy(max_attempts=100_000, max_age_s=float("inf"), base_s=2.0, cap_s=60.0)
"""Retries for ever: people wait as long as the directory is away."""
LEASE_S = 60.0
"""A worker silent for this long is taken for dead. It is several times what one question may take."""
TURN_S = 5.0
"""How long one call keeps working. The rest is left to the next call."""
SAID = frozenset({*OWN, "vendors"})
"""What an answer may say about a person."""


@dataclass(frozen=True)
class Resolver:
    """What asking needs."""

    engine: Engine
    masters: MasterKeys
    look_up: Callable[[Sequence[Subject], Callable[[], bool]], Answers] = field(repr=False)
    """Asks about these people, and sends nothing once the given function says that the time is over; raises
    DirectoryError, NotNowError."""
    wake: Callable[[Sequence[str]], None] = field(repr=False)
    """Wakes the workers of these vendors."""
    stopping: Callable[[], bool] = field(repr=False)
    batch: int = resolving.BLOCK
    """People in one question."""


def resolve(resolver: Resolver) -> int:
    """Ask about people who lack identifiers, a block at a time, for some seconds at most; returns the number of blocks.
    One call works at a time; starting more at once is harmless.

    Each block is one transaction, and none is recorded twice. After a crash the same people are asked about again.
    """
    blocks = 0
    enough = time.monotonic() + TURN_S
    while not resolver.stopping() and time.monotonic() < enough:
        asked = monotonic()
        with resolver.engine.begin() as connection:
            taken = resolving.take(connection, lease_s=LEASE_S)
        if taken is None:
            break
        turn = _Turn(resolver.engine, taken.until, asked)
        try:
            _do(resolving.open_taken(taken, resolver.masters), resolver, turn)
        except NotNowError:  # another process has the turn
            break
        except DirectoryError as error:
            _wait(error.problem, error.retry_after_s, resolver)
            break
        except UnsealError:  # the next turn takes another request
            _wait("people of a request cannot be opened: a master key is missing here", 0.0, resolver)
            break
        blocks += 1
    return blocks


@dataclass
class _Turn:
    """The turn to ask. Nothing is sent once it is over, however long this process was frozen."""

    engine: Engine
    until: datetime
    since: float
    """By our monotonic clock, from before it was asked for."""

    def is_over(self) -> bool:
        """Whether another worker may have it before a question would be answered."""
        return monotonic() - self.since > LEASE_S / 2

    def keep(self) -> None:
        """Extend it for the next question. Raises NotNowError where it is lost."""
        if monotonic() - self.since < LEASE_S / 4:
            return
        asked = monotonic()
        with self.engine.begin() as connection:
            until = resolving.keep(connection, self.until, lease_s=LEASE_S)
        if until is None:
            raise NotNowError(0.0)
        self.until, self.since = until, asked


def _do(block: Block, resolver: Resolver, turn: _Turn) -> None:
    """Raises DirectoryError, NotNowError."""
    with resolver.engine.connect() as connection:
        mine = [vendor for vendor in all_vendors(connection) if vendor.id in set(block.vendor_ids)]
    fields = {name: its for name, its in fields_at(mine, block.kind).items() if not keeps_sessions(name)}
    lacking = {line: subject for line, subject in block.people.items() if _lacks(subject, fields)}
    answers = _ask(list(lacking.values()), resolver, turn)
    judged = [judge(subject, said) for subject, said in zip(lacking.values(), answers, strict=True)]
    whole = {line: one for line, (_, one) in zip(lacking, judged, strict=True) if one is not None}
    with resolver.engine.begin() as connection:
        resolving.record(
            connection,
            block,
            resolver.masters,
            completed=whole,
            findings=Counter(finding for finding, _ in judged),
            found=_now_found(lacking, whole, fields),
        )
        resolving.answered(connection)
    if block.next_line is None:
        resolver.wake([vendor.name for vendor in mine])


def judge(subject: Subject, answers: Sequence[object]) -> tuple[Finding, Subject | None]:
    """What follows from the directory's records of one person; with the completed person, where it is to be stored."""
    if not answers:
        return Finding.UNKNOWN, None
    said = answers[0]
    if len(answers) > 1 or not isinstance(said, dict) or not said.keys() <= SAID:
        return Finding.UNUSABLE, None
    try:
        more = check_subject(said, Noticed())
    except SubjectError:
        return Finding.UNUSABLE, None
    if contradicts(subject, more):
        return Finding.CONTRADICTING, None
    whole = completed(subject, more, keep_out=filter(keeps_sessions, more.get("vendors") or ()), fits=fits_vendor)
    return (Finding.COMPLETED, whole) if whole != subject else (Finding.NOTHING_NEW, None)


def _ask(people: Sequence[Subject], resolver: Resolver, turn: _Turn) -> list[Sequence[object]]:
    answers: list[Sequence[object]] = []
    for first in range(0, len(people), resolver.batch):
        turn.keep()
        answers += resolver.look_up(people[first : first + resolver.batch], turn.is_over)
    return answers


def _lacks(subject: Subject, fields: Mapping[str, Fields]) -> bool:
    return not all(is_found(subject, its) for its in fields.values())


def _now_found(
    before: Mapping[int, Subject], whole: Mapping[int, Subject], fields: Mapping[str, Fields]
) -> Mapping[str, int]:
    return Counter(
        vendor
        for line, subject in whole.items()
        for vendor, its in fields.items()
        if is_found(subject, its) and not is_found(before[line], its)
    )


def _wait(problem: str, retry_after_s: float, resolver: Resolver) -> None:
    with resolver.engine.begin() as connection:
        failures = resolving.directory_state(connection).failures + 1
        then = POLICY.decide(
            attempts=failures,
            age_s=0.0,
            jitter=1.0 - random.random() / 5,  # noqa: S311 - spreads load, guards nothing
            retry_after_s=retry_after_s,
        )
        delay_s = then.delay_s if isinstance(then, Again) else POLICY.cap_s
        resolving.failed(connection, problem, delay_s)
    log.warning("the directory: %s; requests wait for it, again in %.0f s", problem, delay_s)
