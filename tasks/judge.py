"""Decides what a run's answers mean: who is settled, who is retried and when, what is counted against the vendor.

It decides by step and by person. A yes at a step is a witness for that step alone. Where a step refuses or blames
everybody, the people are not charged for it; where others are served, the refusal is about the person.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil

from adapters.contract import Answer, Person, Verdict
from domain.outcomes import Outcome, Reason
from domain.retry import Again, Job, RetryPolicy, Setback
from ledger.delivery.outcomes import Settled
from tasks.consequences import CONFLICT_WAITS_S, LONE_WAITS_S, Consequence, Past, consequence_of, passes
from tasks.evidence import Answered, Evidence, Sort, most_alike, sort_of

OUTCOMES = {
    Verdict.APPLIED: Outcome.ACCEPTED,
    Verdict.SEEN: Outcome.VERIFIED,
    Verdict.ABSENT: Outcome.ABSENT,
    Verdict.NOT_APPLICABLE: Outcome.NOT_APPLICABLE,
    Verdict.UNREACHABLE: Outcome.UNREACHABLE,
    Verdict.USER: Outcome.REFUSED,
    Verdict.ACTION: Outcome.NEEDS_ACTION,
}
"""The verdicts that end a delivery. Every other one leaves it pending."""
UNASKED = frozenset({Verdict.NOT_APPLICABLE, Verdict.UNREACHABLE})
"""Verdicts that we give ourselves, without having sent anything."""

BLAMED_DELAY_S = 2.0
"""Delay for people whose vendor seems out of order. The vendor's hold may keep them longer."""
SOON_TOGETHER_S, TOGETHER_S = 1.0, 30.0
"""Looks at jobs are rounded up to multiples of this many seconds (the second value where they are further off), so that
the people of a chunk are looked at in few runs."""


@dataclass(frozen=True)
class Strike:
    """What one run counts against a step of the vendor."""

    reason: Reason
    refused: frozenset[int] = frozenset()
    """Lines of those who were refused; each counts once. Empty: the run as a whole counts once."""
    everybody: bool = True
    """Whether the step is to blame. If not, the refused are only remembered and count later with others."""


@dataclass(frozen=True)
class Judgement:
    """What to record of those whose answer did not end their delivery by itself."""

    settled: list[Settled] = field(default_factory=list)
    setbacks: list[Setback] = field(default_factory=list)
    strikes: dict[str, Strike] = field(default_factory=dict)
    """By step."""

    @property
    def blamed(self) -> bool:
        """Whether some step is to blame."""
        return any(strike.everybody for strike in self.strikes.values())


def ends(answered: Answered) -> bool:
    """Whether this answer ends its people's deliveries by itself."""
    answer = answered.answer
    if answer.needs_witness or answer.verdict not in OUTCOMES or passes(answer):
        return False
    return not answered.step or sort_of(answer) is not Sort.REFUSAL


def settled(answered: Answered, history: Mapping[int, Setback]) -> list[Settled]:
    """The outcomes of people whose answer is final, grouped by how often they had failed before."""
    answer = answered.answer
    return [
        Settled(lines, OUTCOMES[answer.verdict], answer.reason, 0 if answer.verdict in UNASKED else past.attempts + 1)
        for past, lines in by_past(answered.people, history).items()
    ]


def begun(answer: Answer, before: Job | None, now: float) -> Job:
    """The job that an answer reports: accepted now, or when it was first reported."""
    since = before.since if before and before.step == answer.step else now
    return Job(answer.step, since, answer.carry or "")


def _past(before: Setback) -> Past:
    return Past(before.attempts, before.since, before.refusals, before.doubted, before.job, before.redelivered)


def by_past(people: Sequence[Person], history: Mapping[int, Setback]) -> dict[Past, list[int]]:
    """Group the lines of people by their past."""
    if not history:
        return {Past(): [person.line for person in people]}
    together: defaultdict[Past, list[int]] = defaultdict(list)
    for person in people:
        before = history.get(person.line)
        together[_past(before) if before else Past()].append(person.line)
    return together


def judge(
    unsettled: Sequence[Answered],
    history: Mapping[int, Setback],
    policy: RetryPolicy,
    *,
    steps: Mapping[str, Evidence],
    handful: int,
    now: float,
    jitter: float,
) -> Judgement:
    """Decide about the answers that settled nobody by themselves.

    `history`: the setback of each line that has one. `steps`: what is known of each step. `handful`: how many people a
    step must refuse in a row to be at fault itself. `jitter`: from 0 to 1, one for the run.
    """
    decisions = _Decisions(history, policy, now, jitter)
    by_step: defaultdict[str, list[Answered]] = defaultdict(list)
    for one in unsettled:
        by_step[one.step].append(one)
    for step, answered in by_step.items():
        _judge_step(decisions, step, answered, steps.get(step, Evidence()), handful)
    return decisions.close()


def in_doubt(unsettled: Sequence[Answered], steps: Mapping[str, Evidence], handful: int) -> set[str]:
    """The steps for which a harmless call could still tell whether they work: nobody was served there lately, and few
    people are concerned."""
    concerned: defaultdict[str, int] = defaultdict(int)
    doubted: set[str] = set()
    for one in unsettled:
        known = steps.get(one.step, Evidence())
        if known.yes or known.lately:
            continue
        if one.answer.needs_witness:
            doubted.add(one.step)
        elif sort_of(one.answer) in (Sort.BLAME, Sort.TROUBLE):
            concerned[one.step] += len(one.people)
    return doubted | {step for step, people in concerned.items() if people < handful}


