"""What Dfinery's answers say: result codes, who succeeded, who failed and why.

The codes are those of the vendor's public page "Reference".
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import httpx

from adapters.contract import Answer, UnreadableError, Verdict
from adapters.reading import read_object
from adapters.triage import refusal
from domain.outcomes import Reason

OK = 2000
FOR_EVERYBODY = MappingProxyType(
    {
        4001: Answer(Verdict.VENDOR, Reason.BAD_CREDENTIALS),
        4003: Answer(Verdict.VENDOR, Reason.FORBIDDEN),  # the account is sanctioned
        4004: Answer(Verdict.VENDOR, Reason.FORBIDDEN),  # no permission for this API
        4005: Answer(Verdict.VENDOR, Reason.WRONG_ADDRESS),  # this API is closed
        4006: Answer(Verdict.RETRY, Reason.RATE_LIMITED),
        5003: Answer(Verdict.RETRY, Reason.BUSY),
    }
)
"""Result codes with the same meaning for a whole call and for one person of it."""

INVALID_FORMAT = 4002
"""Also the code of a form that the vendor does not accept."""


def result_code(response: httpx.Response) -> object:
    """The `result_code` of an answer. Raises UnreadableError."""
    return read_object(response).get("result_code")


def read_data(response: httpx.Response) -> dict[str, Any] | Answer:
    """`result_data` of a good answer, else what the refusal of the whole call means. Raises UnreadableError."""
    try:
        document = read_object(response)
    except UnreadableError:
        if response.is_success:
            raise
        return _by_status(response.status_code)
    code = document.get("result_code")
    if type(code) is int and code != OK:
        return _of_call(code, str(document.get("result_msg")), response.status_code)
    data = document.get("result_data")
    if code == OK and response.status_code == httpx.codes.OK and isinstance(data, dict):
        return data
    if response.is_success or code == OK:
        raise UnreadableError("a status and a result code that do not fit")
    return _by_status(response.status_code)


def _by_status(status: int) -> Answer:
    answer = refusal(status)
    if answer.verdict is Verdict.SPLIT:
        raise UnreadableError("a refusal without a result code")
    return answer


def _of_call(code: int, message: str, status: int) -> Answer:
    if code in FOR_EVERYBODY:
        return FOR_EVERYBODY[code]
    if code == 4007 and ("name" in message or "value" not in message):
        return Answer(Verdict.VENDOR, Reason.MISCONFIGURED)  # our name of a property is unknown there
    if 5000 <= code < 6000:
        return Answer(Verdict.RETRY, Reason.SERVER_ERROR)
    if 4000 <= code < 5000:
        by_status = refusal(status)  # an unknown code, with a known status
        return Answer(Verdict.SPLIT, Reason.REJECTED) if by_status.verdict is Verdict.SPLIT else by_status
    raise UnreadableError("an unknown result code")


def meaning_for_one(code: int) -> Answer:
    """What a result code among a call's failures means for one person."""
    if code in FOR_EVERYBODY:
        return FOR_EVERYBODY[code]
    if 5000 <= code < 6000:
        return Answer(Verdict.RETRY, Reason.SERVER_ERROR)
    if 4000 <= code < 5000:
        return Answer(Verdict.USER, Reason.REJECTED)
    return Answer(Verdict.AMBIGUOUS, Reason.UNREADABLE)


def successes(data: Mapping[str, Any]) -> dict[str, None]:
    """Who succeeded in a write."""
    return dict.fromkeys(key for key in _list(data, "successful_user_ids") if isinstance(key, str))


def rows(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What a read found of each user; None where two rows about one user differ."""
    found: dict[str, Any] = {}
    for row in _list(data, name):
        if isinstance(row, dict) and isinstance(key := row.get("user_id"), str):
            properties = row.get("properties")
            found[key] = properties if found.get(key, properties) == properties else None  # two rows that differ
    return found


def failures(data: Mapping[str, Any]) -> dict[str, set[int]]:
    """The codes that each user failed with. `failure_details` may be null or []."""
    failed: dict[str, set[int]] = {}
    for detail in _list(data, "failure_details"):
        if not isinstance(detail, dict):
            raise UnreadableError("a failure that is no object")
        code = detail.get("code")
        for key in _list(detail, "user_ids"):
            if isinstance(key, str):
                failed.setdefault(key, set()).add(code if type(code) is int else 0)
    return failed


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    value = document.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise UnreadableError("a list was expected")
    return value
