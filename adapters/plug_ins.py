"""Vendors of other packages: the entry points of the group `consent_worker.vendors`, each with the name of its
vendor."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from inspect import isclass
from typing import Any, Final

from adapters.card import Card
from adapters.contract import Adapter, VendorSettings

GROUP: Final = "consent_worker.vendors"
CONTRACT_VERSION: Final = 1
"""The version of `adapters.contract`. It is raised when an adapter that fits would no longer fit. Additions do not
raise it."""
NAME = re.compile(r"(?=.{1,40}$)[a-z][a-z0-9]*(_[a-z0-9]+)*")
PARTS = tuple(
    name for name in (*Adapter.__annotations__, *vars(Adapter)) if not name.startswith("_") and name != "settings"
)
"""What an adapter's class must have: everything but its settings, which it is given."""


class _RefusedError(Exception):
    """What is wrong with a plug-in, as the end of a sentence."""


@dataclass(frozen=True)
class PlugIns:
    """The vendors that other packages bring."""

    adapters: Mapping[str, type[Adapter]]
    refused: tuple[str, ...]
    """A sentence for each that cannot be used. While there is one, no process starts (`Settings.load`): what a request
    names must not depend on which vendors could be loaded."""


def find(ours: Mapping[str, type[Adapter]], entries: Iterable[EntryPoint] | None = None) -> PlugIns:
    """The vendors of the installed packages; `entries` replaces them."""
    found = sorted(entry_points(group=GROUP) if entries is None else entries, key=lambda entry: entry.name)
    times = Counter(entry.name for entry in found)
    adapters: dict[str, type[Adapter]] = {}
    refused: list[str] = []
    for entry in found:
        try:
            if entry.name in ours:
                raise _RefusedError("a vendor of this name is built in")
            if times[entry.name] > 1:
                raise _RefusedError("another package brings a vendor of this name too")
            adapters[entry.name] = _load(entry)
        except _RefusedError as error:
            refused.append(f"The vendor {entry.name!r} of {_package(entry)} is refused: {error}.")
    return PlugIns(adapters, tuple(refused))


def _load(entry: EntryPoint) -> type[Adapter]:
    if not NAME.fullmatch(entry.name):
        raise _RefusedError(
            "a name is of lower-case letters, digits and single underscores, 40 at most, and begins with a letter"
        )
    try:
        kind: Any = entry.load()
    except Exception as error:  # noqa: BLE001 - a module of another package may raise anything
        says = " ".join(f"{type(error).__name__}: {error}".split())
        raise _RefusedError(f"{entry.value} cannot be loaded ({says})") from None
    version = getattr(kind, "contract_version", None)
    if version != CONTRACT_VERSION:
        says = "says of no version of the contract" if version is None else f"is made for version {version!r} of it"
        raise _RefusedError(f"this is version {CONTRACT_VERSION} of the contract, and {entry.value} {says}")
    missing = [part for part in PARTS if not hasattr(kind, part)]
    is_class = isclass(kind)
    if missing or not is_class:
        raise _RefusedError(f"{entry.value} is no adapter, without {', '.join(missing) or 'being a class'}")
    if kind.name != entry.name:
        raise _RefusedError(f"the adapter calls itself {kind.name!r}")
    if not isinstance(kind.card, Card) or not issubclass(kind.settings_model, VendorSettings):
        raise _RefusedError(f"the `card` of {entry.value} must be a Card, its `settings_model` a VendorSettings")
    adapter: type[Adapter] = kind
    return adapter


def _package(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "a package"