@dataclass
class _Decisions:
    """Collects the decisions."""

    history: Mapping[int, Setback]
    policy: RetryPolicy
    now: float
    jitter: float
    endings: list[Settled] = field(default_factory=list)
    resting: defaultdict[Setback, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Lines by the setback that is recorded for them."""
    strikes: dict[str, Strike] = field(default_factory=dict)

    def put(self, consequence: Consequence, one: Answered, past: Past, lines: list[int]) -> None:
        """Collect what happens to these people."""
        match consequence:
            case Consequence.SETTLED:
                outcome = OUTCOMES[one.answer.verdict]
                self.endings.append(Settled(lines, outcome, one.answer.reason, past.attempts + 1))
            case Consequence.AGAIN | Consequence.TROUBLED:
                self._retry(one, past, lines)
            case Consequence.APART:
                self._retry(one, past._replace(doubted=past.doubted or self.now), lines)
            case Consequence.LATER | Consequence.WAITS:
                waits = LONE_WAITS_S if consequence is Consequence.LATER else CONFLICT_WAITS_S
                tried = past._replace(attempts=past.attempts + 1, refusals=past.refusals + 1)
                self._rest(tried, lines, waits[past.refusals])  # after the last of them it is settled
            case Consequence.HELD:
                self._rest(past, lines, BLAMED_DELAY_S)
            case Consequence.LOOKS:
                self._look_again(one.answer, past._replace(job=begun(one.answer, past.job, self.now)), lines)
            case Consequence.BLAMED:
                pass  # due again with those who were not sent

    def _rest(self, past: Past, lines: list[int], wait_s: float) -> None:
        self._keep(past._replace(doubted=past.doubted or self.now), wait_s, lines)

    def _retry(self, one: Answered, past: Past, lines: list[int]) -> None:
        answer = one.answer
        if past.job and past.job.step == one.step and answer.reason is not Reason.OUR_FAULT:
            self._look_again(answer, past, lines)  # a failed look does not undo what the vendor accepted
            return
        # A vendor's rate limit is no failure of the delivery. Only its age counts.
        attempts = past.attempts + (0 if answer.reason is Reason.RATE_LIMITED else 1)
        # A person who was only in doubt has not failed yet: a hold must not use up the age of a delivery.
        first = self.now if past.since is None or (past.doubted and not past.attempts) else past.since
        age_s = self.now - first
        wait_s = answer.retry_after_s
        if answer.reason is Reason.RATE_LIMITED:  # without attempts, the back-off grows with the time it has lasted
            wait_s = max(wait_s, min(age_s, self.policy.cap_s))
        decision = self.policy.decide(attempts=attempts, age_s=age_s, jitter=self.jitter, retry_after_s=wait_s)
        if isinstance(decision, Again):
            self._keep(past._replace(attempts=attempts, since=first), decision.delay_s, lines)
        else:
            self.endings.append(Settled(lines, Outcome.EXHAUSTED, answer.reason, attempts))

    def _look_again(self, answer: Answer, past: Past, lines: list[int]) -> None:
        """After a look that did not see a job's end. No attempt is counted."""
        assert past.job is not None  # noqa: S101 - only called where there is one
        decision = self.policy.jobs.decide(
            waited_s=self.now - past.job.since, jitter=self.jitter, retry_after_s=answer.retry_after_s
        )
        if isinstance(decision, Again):
            together_s = TOGETHER_S if decision.delay_s > TOGETHER_S else SOON_TOGETHER_S
            due = ceil((self.now + decision.delay_s) / together_s) * together_s
            self._keep(past, due - self.now, lines)
        else:
            self.endings.append(Settled(lines, Outcome.EXHAUSTED, Reason.PENDING_AT_VENDOR, past.attempts + 1))

    def _keep(self, past: Past, wait_s: float, lines: list[int]) -> None:
        since = self.now if past.since is None else past.since
        kept = Setback(past.attempts, since, self.now + wait_s, (), past.refusals, past.doubted, past.job)
        self.resting[kept] += lines

    def close(self) -> Judgement:
        setbacks = [replace(kept, lines=tuple(lines)) for kept, lines in self.resting.items()]
        return Judgement(self.endings, setbacks, self.strikes)


def _judge_step(decisions: _Decisions, step: str, answered: Sequence[Answered], known: Evidence, handful: int) -> None:
    against = sum(len(one.people) for one in answered if _is_against(one, known))
    together = against + (0 if known.yes else known.others_refused)
    everybody = together >= most_alike(handful, known.served)
    blamed: list[Reason | None] = []
    refused: dict[int, Reason | None] = {}
    for one in answered:
        company = one.company_served or known.yes > one.yes_before
        for past, lines in by_past(one.people, decisions.history).items():
            consequence = consequence_of(
                one.answer, past, known, company=company, everybody=everybody, singled_out=one.company_served
            )
            decisions.put(consequence, one, past, lines)
            if consequence in (Consequence.HELD, Consequence.LATER):
                refused |= dict.fromkeys(lines, one.answer.reason)
            elif consequence in (Consequence.BLAMED, Consequence.TROUBLED):
                blamed.append(one.answer.reason)
    if blamed or refused:
        reason = next((reason for reason in [*blamed, *refused.values()] if reason), Reason.WRONG_ADDRESS)
        decisions.strikes[step] = Strike(reason, frozenset(refused), everybody=everybody or bool(blamed))


def _is_against(one: Answered, known: Evidence) -> bool:
    """Whether this answer speaks against the step: nobody was served there since."""
    told = sort_of(one.answer) in (Sort.REFUSAL, Sort.BLAME, Sort.TROUBLE)
    return told and not one.company_served and known.yes <= one.yes_before
