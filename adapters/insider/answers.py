"""What Insider's answers mean: for a call with many records, and for a call about one profile."""

import re
from collections.abc import Mapping
from typing import Any

import httpx

from adapters.contract import Answer, UnreadableError, Verdict
from adapters.reading import read_object
from adapters.triage import refusal
from domain.outcomes import Reason

NOBODY = "no such user"
"""404 `{"error": "no such user for these identifiers: no data"}` (public)."""
NOT_ENABLED = "no valid identifier"
"""400 `{"error": "no valid identifier: bad request"}` (public): identity resolution uses none of the identifiers
given."""


def refused_call(response: httpx.Response) -> Answer | None:
    """What a refusal of the whole call means; None where it was not refused."""
    if response.status_code == httpx.codes.OK:
        return None
    if response.is_success:
        raise UnreadableError("a yes that the pages do not have")
    if response.status_code == httpx.codes.BAD_REQUEST and _says(response, "message", "partner is invalid"):
        return Answer(Verdict.VENDOR, Reason.BAD_CREDENTIALS)
    return refusal(response.status_code)  # any other 400 is split: one of its records may be the cause


def says_nobody(response: httpx.Response) -> bool:
    """Whether the vendor says that no profile has this identifier. A bare 404 may come from a wrong address."""
    return response.status_code == httpx.codes.NOT_FOUND and _says(response, "error", NOBODY)


def says_not_enabled(response: httpx.Response) -> bool:
    """Whether the vendor ignores this kind of identifier."""
    return response.status_code == httpx.codes.BAD_REQUEST and _says(response, "error", NOT_ENABLED)


def read_profile(response: httpx.Response) -> dict[str, Any]:
    """The `attributes` of a profile, with its `iid`. Raises UnreadableError."""
    attributes = read_object(response).get("attributes")
    if not isinstance(attributes, dict) or not attributes:
        raise UnreadableError("a profile without attributes")
    return attributes


def read_done(response: httpx.Response) -> None:
    """A yes to a call about one profile: `{}`, or a bare `success`. Raises UnreadableError otherwise."""
    document = read_object(response)
    if document and document.get("success") is not True:
        raise UnreadableError("no yes")


def read_cost(response: httpx.Response) -> float | None:
    """`quota.cost`: the units that a profile call has cost; None where the answer does not say."""
    try:
        quota = read_object(response).get("quota")
    except UnreadableError:
        return None
    cost = quota.get("cost") if isinstance(quota, dict) else None
    if isinstance(cost, bool) or not isinstance(cost, int | float):
        return None
    return float(cost) if 0 < cost < MOST_UNITS else None


MOST_UNITS = 1_000_000


def is_left(value: object) -> bool:
    """Whether a profile still has a value in a deleted attribute."""
    return value not in (None, "", [], {})


def _says(response: httpx.Response, name: str, words: str) -> bool:
    try:
        told = read_object(response).get(name)
    except UnreadableError:
        return False
    return isinstance(told, str) and told.casefold().startswith(words)


def failed_positions(document: Mapping[str, Any], sent: int) -> set[int] | None:
    """The positions of the users who failed; None where the answer does not account for all. Raises UnreadableError.

    The page gives `{}` for a yes, the public page `{"data": {"successful": {"count": n}, "fail": {"errors": {…}}}}`,
    with errors keyed `users.N…`, where N is the position in the call. A count of 0 is left out there.
    """
    if not document:
        return set()
    data = document.get("data")
    if not isinstance(data, dict) or document.get("success") is False:
        raise UnreadableError("neither form of a yes")
    successful, fail = _part(data, "successful"), _part(data, "fail")
    found = [re.match(r"users\.(\d{1,9})(?!\w)", key, re.ASCII) for key in _part(fail, "errors")]
    failed = {int(match[1]) for match in found if match}
    count = successful.get("count", 0)
    adds_up = (
        all(found)
        and all(position < sent for position in failed)
        and type(count) is int
        and count + len(failed) == sent
        and fail.get("count") in (None, len(failed))
    )
    return failed if adds_up else None


def _part(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = document.get(name) or {}  # PHP gives [] for an empty object
    if not isinstance(part, dict):
        raise UnreadableError("an object was expected")
    return part
