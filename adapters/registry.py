"""All vendors, by the name that requests, settings and queues use for them."""

from types import MappingProxyType
from typing import Any

from adapters.contract import Adapter, VendorSettings
from adapters.plug_ins import find
from adapters.vendors.akinon import Akinon
from adapters.vendors.algonomy import Algonomy
from adapters.vendors.b2core import B2core
from adapters.vendors.dfinery import Dfinery
from adapters.vendors.insider import Insider
from domain.accounts import vendor_of

OURS = MappingProxyType[str, type[Adapter]](
    {
        "akinon": Akinon,
        "algonomy": Algonomy,
        "b2core": B2core,
        "dfinery": Dfinery,
        "insider": Insider,
    }
)
"""Explicit. Adding a vendor adds a line here (docs/adding-a-vendor.md)."""
PLUG_INS = find(OURS)
ADAPTERS = MappingProxyType[str, type[Adapter]]({**OURS, **PLUG_INS.adapters})
"""All vendors, ours first, in the order of display."""


def adapter_named(name: str) -> type[Adapter] | None:
    """The adapter of a vendor, or of an account of it; None for an unknown vendor."""
    return ADAPTERS.get(vendor_of(name))


def create(name: str, settings: VendorSettings) -> Adapter:
    """The adapter of vendor `name`, or of an account of it. Raises KeyError for a vendor that is not in ADAPTERS,
    TypeError for settings of another vendor."""
    adapter: Any = ADAPTERS[vendor_of(name)]
    if not isinstance(settings, adapter.settings_model):
        raise TypeError(f"{name} takes {adapter.settings_model.__name__}")
    made: Adapter = adapter(settings=settings, **({} if name == adapter.name else {"name": name}))
    return made
