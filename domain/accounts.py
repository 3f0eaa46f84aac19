"""Several accounts of one vendor: `insider@brand` is the account `brand` at Insider, and `insider` alone is an account
too."""

import re
from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")

BETWEEN = "@"
ACCOUNT = re.compile(r"[a-z0-9](?:[a-z0-9-]|_(?!_)){0,29}(?<!_)")
"""The form of an account's name. It is part of the names of environment variables, between two underscores on each
side."""
PATTERN = r"^[a-z][a-z0-9_]{0,39}(@[a-z0-9][a-z0-9_-]{0,29})?$"
"""A vendor's name, with an account or without."""


def vendor_of(name: str) -> str:
    """The vendor that this is an account of."""
    return name.partition(BETWEEN)[0]


def account_of(name: str) -> str:
    """The name of the account; "" where it has none."""
    return name.partition(BETWEEN)[2]


def account_name(vendor: str, account: str) -> str:
    """How an account is shown."""
    return f"{vendor}{BETWEEN}{account}" if account else vendor


def meant_by(name: str, blocks: Mapping[str, T]) -> T | None:
    """The settings, given by vendor, that apply to this account: its own, or else those of all accounts of the
    vendor."""
    own = blocks.get(name)
    return blocks.get(vendor_of(name)) if own is None and BETWEEN in name else own
