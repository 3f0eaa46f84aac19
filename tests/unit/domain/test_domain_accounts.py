"""Names of accounts."""

import re

import pytest

from domain.accounts import ACCOUNT, PATTERN, account_name, account_of, meant_by, vendor_of
from tests.table_rows import each_row


@pytest.mark.parametrize(
    ("name", "vendor", "account"), [("insider", "insider", ""), ("insider@eu-1", "insider", "eu-1")]
)
def test_a_name_has_a_vendor_and_perhaps_an_account(name: str, vendor: str, account: str) -> None:
    assert (vendor_of(name), account_of(name)) == (vendor, account)
    assert account_name(vendor, account) == name
    assert re.fullmatch(PATTERN, name)


@each_row("name", ["jane@x.org", "a@", "@b", "a@b@c", "A@b", "insider@B", "a b"])
def test_what_is_no_name(name: str) -> None:
    assert not re.fullmatch(PATTERN, name)


@each_row(("name", "fits"), [("a", True), ("a_b", True), ("a-1", True), ("1", True), ("x" * 30, True),
    ("a__b", False), ("a_", False), ("_a", False), ("", False), ("x" * 31, False), ("ä", False)])  # fmt: skip
def test_what_an_account_may_be_called(name: str, fits: bool) -> None:
    assert bool(ACCOUNT.fullmatch(name)) is fits


@pytest.mark.parametrize(
    ("name", "blocks", "found"),
    [
        ("insider", {"insider": 1}, 1),
        ("insider@a", {"insider": 1}, 1),
        ("insider@a", {"insider": 1, "insider@a": 2}, 2),
        ("insider", {"insider@a": 2}, None),
        ("insider@b", {"insider@a": 2}, None),
    ],
)
def test_what_is_given_for_an_account(name: str, blocks: dict[str, int], found: int | None) -> None:
    assert meant_by(name, blocks) == found
