"""Several accounts of one vendor: `insider@brand` is the account `brand` at Insider; `insider` alone is one as well."""

import re
from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")

BETWEEN = "@"
ACCOUNT = re.compile(r"[a-z0-9](?:[a-z0-9-]|_(?!_)){0,29}(?<!_)")
"""What an account may be called: it stands in names of variables, between two underscores on either side."""
PATTERN = r"^[a-z][a-z0-9_]{0,39}(@[a-z0-9][a-z0-9_-]{0,29})?$"
"""A vendor's name, with an account or without."""


def vendor_of(name: str) -> str:
    """The vendor that this is an account of."""
    return name.partition(BETWEEN)[0]


def account_of(name: str) -> str:
    """The account; "" where it has no name."""
    return name.partition(BETWEEN)[2]


def account_name(vendor: str, account: str) -> str:
    """How an account is shown."""
    return f"{vendor}{BETWEEN}{account}" if account else vendor


def meant_by(name: str, blocks: Mapping[str, T]) -> T | None:
    """Of what is given by vendor, what is for this account: its own, else what is for all accounts of the vendor."""
    own = blocks.get(name)
    return blocks.get(vendor_of(name)) if own is None and BETWEEN in name else own
