"""How many values a JSON text may hold, looked at before any of them is made: an empty list of two bytes becomes an
object of sixty, and so eight megabytes of them a gigabyte."""

from domain.twins import CrowdError

DEEPEST = 200
"""Levels at which the parser gives up, before it has made anything."""


def refuse_crowd(text: bytes, most: int) -> None:
    """Raise CrowdError where there may be more than `most` values in it. Commas and opening brackets are counted, those
    within strings too: what holds that many is no request of people either way. What is nested too deeply is left to
    the parser, which says so."""
    if len(text) < most:
        return
    commas, openings = text.count(b","), text.count(b"[") + text.count(b"{")
    if commas + openings >= most and openings <= DEEPEST * (commas + 1):
        raise CrowdError
