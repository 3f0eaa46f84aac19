"""What a run of answers means for a chunk."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.contract import Answer, Verdict
from domain.outcomes import Outcome, Reason
from domain.retry import RetryPolicy, Setback
from ledger.outcomes import Settled
from tasks.converse import Answered
from tasks.judge import OUTCOMES, Judgement, ends, judge, settled
from tests.stubs import person

NOW = 1_000_000.0
POLICY = RetryPolicy(max_attempts=3, max_age_s=100.0)
BUSY = Answer(Verdict.RETRY, Reason.BUSY)
LOST = Answer(Verdict.AMBIGUOUS, Reason.ANSWER_LOST)
LIMITED = Answer(Verdict.RETRY, Reason.RATE_LIMITED)
FORBIDDEN = Answer(Verdict.VENDOR, Reason.FORBIDDEN)
DOUBTFUL = Answer(Verdict.USER, Reason.UNKNOWN_PERSON, needs_witness=True)
GONE = Answer(Verdict.ABSENT, needs_witness=True)


def judged(*answers: Answer, history: dict[int, Setback] | None = None, **more: Any) -> Judgement:
    """Of one run, the first answer being line 1's."""
    given_ = {"served": False, "witness": False, "now": NOW, "jitter": 1.0, **more}
    unsettled = [Answered([person(line)], answer) for line, answer in enumerate(answers, start=1)]
    return judge(unsettled, history or {}, POLICY, **given_)


def setback(attempts: int, *lines: int, since: float = NOW - 10, due: float = NOW - 1) -> Setback:
    return Setback(attempts, since, due, lines)


def after(attempts: int, since: float = NOW - 10) -> dict[int, Setback]:
    return {1: setback(attempts, 1, since=since)}


@pytest.mark.parametrize("verdict", Verdict)
def test_which_answers_end_a_delivery(verdict: Verdict) -> None:
    good = {Verdict.APPLIED, Verdict.SEEN, Verdict.ABSENT, Verdict.NOT_APPLICABLE, Verdict.UNREACHABLE}
    final = verdict in good | {Verdict.USER, Verdict.ACTION}
    assert (verdict in OUTCOMES) == final
    assert ends(Answered([person(1)], Answer(verdict))) == final
    assert not ends(Answered([person(1)], Answer(verdict, needs_witness=True)))


@pytest.mark.parametrize(
    ("verdict", "outcome", "attempts"),
    [
        (Verdict.APPLIED, Outcome.ACCEPTED, 3),
        (Verdict.SEEN, Outcome.VERIFIED, 3),
        (Verdict.ABSENT, Outcome.ABSENT, 3),
        (Verdict.USER, Outcome.REFUSED, 3),
        (Verdict.ACTION, Outcome.NEEDS_ACTION, 3),
        (Verdict.NOT_APPLICABLE, Outcome.NOT_APPLICABLE, 0),  # nothing was sent
        (Verdict.UNREACHABLE, Outcome.UNREACHABLE, 0),
    ],
)
def test_a_final_answer_becomes_an_outcome(verdict: Verdict, outcome: Outcome, attempts: int) -> None:
    answered = Answered([person(7)], Answer(verdict, Reason.REJECTED))
    assert settled(answered, {7: setback(2, 7)}) == [Settled([7], outcome, Reason.REJECTED, attempts)]


def test_nothing_unsettled_nothing_to_do() -> None:
    assert judged() == Judgement([], [], None)


@pytest.mark.parametrize("answer", [BUSY, LOST])
def test_a_failure_is_counted_and_rests(answer: Answer) -> None:
    strike = Reason.ANSWER_LOST if answer is LOST else None  # nobody served and an answer lost: the vendor may be down
    assert judged(answer) == Judgement([], [Setback(1, NOW, NOW + 1.0, (1,))], strike)
    assert judged(answer, served=True).strike is None


def test_the_next_failure_counts_on_and_keeps_its_age() -> None:
    assert judged(BUSY, history=after(1)) == Judgement([], [Setback(2, NOW - 10, NOW + 2.0, (1,))], None)


def test_the_last_attempt_exhausts() -> None:
    judgement = judged(BUSY, history=after(2))
    assert judgement == Judgement([Settled([1], Outcome.EXHAUSTED, Reason.BUSY, 3)], [], None)


def test_age_exhausts() -> None:
    judgement = judged(LOST, history=after(1, since=NOW - 100))
    assert judgement == Judgement([Settled([1], Outcome.EXHAUSTED, Reason.ANSWER_LOST, 2)], [], Reason.ANSWER_LOST)


def test_too_many_requests_is_no_attempt() -> None:
    assert judged(LIMITED, history=after(2)).setbacks[0].attempts == 2
    assert judged(LIMITED).setbacks[0].attempts == 0


