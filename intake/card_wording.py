"""What was done at a vendor, in the words of its card."""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from adapters.card import say_what_was_done
from adapters.card_named import card_named
from domain.kinds import Kind
from domain.outcomes import Outcome, Reason

PENDING = "pending"
BY_HAND: Mapping[str | None, str] = MappingProxyType(
    {
        Reason.MANUAL: "Not done yet: a person has to ask this recipient by hand.",
        Reason.DONE_BY_HAND: "The recipient was asked by hand, and a person has noted that it was done.",
    }
)
"""Of recipients without an API, by reason."""
ALL_ENDINGS = 4_096
"""More than there are combinations of vendor, kind, outcome and reason, so that each sentence is made once."""


@lru_cache(maxsize=ALL_ENDINGS)
def say_done(vendor: str, kind: str, outcome: str, reason: str | None) -> str | None:
    """The sentence for a delivery in an export or a list; None while it is pending or its vendor is unknown."""
    if reason in BY_HAND:
        return BY_HAND[reason]
    card = card_named(vendor)
    if card is None or outcome == PENDING:
        return None
    return say_what_was_done(card, Kind(kind), Outcome(outcome), Reason(reason) if reason else None)


def say_operations(vendor: str, kind: str) -> list[str]:
    """What this kind of request does at the vendor and what it does not reach, a sentence for each way; empty for an
    unknown vendor."""
    card = card_named(vendor)
    ways = card.ways(Kind(kind)) if card else ()
    return [f"{one.summary}. Not reached: {one.leaves or 'nothing known'}." for one in ways]
