"""Which identifiers a request lacks, by vendor, and what to provide."""

from collections.abc import Sequence
from typing import NamedTuple

from adapters.card_named import card_named
from domain.outcomes import Reason
from ledger.desk.status import Status


def what_to_give(vendor: str, fields: Sequence[str] = ()) -> str:
    """The identifiers by which this vendor finds a person, in a few words; `fields`: those that it was announced with,
    for one without a card of ours, such as a recipient without an API."""
    card = card_named(vendor)
    if card:
        return card.give
    return " or ".join(filter(None, (", ".join(fields[:-1]), *fields[-1:]))) or "another identifier"


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
        vendor: Missing(
            count,
            Reason.NO_IDENTIFIER.value,
            what_to_give(vendor, status.found_by.get(vendor, ())),
            status.accepted_by.get(vendor),
        )
        for vendor, count in status.unreachable.items()
    }
