"""What happens to people whose order the vendor has accepted and not finished: a table, and generated cases."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.contract import Answer, Verdict
from domain.outcomes import Outcome, Reason
from domain.retry import Again, Job, JobPolicy, RetryPolicy, Setback
from ledger.delivery.outcomes import Settled
from tasks.evidence import Answered, Evidence
from tasks.judge import SOON_TOGETHER_S, TOGETHER_S, Judgement, judge
from tests.stubs import person
from tests.table_rows import each_row

NOW = 1_000_000.0
POLICY = RetryPolicy(max_attempts=3, max_age_s=60.0, jobs=JobPolicy(max_wait_s=86_400.0))
WAITING = Answer(Verdict.WAITING, Reason.PENDING_AT_VENDOR, step="look", carry="p-1")
FAILS = [
    Answer(Verdict.RETRY, Reason.SERVER_ERROR),
    Answer(Verdict.RETRY, Reason.BUSY),
    Answer(Verdict.RETRY, Reason.RATE_LIMITED, retry_after_s=30.0),
    Answer(Verdict.AMBIGUOUS, Reason.ANSWER_LOST),
    Answer(Verdict.AMBIGUOUS, Reason.UNREADABLE),
]
WELL = Evidence(yes=1, served=1, lately=True)


def decide(
    answer: Answer, before: Setback | None, *, step: str = "look", now: float = NOW, known: Evidence = WELL
) -> Judgement:
    history = {1: before} if before else {}
    answered = [Answered([person(1)], answer, step)]
    return judge(answered, history, POLICY, steps={step: known}, handful=5, now=now, jitter=0.5)


def job(age_s: float, *, attempts: int = 0) -> Setback:
    return Setback(attempts, NOW - age_s, NOW, (1,), job=Job("look", NOW - age_s, "p-1"))


def test_what_was_taken_just_now_is_a_job_that_is_looked_at_soon() -> None:
    (kept,) = decide(WAITING, None).setbacks
    assert (kept.attempts, kept.since, kept.lines, kept.job) == (0, NOW, (1,), Job("look", NOW, "p-1"))
    assert 4.0 <= kept.due - NOW <= 5.0 + SOON_TOGETHER_S


@each_row("age_s", [10.0, 3_600.0, 86_000.0])
@each_row("answer", [WAITING, *FAILS])
def test_a_look_that_sees_no_end_counts_no_attempt(answer: Answer, age_s: float) -> None:
    (kept,) = decide(answer, job(age_s, attempts=2)).setbacks
    assert (kept.attempts, kept.job) == (2, Job("look", NOW - age_s, "p-1"))
    assert answer.retry_after_s <= kept.due - NOW <= 900.0 + TOGETHER_S


@pytest.mark.parametrize(
    ("age_s", "multiple_s"), [(10.0, SOON_TOGETHER_S), (50.0, SOON_TOGETHER_S), (3_600.0, TOGETHER_S)]
)
def test_looks_come_at_round_times_and_far_ones_at_rounder(age_s: float, multiple_s: float) -> None:
    at = NOW + 0.4
    (kept,) = decide(WAITING, job(age_s), now=at).setbacks
    assert kept.due % multiple_s == 0
    pause_s = JobPolicy().decide(waited_s=age_s + 0.4, jitter=0.5)
    assert isinstance(pause_s, Again)
    assert 0 <= kept.due - at - pause_s.delay_s < multiple_s


@each_row("answer", [WAITING, *FAILS])
def test_a_job_whose_time_is_over_is_exhausted(answer: Answer) -> None:
    judgement = decide(answer, job(86_401.0))
    assert judgement.settled == [Settled([1], Outcome.EXHAUSTED, Reason.PENDING_AT_VENDOR, 1)]
    assert judgement.setbacks == []


def test_a_failure_at_a_later_step_is_an_attempt_like_any_other() -> None:
    (kept,) = decide(FAILS[0], job(10.0), step="next").setbacks
    assert (kept.attempts, kept.job) == (1, Job("look", NOW - 10.0, "p-1"))


def test_a_second_job_has_a_time_of_its_own() -> None:
    (kept,) = decide(replace(WAITING, step="other"), job(80_000.0)).setbacks
    assert kept.job == Job("other", NOW, "p-1")


def test_our_own_fault_at_a_look_is_bounded_by_attempts() -> None:
    ours = Answer(Verdict.AMBIGUOUS, Reason.OUR_FAULT)
    assert decide(ours, job(10.0, attempts=1)).setbacks[0].attempts == 2
    assert decide(ours, job(10.0, attempts=2)).settled[0].outcome is Outcome.EXHAUSTED


@given(answers=st.lists(st.sampled_from([WAITING, *FAILS]), min_size=1, max_size=400), known=st.sampled_from([
    WELL, Evidence(), Evidence(vouched=True),
]))  # fmt: skip
def test_however_looks_go_a_job_ends_within_its_bound_and_costs_no_attempt(
    answers: list[Answer], known: Evidence
) -> None:
    now, before = NOW, decide(WAITING, None).setbacks[0]
    for answer in answers:
        now = max(now, before.due)
        judgement = decide(answer, before, now=now, known=known)
        if judgement.settled:
            assert now - NOW >= POLICY.jobs.max_wait_s
            assert judgement.settled[0].reason is Reason.PENDING_AT_VENDOR
            return
        before = judgement.setbacks[0]
        assert before.attempts == 0
        assert before.job == Job("look", NOW, "p-1")
        assert before.due > now
        assert before.due - NOW <= POLICY.jobs.max_wait_s + TOGETHER_S


@given(ages=st.lists(st.floats(3_000, 80_000), min_size=2, max_size=200))
def test_people_of_a_chunk_are_looked_at_in_few_runs(ages: list[float]) -> None:
    dues = {decide(WAITING, job(age_s)).setbacks[0].due for age_s in ages}
    assert len(dues) == 1
