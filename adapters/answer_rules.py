"""Rules for answers that an adapter has read, the same for all vendors."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus

import httpx

from adapters.contract import Answer, Verdict
from adapters.waits import retry_after_s
from domain.outcomes import Reason


def distinct(answers: Sequence[Answer]) -> Sequence[Answer]:
    """Those to look at: a batch usually has one answer, as often as it has people."""
    return answers[:1] if answers.count(answers[0]) == len(answers) else answers


def refused_for_good(answers: list[Answer], reason: Reason) -> list[Answer]:
    """These answers. A token that is refused when there is no other one to try is our configuration."""
    if not any(answer.verdict is Verdict.REAUTHENTICATE for answer in distinct(answers)):
        return answers
    refused = Answer(Verdict.VENDOR, reason)
    return [refused if answer.verdict is Verdict.REAUTHENTICATE else answer for answer in answers]


def with_the_wait(answers: list[Answer], response: httpx.Response) -> list[Answer]:
    """These answers. A rate limit that the adapter read in the body gets the wait that the headers give, and so does
    "accepted, ask later" (RFC 9110 15.3.3)."""
    if not any(
        answer.verdict is Verdict.WAITING or answer.reason is Reason.RATE_LIMITED for answer in distinct(answers)
    ):
        return answers  # usually
    wait = retry_after_s(response, datetime.now(UTC))
    limited = Answer(Verdict.RETRY, Reason.RATE_LIMITED, wait)
    later = "retry-after" in response.headers
    return [
        replace(answer, retry_after_s=wait)
        if later and answer.verdict is Verdict.WAITING
        else limited
        if answer.reason is Reason.RATE_LIMITED and not answer.retry_after_s
        else answer
        for answer in answers
    ]


def is_lost(answer: Answer) -> bool:
    """Whether the result of the call is unknown."""
    # What a server did before it failed is unknown too.
    return answer.verdict is Verdict.AMBIGUOUS or answer.reason is Reason.SERVER_ERROR


def nothing_sent(answer: Answer) -> Answer:
    """What this answer to a request for a token means for those who wait: nothing was sent for anybody."""
    if answer.verdict is Verdict.SPLIT:  # a request for a token names no person
        return Answer(Verdict.VENDOR, Reason.WRONG_ADDRESS)
    if answer.verdict is Verdict.AMBIGUOUS:
        return Answer(Verdict.RETRY, answer.reason)
    return answer


def unreadable(response: httpx.Response) -> Answer:
    """What an answer means whose body has not the vendor's form."""
    if response.status_code < HTTPStatus.MULTIPLE_CHOICES:
        return Answer(Verdict.AMBIGUOUS, Reason.UNREADABLE)
    return Answer(Verdict.SPLIT, Reason.UNREADABLE)
