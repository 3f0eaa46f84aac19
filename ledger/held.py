"""Whether a vendor is served, why it is held, and whether it fails: conditions and words that several statements
share."""

from collections.abc import Iterable, Sequence

LATELY_S = 900.0
"""A yes within this time is a witness for its step. Older strikes against a step are forgotten."""
FAILING = f"steps.held_at IS NULL AND steps.strikes > 0 AND struck_at > now() - interval '{LATELY_S} seconds'"
"""A condition on `steps`: its last answers failed everybody, and it is not held yet."""
SERVED_WITHIN_S = 60.0
"""If no process has looked for a vendor's chunks for so long, nobody serves it."""
SERVED = f"(by_hand IS NOT NULL OR COALESCE(served_at > now() - interval '{SERVED_WITHIN_S} seconds', false))"
"""A condition on `vendors`; people serve a recipient without an API."""


def why_held(reason: str | None, steps: Iterable[Sequence[str]]) -> str:
    """Why nothing is sent to a vendor (`reason`), or to its held steps (the reason and name of each); "" where it is
    not held."""
    return reason or at_steps(steps)


def at_steps(steps: Iterable[Sequence[str]]) -> str:
    """What is wrong at some steps (the reason and name of each); "" where there are none."""
    return ", ".join(f"{why} at {step}" for why, step in steps)
