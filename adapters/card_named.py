"""The card of a vendor by name, for words alone: an adapter of ours need not be loaded for it, nor what sends."""

from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec

from adapters.card import Card
from domain.accounts import vendor_of

CARDS = "adapters.cards"


@lru_cache
def card_named(name: str) -> Card | None:
    """The card of a vendor, or of an account of it; None for an unknown vendor."""
    vendor = vendor_of(name)
    if vendor.isidentifier() and find_spec(f"{CARDS}.{vendor}"):
        ours: Card = import_module(f"{CARDS}.{vendor}").CARD
        return ours
    from adapters.registry import adapter_named  # noqa: PLC0415 - what plug-ins bring takes a second to load

    adapter = adapter_named(name)
    return adapter.card if adapter else None
