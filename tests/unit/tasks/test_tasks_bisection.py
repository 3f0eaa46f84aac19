"""Which people a failing batch is about: found in any batch, with a number of calls in proportion to them."""

from collections.abc import Collection

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.contract import Answer, Verdict
from domain.outcomes import Reason
from tasks.bisection import DRAWN, Isolating, fails_again
from tasks.evidence import Answered
from tests.examples import examples
from tests.stubs import person
from tests.table_rows import each_row

DOWN = Answer(Verdict.RETRY, Reason.SERVER_ERROR)


def isolate(count: int, bad: Collection[int], failed: int = 2) -> tuple[Isolating, int]:
    """Look for the bad ones among so many; how many calls that took."""
    isolating = Isolating(Answered([person(line, failed=failed) for line in range(1, count + 1)], DOWN, "first"))
    calls = 0
    for parts in isolating.rounds():
        for part in parts:
            calls += 1
            if any(one.line in bad for one in part):
                isolating.found.failing.append(Answered(part, DOWN, "first"))
            else:
                isolating.found.served = True
    return isolating, calls


def lines(several: list[Answered]) -> list[int]:
    return sorted(one.line for each in several for one in each.people)


@settings(deadline=None, max_examples=examples(200))
@given(st.integers(2, 300), st.integers(2, 14), st.data())
def test_whoever_is_not_served_is_alone_or_tried_another_time(count: int, failed: int, data: st.DataObject) -> None:
    bad = data.draw(st.sets(st.integers(1, count), min_size=1, max_size=12))
    isolating, calls = isolate(count, bad, failed)
    alone, left = lines(isolating.found.alone), lines(isolating.found.failing)
    assert set(alone) <= bad <= {*alone, *left}
    assert len(alone + left) == len({*alone, *left})
    assert calls <= DRAWN + 20 * (count.bit_length() + 1)


@pytest.mark.parametrize("place", [1, 2, 57, 99, 100])
def test_one_among_many_is_found_at_once(place: int) -> None:
    isolating, calls = isolate(100, {place})
    assert (lines(isolating.found.alone), isolating.found.failing) == ([place], [])
    assert isolating.found.served
    assert calls <= 18


def test_a_server_that_fails_everybody_is_asked_a_few_times() -> None:
    isolating, calls = isolate(1_000, range(1, 1_001))
    assert calls == DRAWN
    assert isolating.found.alone == []
    assert lines(isolating.found.failing) == [*range(1, 1_001)]


@pytest.mark.parametrize("failed", [(0, 5), (1, 1), (5, 1)])
def test_who_has_not_failed_often_is_not_taken_apart(failed: tuple[int, ...]) -> None:
    assert not fails_again([person(line, failed=times) for line, times in enumerate(failed)], DOWN)


@each_row(
    "answer",
    [
        Answer(Verdict.RETRY, Reason.SERVER_ERROR, retry_after_s=5.0),  # it says that it passes
        *(Answer(Verdict.RETRY, reason) for reason in (Reason.CONFLICT, Reason.BUSY, Reason.RATE_LIMITED)),
        Answer(Verdict.AMBIGUOUS, Reason.ANSWER_LOST),
        Answer(Verdict.ACTION, Reason.CODE_UNCERTAIN),
    ],
)
def test_what_passes_by_itself_is_not_taken_apart(answer: Answer) -> None:
    several = [person(line, failed=9) for line in (1, 2)]
    assert fails_again(several, DOWN)
    assert not fails_again(several, answer)
    assert not fails_again(several[:1], DOWN)
