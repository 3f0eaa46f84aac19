"""The credentials that the sandbox's vendors issue, and the environment that points consent-worker to them."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any, TypeVar

from sandbox.contract import Vendor, buckets_of

Account = TypeVar("Account")
DIRECTORY_SECRET = "whsec_c2FuZGJveC1kaXJlY3Rvcnktc2VjcmV0"


def read_account(model: type[Account], vendor: str, environ: Mapping[str, str] = os.environ) -> Account:
    """A vendor's account (a dataclass of texts): its defaults, or what `SANDBOX_<VENDOR>_<FIELD>` says."""
    prefix = f"SANDBOX_{vendor.upper()}_"
    names = [field.name for field in fields(model)]  # type: ignore[arg-type]  # a dataclass, as the contract says
    return model(**{name: environ[prefix + name.upper()] for name in names if prefix + name.upper() in environ})


def read_directory_secret(environ: Mapping[str, str] = os.environ) -> str:
    """The secret that signs questions to the controller's directory."""
    return environ.get("SANDBOX_DIRECTORY_SECRET", DIRECTORY_SECRET)


def point_worker(
    vendors: Iterable[type[Vendor]], base: str, limits: Mapping[str, int], environ: Mapping[str, str] = os.environ
) -> Iterator[str]:
    """Yield the `CONSENT_<VENDOR>__…=…` lines for vendors served below `base` (no trailing slash)."""
    for vendor in vendors:
        prefix = f"CONSENT_{vendor.name.upper()}__"
        account: Any = read_account(vendor.account, vendor.name, environ)
        yield f"{prefix}BASE_URL={base}/{vendor.name}"
        for name, value in account.settings().items():
            yield f"{prefix}{name}={value}"
        yield f"{prefix}REQUESTS_PER_MINUTE={limits[vendor.name]}"
        for name, bucket in buckets_of(vendor).items():
            yield f"{prefix}{bucket.setting}={limits[f'{vendor.name}.{name}']}"


def point_resolver(base: str, environ: Mapping[str, str] = os.environ) -> Iterator[str]:
    """Yield the `CONSENT_RESOLVER__…=…` lines for the controller's directory served below `base`."""
    yield f"CONSENT_RESOLVER__URL={base}/directory"
    yield f'CONSENT_RESOLVER__SECRETS=["{read_directory_secret(environ)}"]'
