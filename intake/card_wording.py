"""What was done at a vendor, in the words of its card, for whoever reads the record."""

from functools import lru_cache

from adapters.card import say_what_was_done
from adapters.registry import adapter_named
from domain.outcomes import Outcome, Reason
from domain.requests import Kind

PENDING = "pending"
ALL_ENDINGS = 4_096
"""More than there are vendors times kinds, outcomes and reasons: each sentence is put together once."""


@lru_cache(maxsize=ALL_ENDINGS)
def say_done(vendor: str, kind: str, outcome: str, reason: str | None) -> str | None:
    """The sentence beside a delivery of an export or a list; None while it is pending or its vendor is not known."""
    adapter = adapter_named(vendor)
    if adapter is None or outcome == PENDING:
        return None
    return say_what_was_done(adapter.card, Kind(kind), Outcome(outcome), Reason(reason) if reason else None)


def say_operations(vendor: str, kind: str) -> list[str]:
    """What this kind of request does at the vendor and does not reach, a sentence for each way; none for a vendor we do
    not know."""
    adapter = adapter_named(vendor)
    ways = adapter.card.ways(Kind(kind)) if adapter else ()
    return [f"{one.summary}. Not reached: {one.leaves or 'nothing known'}." for one in ways]
