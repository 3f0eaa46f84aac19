"""Who of a request cannot be found at which vendor. The submitter learns it before anything is sent."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from adapters.contract import Adapter
from adapters.registry import adapter_named
from domain import reach
from domain.accounts import vendor_of
from domain.outcomes import Reason
from domain.reach import Fields
from domain.requests import Kind
from ledger.delivery.vendors import Vendor
from ledger.desk.reports import Status


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
        adapter = adapter_named(vendor.name)
        by_card = adapter.card.found_by if adapter else ()
        fields = by_card if vendor.reach is None else vendor.reach.get(kind.value, ())
        if fields:
            found[vendor.name] = fields
    return found


def what_to_give(vendor: str) -> str:
    """The identifiers by which this vendor finds a person, in a few words."""
    adapter = adapter_named(vendor)
    return adapter.card.give if adapter else "an identifier of its own"


def say_unreachable(unreachable: Mapping[str, int], people: int) -> str:
    """How many people cannot be found where, and which identifiers would help, in one line."""
    return reach.say(unreachable, people, what_to_give)


class Missing(NamedTuple):
    """Deliveries that ended as unreachable at one vendor."""

    deliveries: int
    reason: str
    give: str
    """What to provide, in a few words."""
    accepted_by: str | None
    """Who accepted that they stay unreachable."""


def missing_identifiers(status: Status) -> dict[str, Missing]:
    """By vendor, the people of a request who were unreachable there."""
    return {
        vendor: Missing(count, Reason.NO_IDENTIFIER.value, what_to_give(vendor), status.accepted_by.get(vendor))
        for vendor, count in status.unreachable.items()
    }
