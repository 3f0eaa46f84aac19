"""Reading strictly what came from outside: the shape is checked before a value is believed."""

from functools import cache
from types import MappingProxyType
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import from_json

from adapters.contract import VISIBLE, Answer, UnreadableError, Verdict
from adapters.triage import refusal
from domain.outcomes import Reason
from domain.requests import Subject

Block = TypeVar("Block", bound=BaseModel)

OAUTH_ERRORS = MappingProxyType(
    {
        "invalid_client": Answer(Verdict.VENDOR, Reason.BAD_CREDENTIALS),
        "invalid_grant": Answer(Verdict.VENDOR, Reason.BAD_CREDENTIALS),
        "unauthorized_client": Answer(Verdict.VENDOR, Reason.FORBIDDEN),
        "access_denied": Answer(Verdict.VENDOR, Reason.FORBIDDEN),
        "unsupported_grant_type": Answer(Verdict.VENDOR, Reason.MISCONFIGURED),
        "invalid_scope": Answer(Verdict.VENDOR, Reason.MISCONFIGURED),
        "server_error": Answer(Verdict.RETRY, Reason.SERVER_ERROR),
        "temporarily_unavailable": Answer(Verdict.RETRY, Reason.SERVER_ERROR),
    }
)
"""The `error` of an OAuth answer (RFC 6749 4.1.2.1 and 5.2), where it concerns everybody."""


def read_object(response: httpx.Response) -> dict[str, Any]:
    """The JSON object an answer holds. Raises UnreadableError where it is anything else."""
    document = read_json(response)
    if not isinstance(document, dict):
        raise UnreadableError("an object was expected")
    return document


def read_json(response: httpx.Response) -> Any:
    """The JSON value an answer holds. Raises UnreadableError where it is none."""
    try:
        return from_json(response.content)
    except ValueError:
        # The parser's message quotes the body.
        raise UnreadableError("not JSON") from None


def read_block(subject: Subject, vendor: str, model: type[Block]) -> Block | None:
    """What `subject.vendors.<vendor>` holds, all unset where it is not given; None where it does not fit the model.

    Intake refuses such a block; one that was accepted under older rules must not stop the people beside it.
    """
    block = (subject.get("vendors") or {}).get(vendor)
    try:
        return model.model_validate(block) if block else _unset(model)
    except ValidationError:
        return None


@cache
def _unset(model: type[Block]) -> Block:
    return model()  # the models are frozen, so that everyone without a block can share one


def read_error(response: httpx.Response) -> str | None:
    """The `error` that an OAuth-like answer tells, "" where it is no text, None where it tells none.

    A body that cannot be read raises UnreadableError with a 2xx, and tells nothing with any other status.
    """
    if not response.content:
        return None
    try:
        document = read_object(response)
    except UnreadableError:
        if response.is_success:
            raise
        return None
    if "error" not in document:
        return None
    return document["error"] if isinstance(document["error"], str) else ""


def read_bearer(response: httpx.Response) -> SecretStr | Answer:
    """The `access_token` of a token answer (RFC 6749 5.1), else what its refusal means. Raises UnreadableError."""
    told = OAUTH_ERRORS.get(read_error(response) or "")
    if told:
        return told
    if response.is_success:
        token = read_object(response).get("access_token")
        if isinstance(token, str) and VISIBLE.fullmatch(token):
            return SecretStr(token)
        return Answer(Verdict.VENDOR, Reason.MISCONFIGURED)  # an answer, and not that of a token endpoint
    answer = refusal(response.status_code)
    # A login concerns everybody: what would be one person's fault elsewhere is our credentials' here.
    return answer if answer.verdict is Verdict.VENDOR else Answer(Verdict.VENDOR, Reason.BAD_CREDENTIALS)
