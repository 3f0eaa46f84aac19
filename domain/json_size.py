"""Limits how many values a JSON text may hold, before any is parsed. An empty list of two bytes becomes an object of
sixty, so eight megabytes of them would become a gigabyte."""

from domain.twins import CrowdError

DEEPEST = 200
"""The nesting depth at which the parser gives up before it has allocated anything."""


def refuse_crowd(text: bytes, most: int) -> None:
    """Raise CrowdError where `text` may hold more than `most` values. Counts commas and opening brackets, those within
    strings too: a text with that many is no request of people in any case. Too deep nesting is left to the parser,
    which reports it."""
    if len(text) < most:
        return
    commas, openings = text.count(b","), text.count(b"[") + text.count(b"{")
    if commas + openings >= most and openings <= DEEPEST * (commas + 1):
        raise CrowdError
