"""The identifiers that only vendors' blocks give."""

from typing import get_args, get_type_hints

import pytest
from pydantic import BaseModel

from adapters.registry import ADAPTERS
from domain.other_identifiers import SECRETS, other_identifiers
from domain.requests import Secret, Session, Subject


@pytest.mark.parametrize(
    ("subject", "others"),
    [
        ({"user_id": "a", "email": "a@x.org"}, set()),
        ({"user_id": "a", "vendors": {}}, set()),
        ({"user_id": "a", "vendors": {"dfinery": {"user_id": "a"}}}, set()),
        ({"user_id": "a", "vendors": {"dfinery": {"user_id": "b"}, "algonomy": {"user_id": "b"}}}, {("user_id", "b")}),
        ({"vendors": {"insider": {"insider_id": "i1"}}}, {("insider_id", "i1")}),
        ({"email": "a@x.org", "vendors": {"insider": {"identifiers": {"email": "A@x.org"}}}}, set()),
        ({"vendors": {"insider": {"identifiers": {"uuid": "u"}}}}, {("user_id", "u")}),
        ({"vendors": {"insider": {"identifiers": {"custom": {"card": "7"}}}}}, {("custom.card", "7")}),
        ({"vendors": {"b2core": {"profile_id": "p1"}}}, {("profile_id", "p1")}),
        (
            {"vendors": {"akinon": {"session_id": "s", "csrf_token": "c", "id": 5, "email": "A@x.org"}}},
            {("user_id", "5"), ("email", "a@x.org")},
        ),
        ({"user_id": "a", "vendors": {"insider": {"insider_id": None}}}, set()),
    ],
)
def test_what_is_none_of_our_three(subject: Subject, others: set[tuple[str, str]]) -> None:
    assert other_identifiers(subject) == others


@pytest.mark.parametrize("vendor", sorted(ADAPTERS))
def test_a_secret_is_no_identifier(vendor: str) -> None:
    assert set(_secret_fields(ADAPTERS[vendor].identifiers_model)) <= SECRETS


def _secret_fields(model: type[BaseModel]) -> set[str]:
    hints = get_type_hints(model, include_extras=True)
    return {name for name, hint in hints.items() if {Secret, Session} & {hint, *get_args(hint)}}


def test_the_secrets_are_found_by_their_type() -> None:
    assert _secret_fields(ADAPTERS["akinon"].identifiers_model) == SECRETS
