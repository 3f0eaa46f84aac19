"""What a read-back means: seen, delivered again a few times, or a person has to look."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.contract import Answer, Verdict
from domain.outcomes import Outcome, Reason
from domain.retry import RetryPolicy, Setback
from tasks.evidence import Answered
from tasks.verify import REDELIVERIES, Reading, read, read_again
from tests.stubs import person

POLICY = RetryPolicy(max_attempts=6, max_age_s=100_000.0)
SEEN = Answer(Verdict.APPLIED)
NOT_SEEN = Answer(Verdict.USER, Reason.NOT_IN_EFFECT)
BUSY = Answer(Verdict.RETRY, Reason.BUSY)
LOST = Answer(Verdict.AMBIGUOUS, Reason.ANSWER_LOST)
FORBIDDEN = Answer(Verdict.VENDOR, Reason.FORBIDDEN)
AGAIN_AFTER_S = 60.0


def read_back(answer: Answer, before: Setback | None, now: float) -> Reading:
    """Of line 1."""
    history = {1: before} if before else {}
    answered = [Answered([person(1)], answer)]
    return read(answered, history, POLICY, now=now, jitter=1.0)


def outcome(reading: Reading) -> Outcome | None:
    return reading.settled[0].outcome if reading.settled else None


def test_failed_reads_are_no_redeliveries() -> None:
    before: Setback | None = None
    for _ in range(POLICY.max_attempts - 1):
        (before,) = read_back(BUSY, before, 0.0).setbacks
    reading = read_back(NOT_SEEN, before, 1.0)
    assert not reading.settled
    assert [one.line for people, _ in reading.wrong for one in people] == [1]
    (after,) = read_again(reading.wrong, {1}, now=1.0, again_after_s=AGAIN_AFTER_S)
    assert (after.attempts, after.redelivered, after.due) == (0, 1, 61.0)


def test_redeliveries_are_no_failed_reads() -> None:
    before = Setback(0, 0.0, 0.0, (1,), redelivered=REDELIVERIES)
    for _ in range(POLICY.max_attempts - 1):
        (before,) = read_back(FORBIDDEN, before, 0.0).setbacks
        assert before.redelivered == REDELIVERIES
    assert read_back(FORBIDDEN, before, 0.0).given_up == {1}
    assert outcome(read_back(NOT_SEEN, before, 0.0)) is Outcome.NEEDS_ACTION


def test_who_did_not_get_a_turn_was_not_delivered_again() -> None:
    reading = read_back(NOT_SEEN, Setback(2, 5.0, 9.0, (1,), redelivered=1), 10.0)
    (after,) = read_again(reading.wrong, set(), now=10.0, again_after_s=AGAIN_AFTER_S)
    assert after == Setback(2, 5.0, 70.0, (1,), redelivered=1)
    assert outcome(read_back(NOT_SEEN, after, 5.0 + POLICY.max_age_s)) is Outcome.NEEDS_ACTION, "but not for ever"


@pytest.mark.parametrize("answer", [SEEN, Answer(Verdict.ABSENT)])
@pytest.mark.parametrize("before", [None, Setback(4, 0.0, 0.0, (1,), redelivered=REDELIVERIES)])
def test_what_is_seen_is_verified_whatever_was_before(answer: Answer, before: Setback | None) -> None:
    assert outcome(read_back(answer, before, 0.0)) is Outcome.VERIFIED


@given(
    answers=st.lists(st.sampled_from([SEEN, NOT_SEEN, NOT_SEEN, BUSY, LOST, FORBIDDEN]), max_size=60), turns=st.data()
)
def test_whatever_is_read_in_between_someone_looks_after_just_so_many_redeliveries(
    answers: list[Answer], turns: st.DataObject
) -> None:
    before: Setback | None = None
    delivered = in_a_row = 0
    for answer in answers:
        reading = read_back(answer, before, 0.0)
        if answer is SEEN:
            assert outcome(reading) is Outcome.VERIFIED
            return
        if answer is not NOT_SEEN:
            in_a_row += 1
            assert not reading.wrong
            if in_a_row >= POLICY.max_attempts:
                assert reading.given_up == {1}
                return
            (before,) = reading.setbacks
        elif delivered == REDELIVERIES:
            assert outcome(reading) is Outcome.NEEDS_ACTION
            return
        else:
            asked = turns.draw(st.booleans())
            (before,) = read_again(reading.wrong, {1} if asked else set(), now=0.0, again_after_s=AGAIN_AFTER_S)
            delivered += asked
            in_a_row = 0 if asked else in_a_row
        assert before.redelivered == delivered
        assert not reading.settled
