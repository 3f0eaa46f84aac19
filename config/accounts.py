"""Several accounts of one vendor, `CONSENT_<VENDOR>__ACCOUNTS__<ACCOUNT>__<FIELD>`, each with a vendor's settings."""

import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import SecretStr, ValidationError, create_model
from pydantic_settings import BaseSettings, EnvSettingsSource

from adapters.contract import VendorSettings
from domain.accounts import ACCOUNT, account_of, vendor_of
from domain.refused_values import problem_of

ACCOUNTS = "accounts"
"""The name of the accounts' part of a vendor's block."""


class AccountsError(Exception):
    """The settings of some accounts are unusable. Each of `faults` names a variable and what is wrong with it."""

    def __init__(self, faults: Iterable[str]) -> None:
        super().__init__("accounts that cannot be used")
        self.faults = list(faults)


def variables_of(name: str, prefix: str) -> str:
    """The prefix of the variables of a vendor or of one of its accounts."""
    own = f"{prefix}{vendor_of(name)}__"
    return (f"{own}{ACCOUNTS}__{account_of(name)}__" if account_of(name) else own).upper()


def read_accounts(vendor: str, model: type[VendorSettings], prefix: str) -> dict[str, VendorSettings]:
    """The accounts of one vendor in the environment, by name. Fields that an account does not set come from the
    vendor's own block, except credentials: at least one of them must be its own.

    Raises AccountsError.
    """
    begin = f"{prefix}{vendor}__{ACCOUNTS}__".upper()
    found = {name: rest.split("__") for name in os.environ if (rest := _below(name, begin)) and os.environ[name]}
    faults = [f"{name}: names no field" for name, parts in found.items() if len(parts) == 1]
    faults += [
        f"{name}: names no account. Set {begin}<ACCOUNT>__<FIELD> for each field of each account"
        for name in os.environ
        if f"{name}__".upper() == begin and os.environ[name]
    ]
    accounts = dict.fromkeys(parts[0].lower() for parts in found.values() if len(parts) > 1)
    faults += [
        f"{begin}{account.upper()}__…: an account's name has letters, digits, - and single _ only, 30 at the most"
        for account in accounts
        if not ACCOUNT.fullmatch(account)
    ]
    if faults:
        raise AccountsError(faults)
    if not accounts:
        return {}
    shared = {name: value for name, value in _read(model, f"{prefix}{vendor}__").items() if name != ACCOUNTS}
    read: dict[str, VendorSettings] = {}
    for account in sorted(accounts):
        own = _read(model, f"{begin}{account}__")
        faults += _strangers(model, f"{begin}{account.upper()}__")
        try:
            read[account] = model.model_validate({**shared, **own})
        except ValidationError as error:
            faults += [_fault_text(fault, f"{begin}{account.upper()}__") for fault in error.errors(include_input=False)]
        else:
            if not own.keys() & credentials_of(model):
                wanted = " or ".join(name.upper() for name in sorted(credentials_of(model)))
                faults.append(f"{begin}{account.upper()}__…: has no credentials of its own: {wanted}")
    if faults:
        raise AccountsError(faults)
    return read


def credentials_of(model: type[VendorSettings]) -> frozenset[str]:
    """The fields that distinguish a vendor's accounts: required ones, and secrets."""
    fields = model.model_fields.items()
    return frozenset(name for name, field in fields if field.is_required() or _is_secret(field.annotation))


def _is_secret(annotation: object) -> bool:
    return annotation is SecretStr or SecretStr in getattr(annotation, "__args__", ())


def _read(model: type[VendorSettings], prefix: str) -> dict[str, Any]:
    """The environment's values of these fields, read as pydantic-settings does."""
    source = EnvSettingsSource(_block_of(model), env_prefix=prefix, env_nested_delimiter="__", env_ignore_empty=True)
    return source()


@cache
def _block_of(model: type[VendorSettings]) -> type[BaseSettings]:
    """The same fields, for pydantic-settings; pydantic takes some milliseconds to build a model."""
    fields: Mapping[str, Any] = {name: (field.annotation, field) for name, field in model.model_fields.items()}
    return create_model("Account", __base__=BaseSettings, **fields)


def _strangers(model: type[VendorSettings], begin: str) -> Iterator[str]:
    for name in os.environ:
        field = (_below(name, begin) or "").split("__")[0].lower()
        if field and field not in model.model_fields:
            yield f"{name}: is not a known field"


def _below(name: str, begin: str) -> str | None:
    return name[len(begin) :] if name.upper().startswith(begin) else None


def _fault_text(fault: Any, begin: str) -> str:
    name, *inside = map(str, fault["loc"]) if fault["loc"] else ("…",)
    return f"{begin}{name.upper()}{''.join(f'.{part}' for part in inside)}: {problem_of(fault)}"
