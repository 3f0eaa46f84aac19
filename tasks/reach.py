"""Who of a request cannot be found at which vendor. The submitter learns it before anything is sent."""

from collections.abc import Iterable, Mapping

from adapters.card_named import card_named
from adapters.contract import Adapter
from domain import reach
from domain.accounts import vendor_of
from domain.reach import Fields
from domain.requests import Kind
from ledger.delivery.vendors import Vendor
from tasks.unreachable import what_to_give


def reach_of(adapter: Adapter) -> dict[str, Fields]:
    """By kind, the fields by which a vendor finds people with these settings. An account's own block counts too."""
    return {kind.value: _with_own_block(adapter.name, adapter.reach(kind)) for kind in Kind}


def _with_own_block(name: str, fields: Fields) -> Fields:
    every, own = f"vendors.{vendor_of(name)}.", f"vendors.{name}."
    blocks = [own + field.removeprefix(every) for field in fields if field.startswith(every)]
    return fields if every == own else (*fields, *blocks)


def fields_at(vendors: Iterable[Vendor], kind: Kind) -> dict[str, Fields]:
    """By vendor, the fields of which one must be given; without vendors that have no such operation.

    From what the workers announced, because the process that records a request may lack the vendors' settings. Before
    that, from the vendor's card.
    """
    found = {}
    for vendor in vendors:
        card = card_named(vendor.name)
        by_card = card.found_by if card else ()
        fields = by_card if vendor.reach is None else vendor.reach.get(kind.value, ())
        if fields:
            found[vendor.name] = fields
    return found


def say_unreachable(unreachable: Mapping[str, int], people: int) -> str:
    """How many people cannot be found where, and which identifiers would help, in one line."""
    return reach.say(unreachable, people, what_to_give)