def test_too_many_requests_for_too_long_exhausts() -> None:
    judgement = judged(LIMITED, history=after(0, since=NOW - 100))
    assert judgement.settled == [Settled([1], Outcome.EXHAUSTED, Reason.RATE_LIMITED, 0)]


def test_nobody_comes_back_sooner_than_the_vendor_asked() -> None:
    judgement = judged(Answer(Verdict.RETRY, Reason.RATE_LIMITED, retry_after_s=40.0), jitter=0.0)
    assert judgement.setbacks == [Setback(0, NOW, NOW + 40.0, (1,))]


def test_who_failed_together_comes_back_together_and_the_others_keep_their_own_count() -> None:
    history = {2: setback(1, 2, 3), 3: setback(1, 2, 3), 4: setback(2, 4)}
    judgement = judged(BUSY, BUSY, BUSY, BUSY, BUSY, history=history)
    assert judgement.settled == [Settled([4], Outcome.EXHAUSTED, Reason.BUSY, 3)]
    assert sorted(judgement.setbacks, key=lambda each: each.lines) == [
        Setback(1, NOW, NOW + 1.0, (1, 5)),
        Setback(2, NOW - 10, NOW + 2.0, (2, 3)),
    ]


def test_an_answer_that_blames_the_vendor_costs_nobody_an_attempt() -> None:
    assert judged(FORBIDDEN, FORBIDDEN, history=after(2)) == Judgement([], [], Reason.FORBIDDEN)


def test_an_answer_that_blames_the_vendor_beside_failures_is_counted_for_those_alone() -> None:
    judgement = judged(FORBIDDEN, BUSY)
    assert judgement == Judgement([], [Setback(1, NOW, NOW + 1.0, (2,))], Reason.FORBIDDEN)


def test_blame_without_a_reason_has_one() -> None:
    assert judged(Answer(Verdict.VENDOR)).strike is Reason.WRONG_ADDRESS


def test_where_others_were_served_nothing_is_wrong_with_all_of_it() -> None:
    judgement = judged(FORBIDDEN, served=True)
    assert judgement == Judgement([], [Setback(1, NOW, NOW + 1.0, (1,))], None)
    last = judged(FORBIDDEN, served=True, history=after(2))
    assert last.settled == [Settled([1], Outcome.EXHAUSTED, Reason.FORBIDDEN, 3)]


@pytest.mark.parametrize(("served", "witness"), [(True, False), (False, True), (True, True)])
@pytest.mark.parametrize(
    ("answer", "outcome", "reason"), [(DOUBTFUL, Outcome.REFUSED, Reason.UNKNOWN_PERSON), (GONE, Outcome.ABSENT, None)]
)
def test_a_404_is_believed_with_a_witness(
    answer: Answer, outcome: Outcome, reason: Reason | None, served: bool, witness: bool
) -> None:
    judgement = judged(answer, history=after(1), served=served, witness=witness)
    assert judgement == Judgement([Settled([1], outcome, reason, 2)], [], None)


def test_a_404_without_a_witness_blames_the_vendor() -> None:
    assert judged(DOUBTFUL, GONE) == Judgement([], [], Reason.UNKNOWN_PERSON)


def test_a_witness_of_lately_does_not_clear_the_vendor_of_what_it_says_now() -> None:
    judgement = judged(DOUBTFUL, FORBIDDEN, witness=True)
    assert judgement.settled == [Settled([1], Outcome.REFUSED, Reason.UNKNOWN_PERSON, 1)]
    assert judgement.strike is Reason.FORBIDDEN


UNSETTLING = st.sampled_from([BUSY, LOST, LIMITED, FORBIDDEN, DOUBTFUL, GONE])


@given(answers=st.lists(UNSETTLING, max_size=20), served=st.booleans(), witness=st.booleans(), data=st.data())
def test_nobody_is_in_two_places_and_success_is_never_made_up(
    answers: list[Answer], served: bool, witness: bool, data: st.DataObject
) -> None:
    counts = data.draw(st.lists(st.integers(0, 3), min_size=len(answers), max_size=len(answers)))
    history = {line: setback(count, line) for line, count in enumerate(counts, start=1) if count}
    judgement = judged(*answers, history=history, served=served, witness=witness)
    places = [line for group in [*judgement.settled, *judgement.setbacks] for line in group.lines]
    assert len(places) == len(set(places))
    told = dict(enumerate(answers, start=1))
    for one in judgement.settled:
        assert all((one.outcome is Outcome.ABSENT) == (told[line] is GONE) for line in one.lines)
        assert one.outcome in (Outcome.ABSENT, Outcome.REFUSED, Outcome.EXHAUSTED)
    failing = {line for line, answer in told.items() if answer in (BUSY, LOST, LIMITED)}
    assert failing <= set(places)
    assert all(one.due >= NOW for one in judgement.setbacks)
    assert judgement.strike is None or not served
