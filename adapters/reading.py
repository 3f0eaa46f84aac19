"""Strict parsing of outside data: the form is checked before a value is believed."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import from_json

from adapters.addresses import check_base_url
from adapters.contract import VISIBLE, Answer, Token, UnreadableError, Verdict
from adapters.triage import refusal
from domain.accounts import meant_by
from domain.noticed import DOUBTS, Noticed
from domain.outcomes import Reason
from domain.requests import Subject

Block = TypeVar("Block", bound=BaseModel)
_UNDOUBTED = Noticed(undoubted=DOUBTS)

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
"""Values of an OAuth answer's `error` (RFC 6749 4.1.2.1 and 5.2) that concern everybody."""


LONGEST_LIFE = 1e15
"""A larger `expires_in` is ignored."""


def read_object(response: httpx.Response) -> dict[str, Any]:
    """The JSON object in an answer. Raises UnreadableError where it is anything else."""
    document = read_json(response)
    if not isinstance(document, dict):
        raise UnreadableError("an object was expected")
    return document


def read_json(response: httpx.Response) -> Any:
    """The JSON value in an answer. Raises UnreadableError where it is not JSON."""
    try:
        return from_json(response.content)
    except ValueError:
        # The parser's message quotes the body.
        raise UnreadableError("not JSON") from None


def read_block(subject: Subject, vendor: str, model: type[Block]) -> Block | None:
    """`subject.vendors.<vendor>`, or the block of the account `vendor`; all fields unset where it is missing; None
    where it does not fit the model.

    Intake refuses a block that does not fit. One accepted under older rules must not stop other people. Placeholders
    are not checked again here: intake did that.
    """
    blocks = subject.get("vendors")
    block = meant_by(vendor, blocks) if blocks else None
    try:
        return model.model_validate(block, context=_UNDOUBTED) if block else _unset(model)
    except ValidationError:
        return None


@cache
def _unset(model: type[Block]) -> Block:
    return model()  # the models are frozen, so everyone without a block can share one


def read_error(response: httpx.Response) -> str | None:
    """The `error` of an OAuth-like answer, "" where it is no text, None where there is none.

    An unreadable body raises UnreadableError with a 2xx, and gives None with any other status.
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


def read_bearer(response: httpx.Response, *, unit_s: float = 1.0) -> Token | Answer:
    """The token of a token answer (RFC 6749 5.1) with its life and refresh token, else what its refusal means. Raises
    UnreadableError.

    `unit_s`: the unit of this vendor's `expires_in`, in seconds.
    """
    told = OAUTH_ERRORS.get(read_error(response) or "")
    if told:
        return told
    if response.is_success:
        document = read_object(response)
        token = document.get("access_token")
        if isinstance(token, str) and VISIBLE.fullmatch(token):
            return Token(token, _life_s(document.get("expires_in"), unit_s), renewal=_renewal(document))
        return Answer(Verdict.VENDOR, Reason.MISCONFIGURED)  # an answer, but not from a token endpoint
    answer = refusal(response.status_code)
    # A login concerns everybody: what is one person's fault elsewhere is our credentials' fault here.
    return answer if answer.verdict is Verdict.VENDOR else Answer(Verdict.VENDOR, Reason.BAD_CREDENTIALS)


def _renewal(document: Mapping[str, Any]) -> SecretStr | None:
    told = document.get("refresh_token")
    return SecretStr(told) if isinstance(told, str) and VISIBLE.fullmatch(told) else None


def read_base_url(told: object, ours: str, *, within: str) -> str:
    """The address that came with a token, for `Token.base_url`. Raises UnreadableError unless it is https to the host
    of our settings' `base_url`, or to a host at or below the domain `within`: people's data will be sent there."""
    try:
        address = check_base_url(told) if isinstance(told, str) else ""
    except ValueError:
        raise UnreadableError("not an address") from None
    host = httpx.URL(address).host
    if not host or not (host == httpx.URL(ours).host or f".{host}".endswith(f".{within}")):
        raise UnreadableError("an address of somebody else")
    return address


def _life_s(expires_in: object, unit_s: float) -> float | None:
    """Seconds; None where the answer does not say. Some vendors send the number as a text."""
    try:
        number = float(expires_in) if isinstance(expires_in, (int, float, str)) else 0.0
    except (ValueError, OverflowError):
        return None
    if not 0.0 < number < LONGEST_LIFE:
        return None
    # Nobody issues tokens for less than a second: such a number is in seconds, as in RFC 6749, whatever a page says.
    return number * unit_s if number * unit_s >= 1.0 else number
