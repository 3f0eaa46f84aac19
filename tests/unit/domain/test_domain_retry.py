"""When to try again, and when to stop."""

from hypothesis import given
from hypothesis import strategies as st

from domain.retry import Again, GiveUp, JobPolicy, RetryPolicy
from tests.table_rows import each_row

POLICY = RetryPolicy(max_attempts=15, max_age_s=3_600, base_s=1.0, cap_s=600.0)
JITTER = st.floats(0, 1, exclude_max=True)


@given(attempts=st.integers(1, 14), age_s=st.floats(0, 3_599), jitter=JITTER)
def test_a_delay_is_drawn_from_nought_to_the_ceiling(attempts: int, age_s: float, jitter: float) -> None:
    decision = POLICY.decide(attempts=attempts, age_s=age_s, jitter=jitter)
    assert isinstance(decision, Again)
    assert decision.delay_s == jitter * min(600.0, 2.0 ** (attempts - 1))


def test_the_whole_range_is_used() -> None:
    lowest = POLICY.decide(attempts=4, age_s=0, jitter=0.0)
    highest = POLICY.decide(attempts=4, age_s=0, jitter=1.0)
    assert (lowest, highest) == (Again(0.0), Again(8.0))


def test_delays_double() -> None:
    ceilings = [POLICY.decide(attempts=attempts, age_s=0, jitter=1.0) for attempts in range(1, 6)]
    assert ceilings == [Again(1.0), Again(2.0), Again(4.0), Again(8.0), Again(16.0)]


@given(attempts=st.integers(0, 10**6), jitter=JITTER)
def test_never_beyond_the_cap(attempts: int, jitter: float) -> None:
    patient = RetryPolicy(max_attempts=10**7, max_age_s=1e12)
    decision = patient.decide(attempts=attempts, age_s=0.0, jitter=jitter)
    assert isinstance(decision, Again)
    assert 0 <= decision.delay_s <= patient.cap_s


@given(attempts=st.integers(1, 14), jitter=JITTER, asked=st.floats(0, 10_000))
def test_never_sooner_than_the_vendor_asked(attempts: int, jitter: float, asked: float) -> None:
    decision = POLICY.decide(attempts=attempts, age_s=0, jitter=jitter, retry_after_s=asked)
    assert isinstance(decision, Again)
    assert decision.delay_s >= asked
    assert decision.delay_s <= max(asked, POLICY.cap_s)


@given(attempts=st.integers(0, 40), age_s=st.floats(0, 8_000))
def test_given_up_when_attempts_or_age_are_spent_and_not_before(attempts: int, age_s: float) -> None:
    decision = POLICY.decide(attempts=attempts, age_s=age_s, jitter=0.5)
    assert isinstance(decision, GiveUp) == (attempts >= 15 or age_s >= 3_600)


@each_row(
    ("attempts", "age_s", "over"),
    [(14, 3_599.0, False), (15, 0.0, True), (1, 3_600.0, True), (16, 0.0, True), (1, 3_601.0, True)],
)
def test_the_last_attempt_and_the_last_moment(attempts: int, age_s: float, over: bool) -> None:
    assert isinstance(POLICY.decide(attempts=attempts, age_s=age_s, jitter=0.5), GiveUp) is over


def test_a_rate_limit_before_any_failure_has_a_delay_too() -> None:
    decision = POLICY.decide(attempts=0, age_s=0, jitter=1.0, retry_after_s=30.0)
    assert decision == Again(30.0)


WEEK_S = 7 * 86_400.0


@each_row(
    ("waited_s", "jitter", "asked", "decision"),
    [
        (0.0, 0.0, 0.0, Again(5.0)),
        (0.0, 1.0, 0.0, Again(4.0)),
        (60.0, 0.0, 0.0, Again(30.0)),  # half its age
        (60.0, 0.5, 0.0, Again(27.0)),
        (60.0, 0.0, 45.0, Again(45.0)),
        (7_200.0, 0.0, 0.0, Again(900.0)),
        (WEEK_S - 0.5, 0.0, 45.0, Again(0.5)),  # the last look
        (WEEK_S, 0.0, 0.0, GiveUp()),
    ],
)
def test_when_a_job_is_looked_at_again(waited_s: float, jitter: float, asked: float, decision: Again | GiveUp) -> None:
    assert JobPolicy(WEEK_S).decide(waited_s=waited_s, jitter=jitter, retry_after_s=asked) == decision


def test_a_pause_that_nobody_asked_for_is_none() -> None:
    assert JobPolicy(WEEK_S, shortest_s=0.1).decide(waited_s=0.0, jitter=0.0) == Again(0.1)
    assert POLICY.decide(attempts=1, age_s=0.0, jitter=0.25) == Again(0.25)


@given(waited_s=st.floats(0, WEEK_S, exclude_max=True), jitter=JITTER, asked=st.floats(0, 10_000))
def test_a_job_is_looked_at_until_its_time_is_over(waited_s: float, jitter: float, asked: float) -> None:
    decision = JobPolicy(WEEK_S).decide(waited_s=waited_s, jitter=jitter, retry_after_s=asked)
    assert isinstance(decision, Again)
    assert 0 < decision.delay_s <= WEEK_S - waited_s
    assert decision.delay_s >= min(4.0, asked, WEEK_S - waited_s)
    assert decision.delay_s <= max(900.0, asked)


@given(waited_s=st.floats(WEEK_S, 1e12), jitter=JITTER)
def test_a_job_whose_time_is_over_is_given_up(waited_s: float, jitter: float) -> None:
    assert JobPolicy(WEEK_S).decide(waited_s=waited_s, jitter=jitter) == GiveUp()


def test_a_job_of_a_week_takes_fewer_than_a_thousand_looks_and_one_of_a_minute_is_seen_soon() -> None:
    policy, waited_s, looks = JobPolicy(WEEK_S), 0.0, 0
    seen_at = []
    while isinstance(decision := policy.decide(waited_s=waited_s, jitter=0.0), Again):
        waited_s += decision.delay_s
        looks += 1
        seen_at.append(waited_s)
    assert looks < 1_000
    assert seen_at[-1] == WEEK_S
    assert next(at for at in seen_at if at >= 60) < 90
