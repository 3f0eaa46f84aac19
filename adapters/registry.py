"""The vendors we know, by the name that requests, settings and queues use for them."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from adapters.contract import Adapter, VendorSettings
from adapters.vendors.akinon import Akinon
from adapters.vendors.algonomy import Algonomy
from adapters.vendors.b2core import B2core
from adapters.vendors.dfinery import Dfinery
from adapters.vendors.insider import Insider

ADAPTERS = MappingProxyType[str, type[Adapter]](
    {
        "akinon": Akinon,
        "algonomy": Algonomy,
        "b2core": B2core,
        "dfinery": Dfinery,
        "insider": Insider,
    }
)
"""Explicit, in the order in which vendors are shown. Adding a vendor adds a line here (docs/adding-a-vendor.md)."""


def create(name: str, settings: VendorSettings) -> Adapter:
    """The adapter of vendor `name`. Raises KeyError for a name that is not in ADAPTERS, TypeError for other settings
    than its own."""
    adapter: Any = ADAPTERS[name]
    if not isinstance(settings, adapter.settings_model):
        raise TypeError(f"{name} takes {adapter.settings_model.__name__}")
    made: Adapter = adapter(settings=settings)
    return made


CHUNK_S = 1.0


def chunk_sizes(adapters: Iterable[Adapter]) -> Mapping[str, int]:
    """How many people a chunk for each vendor holds, by name: about CHUNK_S of what its limit lets through, so that a
    hold, a cancellation or another request need not wait long; but a full call, and no more than `chunk_people`."""
    sizes = {}
    for adapter in adapters:
        in_time = int(adapter.settings.requests_per_minute / 60 * CHUNK_S) * adapter.call_people
        sizes[adapter.name] = max(adapter.call_people, min(in_time, adapter.chunk_people))
    return sizes
