"""What a run of answers means for a chunk: who is settled after all, who is tried again and when."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapters.contract import Person, Verdict
from domain.outcomes import Outcome, Reason
from domain.retry import Again, RetryPolicy, Setback
from ledger.outcomes import Settled
from tasks.converse import OUT_OF_ORDER, Answered

OUTCOMES = {
    Verdict.APPLIED: Outcome.ACCEPTED,
    Verdict.SEEN: Outcome.VERIFIED,
    Verdict.ABSENT: Outcome.ABSENT,
    Verdict.NOT_APPLICABLE: Outcome.NOT_APPLICABLE,
    Verdict.UNREACHABLE: Outcome.UNREACHABLE,
    Verdict.USER: Outcome.REFUSED,
    Verdict.ACTION: Outcome.NEEDS_ACTION,
}
"""The verdicts that end a delivery; every other one leaves it pending."""


@dataclass(frozen=True)
class Judgement:
    """What is to be recorded of those whose answer did not end their delivery by itself."""

    settled: list[Settled]
    setbacks: list[Setback]
    strike: Reason | None  # count this against the vendor


def ends(answered: Answered) -> bool:
    """Whether this answer settles its people's deliveries by itself."""
    return answered.answer.verdict in OUTCOMES and not answered.answer.needs_witness


def settled(answered: Answered, history: Mapping[int, Setback]) -> list[Settled]:
    """The outcomes of people whose answer is final, together where they failed as often before."""
    answer = answered.answer
    untried = answer.verdict in (Verdict.NOT_APPLICABLE, Verdict.UNREACHABLE)
    return [
        Settled(lines, OUTCOMES[answer.verdict], answer.reason, 0 if untried else failed + 1)
        for (failed, _), lines in by_past(answered.people, history).items()
    ]


def by_past(people: Sequence[Person], history: Mapping[int, Setback]) -> dict[tuple[int, float | None], list[int]]:
    """Lines of people by how many attempts of theirs have failed, and since when (None: never)."""
    if not history:
        return {(0, None): [person.line for person in people]}
    together: defaultdict[tuple[int, float | None], list[int]] = defaultdict(list)
    for person in people:
        before = history.get(person.line)
        together[(before.attempts, before.since) if before else (0, None)].append(person.line)
    return together


def judge(
    unsettled: Sequence[Answered],
    history: Mapping[int, Setback],
    policy: RetryPolicy,
    *,
    served: bool,
    witness: bool,
    now: float,
    jitter: float,
) -> Judgement:
    """Decide about the answers that did not settle anybody by themselves.

    `history`: the setback behind each line that has one. `served`: the vendor served somebody in this run; then nothing
    is wrong with all of it, and an answer that says so is that person's own failure. `witness`: it served somebody
    lately, so that a 404 speaks of the person. `jitter`: from 0 to 1, one for the run.
    """
    doubted = [one for one in unsettled if one.answer.needs_witness]
    believed = doubted if served or witness else []
    blaming = [one for one in unsettled if one.answer.verdict is Verdict.VENDOR] + ([] if believed else doubted)
    failing = [one for one in unsettled if one.answer.verdict in (Verdict.RETRY, Verdict.AMBIGUOUS, Verdict.WAITING)]
    if served:
        failing, blaming = failing + blaming, []
    endings = [ending for one in believed for ending in settled(one, history)]
    together: defaultdict[tuple[int, float, float], list[int]] = defaultdict(list)
    for one in failing:
        # A vendor's "too many" or "taken, ask later" is no failure of the delivery; only its age bounds it.
        counted = 0 if one.answer.reason is Reason.RATE_LIMITED or one.answer.verdict is Verdict.WAITING else 1
        for (failed, since), lines in by_past(one.people, history).items():
            attempts, first = failed + counted, now if since is None else since
            decision = policy.decide(
                attempts=attempts, age_s=now - first, jitter=jitter, retry_after_s=one.answer.retry_after_s
            )
            if isinstance(decision, Again):
                together[attempts, first, now + decision.delay_s] += lines
            else:
                endings.append(Settled(lines, Outcome.EXHAUSTED, one.answer.reason, attempts))
    setbacks = [Setback(attempts, since, due, tuple(lines)) for (attempts, since, due), lines in together.items()]
    strike = _strike(blaming, failing, served=served)
    return Judgement(endings, setbacks, strike)


def _strike(blaming: Sequence[Answered], failing: Sequence[Answered], *, served: bool) -> Reason | None:
    """What to count against the vendor: what it was blamed for, or that it served nobody and only failed."""
    if blaming:
        return blaming[0].answer.reason or Reason.WRONG_ADDRESS
    reasons = [one.answer.reason for one in failing]
    if served or not reasons or any(reason not in OUT_OF_ORDER for reason in reasons):
        return None
    return reasons[0]
