"""The identifiers that only vendors' blocks give."""

import pytest

from domain.other_identifiers import other_identifiers
from domain.requests import Subject
from tests.table_rows import each_row


@each_row(
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


@pytest.mark.parametrize("name", ["session_id", "csrf_token", "login_token", "client_secret"])
def test_a_secret_is_no_identifier(name: str) -> None:
    """The conformance suite asks that every secret of a block is named so."""
    assert other_identifiers({"user_id": "a", "vendors": {"acme": {name: "s", "card": "7"}}}) == {("card", "7")}
    custom: Subject = {"vendors": {"insider": {"identifiers": {"custom": {name: "7"}}}}}
    assert other_identifiers(custom) == {(f"custom.{name}", "7")}
