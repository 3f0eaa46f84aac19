"""Reasons that people give. They are kept for good, so they must name no person."""

from domain.emails import SHAPE
from domain.phones import E164

LONGEST_TEXT = 500


def because_fault(text: str) -> str | None:
    """What is wrong with a reason; None where it can be stored."""
    if not (text.isprintable() and 0 < len(text) <= LONGEST_TEXT):
        return f"must be 1 to {LONGEST_TEXT} printable characters"
    if SHAPE.search(text) or E164.search(text):
        return "names a person by e-mail or phone number; it is kept for good, so say why, not who"
    return None
