"""Conditions on an outcome that stand in several statements, and in the predicate of the index `outcomes_attention`."""

from domain.outcomes import ATTENTION, Outcome


def _among(outcomes: frozenset[Outcome]) -> str:
    named = ", ".join(f"'{outcome}'" for outcome in Outcome if outcome in outcomes)
    return f"outcome IN ({named})"


NEEDS_ATTENTION = _among(ATTENTION)
"""A request with such a delivery does not end as `completed`."""
