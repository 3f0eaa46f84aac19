"""Whether a vendor is served, and why it is held: conditions and words that several statements share."""

from collections.abc import Iterable, Sequence

SERVED_WITHIN_S = 60.0
"""If no process has looked for a vendor's chunks for so long, nobody serves it."""
SERVED = f"(by_hand IS NOT NULL OR COALESCE(served_at > now() - interval '{SERVED_WITHIN_S} seconds', false))"
"""A condition on `vendors`; people serve a recipient without an API."""


def why_held(reason: str | None, steps: Iterable[Sequence[str]]) -> str:
    """Why nothing is sent to a vendor (`reason`), or to its held steps (the reason and name of each); "" where it is
    not held."""
    return reason or ", ".join(f"{why} at {step}" for why, step in steps)
