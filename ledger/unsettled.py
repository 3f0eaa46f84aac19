"""Conditions on requests and outcomes that several statements use, and the predicate of the index
`outcomes_attention`."""

from domain.outcomes import ATTENTION, EXCEPTIONS, Outcome


def _among(outcomes: frozenset[Outcome]) -> str:
    named = ", ".join(f"'{outcome}'" for outcome in Outcome if outcome in outcomes)
    return f"outcome IN ({named})"


NEEDS_ATTENTION = _among(ATTENTION)
IS_EXCEPTION = _among(EXCEPTIONS)
"""A request with such a delivery does not end as `completed`."""
COMPLETED_IN_ERROR = """
    status = 'completed'
    AND id IN (SELECT request_id FROM tallies WHERE outcome = 'needs_action' AND deliveries > 0)
"""
"""A condition on `requests`: completed, though a read-back has found something else. It has its own index."""
NOTHING_OPEN = """
    NOT EXISTS (
        SELECT FROM chunks WHERE chunks.request_id = requests.id AND purpose = 'deliver' AND state <> 'closed')
"""
"""A condition on `requests`: every delivery is settled."""
ACCEPT = "accept"
"""The deed, in `notes`, that accepts that people of a request cannot be found; at one vendor, or at all."""


def accepted(of: str) -> str:
    """Somebody has accepted that people of this request cannot be found at this vendor; `of`: a table with both."""
    return f"""EXISTS (
        SELECT FROM notes
        WHERE notes.request_id = {of}.request_id AND deed = '{ACCEPT}'
            AND (notes.vendor_id IS NULL OR notes.vendor_id = {of}.vendor_id))"""


def waits_for_somebody(of: str) -> str:
    """A delivery of the table `of` (outcomes, tallies) that goes on when somebody has done something. One that is
    refused does not: the vendor will never take it."""
    among = _among(ATTENTION - {Outcome.REFUSED})
    return f"({among} AND NOT (outcome = 'unreachable' AND {accepted(of)}))"


def keeps_person(of: str) -> str:
    """A delivery of the table `of` whose person must not be forgotten: somebody is waited for, or the end of a legal
    hold."""
    return f"({waits_for_somebody(of)} OR outcome = 'withheld')"


def waits(of: str) -> str:
    """A delivery of the table `of` (outcomes, tallies) that needs attention."""
    return f"({NEEDS_ATTENTION} AND NOT (outcome = 'unreachable' AND {accepted(of)}))"
