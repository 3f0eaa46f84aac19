"""What the answers of all vendors have in common: busy, broken, or not an answer of the API at all."""

from datetime import datetime
from http import HTTPStatus
from types import MappingProxyType

import httpx

from adapters.contract import Answer, Verdict
from adapters.waits import LONGEST_WAIT_S, retry_after_s
from domain.outcomes import Reason

__all__ = ["LONGEST_WAIT_S", "is_page", "refusal", "retry_after_s", "triage"]

READ_BY_STATUS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
"""Statuses that count whatever the body is: Django refuses a CSRF token with a page, gateways a bearer token. Adapters
tell them apart by status, because the body may be HTML."""

_REFUSALS = MappingProxyType(
    {
        401: Answer(Verdict.VENDOR, Reason.BAD_CREDENTIALS),
        402: Answer(Verdict.VENDOR, Reason.MISCONFIGURED),
        403: Answer(Verdict.VENDOR, Reason.FORBIDDEN),
        404: Answer(Verdict.VENDOR, Reason.WRONG_ADDRESS),
        405: Answer(Verdict.VENDOR, Reason.WRONG_ADDRESS),
        406: Answer(Verdict.VENDOR, Reason.MISCONFIGURED),
        407: Answer(Verdict.VENDOR, Reason.MISCONFIGURED),
        409: Answer(Verdict.RETRY, Reason.CONFLICT),
        410: Answer(Verdict.VENDOR, Reason.WRONG_ADDRESS),
        413: Answer(Verdict.SPLIT, Reason.TOO_LARGE),
        415: Answer(Verdict.VENDOR, Reason.MISCONFIGURED),
        421: Answer(Verdict.VENDOR, Reason.WRONG_ADDRESS),
        426: Answer(Verdict.VENDOR, Reason.MISCONFIGURED),
    }
)

OF_ONE = MappingProxyType(
    {
        400: Answer(Verdict.USER, Reason.REJECTED),
        413: Answer(Verdict.USER, Reason.TOO_LARGE),
        422: Answer(Verdict.USER, Reason.REJECTED),
    }
)
"""Statuses that refuse a call about one person, because of that person's record."""
NO_SEGMENT = frozenset({"", ".", ".."})
"""Ids that cannot be a path segment: every URL library removes them, and the call would go to another address."""

_PASSING = frozenset({423, 424, 425, 449})
"""Locked, waiting for something else, too early, asked to repeat: the failure passes, and no person is the cause. 449
is a common extension of HTTP. Some adapters treat a conflict (409) specially, so it is a `refusal` instead."""
_GAVE_UP = frozenset({408, 499, 504})
"""A server or a proxy timed out. The vendor may have continued. 499 is nginx's."""


def triage(response: httpx.Response, now: datetime, *, by_adapter: bool = False) -> Answer | None:
    """What an answer means for everybody in it, at any vendor; None where only its adapter can tell.

    `by_adapter`: the adapter reads pages and redirects too (`ReadsAnything`).
    """
    status = response.status_code
    if status == HTTPStatus.OK and not is_page(response):
        return None  # usually
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Answer(Verdict.RETRY, Reason.RATE_LIMITED, retry_after_s=retry_after_s(response, now))
    if status in _GAVE_UP:
        return Answer(Verdict.AMBIGUOUS, Reason.ANSWER_LOST)
    if status in _PASSING:
        return Answer(Verdict.RETRY, Reason.CONFLICT, retry_after_s=retry_after_s(response, now))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Answer(Verdict.RETRY, Reason.SERVER_ERROR, retry_after_s=retry_after_s(response, now))
    if by_adapter:
        return None
    if status < HTTPStatus.OK or HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Answer(Verdict.VENDOR, Reason.WRONG_ADDRESS)  # a write never follows redirects
    if is_page(response) and status not in READ_BY_STATUS:
        # A gateway sends a page when it refuses one id as well as for a whole API, so a page with a 4xx says no more
        # than its status.
        return Answer(Verdict.VENDOR, Reason.WRONG_ADDRESS) if response.is_success else refusal(status)
    return None


def refusal(status: int) -> Answer:
    """What a 4xx means by HTTP alone (RFC 9110 15.5), for an adapter that knows nothing more specific."""
    return _REFUSALS.get(status, Answer(Verdict.SPLIT, Reason.REJECTED))


def is_page(response: httpx.Response) -> bool:
    """Whether a web page came instead of an API's answer, whatever its declared type."""
    return response.content.lstrip()[:1] == b"<" or response.headers.get("content-type", "").startswith("text/html")
