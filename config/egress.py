"""The settings of outgoing connections."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_core import from_json
from pydantic_settings import NoDecode

from adapters.egress import Exceptions, Proxy, check_bundle


def _usable_proxy(address: SecretStr) -> SecretStr:
    Proxy.parse(address.get_secret_value())
    return address


def _one_by_one(given: Any) -> Any:
    """A JSON list, as in other settings, or a comma-separated list as in NO_PROXY."""
    if not isinstance(given, str):
        return given
    if given.lstrip().startswith('["'):
        return from_json(given)
    return [entry.strip() for entry in given.split(",") if entry.strip()]


def _usable_exceptions(entries: Sequence[str]) -> Sequence[str]:
    Exceptions.parse(entries)
    return entries


ProxyAddress = Annotated[SecretStr, AfterValidator(_usable_proxy)]
"""The proxy's address, with its user and password."""
ExceptionList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_one_by_one), AfterValidator(_usable_exceptions)]
"""Hosts that are reached without it."""
BundleFile = Annotated[Path, AfterValidator(check_bundle)]
"""A file of certificates in PEM."""
