"""Conditions on an outcome that stand in several statements, and in the predicate of the index `outcomes_attention`."""

from domain.outcomes import ATTENTION, Outcome


def _among(outcomes: frozenset[Outcome]) -> str:
    named = ", ".join(f"'{outcome}'" for outcome in Outcome if outcome in outcomes)
    return f"outcome IN ({named})"


NEEDS_ATTENTION = _among(ATTENTION)
"""A request with such a delivery does not end as `completed`."""
COMPLETED_IN_ERROR = """
    status = 'completed'
    AND id IN (SELECT request_id FROM tallies WHERE outcome = 'needs_action' AND deliveries > 0)
"""
"""A condition on `requests`: said to be done, though a read-back has found otherwise. It has an index of its own."""
