"""What the headers of an answer add to what an adapter read in its body."""

import httpx
import pytest

from adapters.answer_rules import with_the_wait
from adapters.contract import Answer, Verdict
from domain.outcomes import Reason

APPLIED = Answer(Verdict.APPLIED)
LIMITED = Answer(Verdict.RETRY, Reason.RATE_LIMITED)
LIMITED_FOR_5_S = Answer(Verdict.RETRY, Reason.RATE_LIMITED, 5.0)
ASK_IN_2_S = Answer(Verdict.WAITING, None, 2.0, step="look", carry="job")


@pytest.mark.parametrize(
    ("headers", "waits"),
    [
        ({}, [0.0, 0.0, 5.0, 2.0]),
        ({"Retry-After": "30"}, [0.0, 30.0, 5.0, 30.0]),
        ({"RateLimit-Reset": "30"}, [0.0, 30.0, 5.0, 2.0]),  # which says nothing about a job
    ],
)
def test_each_of_a_call_waits_as_the_headers_ask(headers: dict[str, str], waits: list[float]) -> None:
    answers = [APPLIED, LIMITED, LIMITED_FOR_5_S, ASK_IN_2_S]
    found = with_the_wait(answers, httpx.Response(200, headers=headers))
    assert [answer.retry_after_s for answer in found] == waits
    assert [(answer.verdict, answer.reason, answer.carry) for answer in found] == [
        (answer.verdict, answer.reason, answer.carry) for answer in answers
    ]


def test_answers_that_wait_for_nothing_are_kept_as_they_are() -> None:
    answers = [APPLIED, Answer(Verdict.USER, Reason.REJECTED)]
    assert with_the_wait(answers, httpx.Response(200, headers={"Retry-After": "30"})) is answers
