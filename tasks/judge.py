"""What a run of answers means for a chunk: who is settled after all, what is tried again, and when."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import random

from adapters.contract import Answer, Verdict
from domain.outcomes import Outcome, Reason
from domain.retry import GiveUp, RetryPolicy
from ledger.outcomes import Settled
from tasks.converse import Answered

BLAMED_DELAY_S = 2.0
"""A chunk whose vendor seems out of order comes back after this; the vendor's hold may keep it longer."""

OUTCOMES = {
    Verdict.APPLIED: Outcome.ACCEPTED,
    Verdict.ABSENT: Outcome.ABSENT,
    Verdict.NOT_APPLICABLE: Outcome.NOT_APPLICABLE,
    Verdict.USER: Outcome.REFUSED,
    Verdict.ACTION: Outcome.NEEDS_ACTION,
}
"""The verdicts that end a delivery; every other one leaves it pending."""


@dataclass(frozen=True, slots=True)
class History:
    """What a chunk had behind it when it was taken up."""

    attempts: int
    age_s: float


@dataclass(frozen=True)
class Judgement:
    """What is to be recorded, and how the chunk goes on if somebody in it is still pending."""

    settled: list[Settled] = field(default_factory=list)
    strike: Reason | None = None  # count this against the vendor
    delay_s: float = 0.0
    failed: int = 0  # attempts to count


def ends(answered: Answered) -> bool:
    """Whether this answer settles its person's delivery by itself."""
    return answered.answer.verdict in OUTCOMES and not answered.answer.needs_witness


def settled(answered: Answered, attempts: int) -> Settled:
    """The outcome of a person whose answer is final; `attempts` counts those before this one."""
    answer = answered.answer
    sent = 0 if answer.verdict is Verdict.NOT_APPLICABLE else attempts + 1
    return Settled(answered.person.line, OUTCOMES[answer.verdict], answer.reason, sent)


def judge(
    unsettled: Sequence[Answered],
    history: History,
    policy: RetryPolicy,
    *,
    served: bool,
    witness: bool,
    draw: Callable[[], float] = random,
) -> Judgement:
    """Decide about the answers that did not settle anybody by themselves.

    `served`: the vendor served somebody in this run; then nothing is wrong with all of it, and an answer that says so
    is that person's own failure. `witness`: it served somebody lately, so that a 404 speaks of the person.
    """
    believed = [one for one in unsettled if one.answer.needs_witness and (served or witness)]
    blaming = [one for one in unsettled if _blames(one.answer) and one not in believed]
    failing = [one for one in unsettled if one.answer.verdict in (Verdict.RETRY, Verdict.AMBIGUOUS)]
    if served:
        failing, blaming = failing + blaming, []
    endings = [settled(one, history.attempts) for one in believed]
    strike = blaming[0].answer.reason or Reason.WRONG_ADDRESS if blaming else None
    if not failing:
        return Judgement(endings, strike, delay_s=BLAMED_DELAY_S if blaming else 0.0)
    # A vendor's "too many" is no failure of the delivery; only its age bounds it.
    counted = int(any(one.answer.reason is not Reason.RATE_LIMITED for one in failing))
    asked_s = max(one.answer.retry_after_s for one in failing)
    attempts = history.attempts + counted
    decision = policy.decide(attempts=attempts, age_s=history.age_s, retry_after_s=asked_s, draw=draw)
    if isinstance(decision, GiveUp):
        endings += [Settled(one.person.line, Outcome.EXHAUSTED, one.answer.reason, attempts) for one in failing]
        return Judgement(endings, strike)
    return Judgement(endings, strike, delay_s=decision.delay_s, failed=counted)


def _blames(answer: Answer) -> bool:
    return answer.verdict is Verdict.VENDOR or answer.needs_witness
