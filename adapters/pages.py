"""Lists in pages: a cursor leads from each page to the next, in a conversation that ends."""

from typing import NamedTuple

import httpx

from adapters.contract import UnreadableError

MOST_PAGES = 1_000
"""A list of more pages than this is taken as endless."""


class Page(NamedTuple):
    """The page of a list that is asked for. It is passed on as `carry`. The repr shows nothing: a cursor may hold
    anything."""

    cursor: str = ""
    """The cursor that the vendor gave for this page; "" for the first page."""
    number: int = 1

    def __repr__(self) -> str:
        return f"Page({self.number})"

    def next(self, cursor: object) -> "Page | None":
        """The next page that an answer names; None where it names none.

        Raises UnreadableError where it is no text, is this page again, or the pages have no end.
        """
        if cursor is None or cursor == "":
            return None
        if not isinstance(cursor, str) or cursor == self.cursor or self.number >= MOST_PAGES:
            raise UnreadableError("pages that do not end")
        return Page(cursor, self.number + 1)


def next_link(told: object, asked: httpx.URL) -> str:
    """The address of the next page, where an answer gives a whole address; "" where it gives none.

    Raises UnreadableError where it is on another server: our token would be sent there.
    """
    if told is None or told == "":
        return ""
    try:
        link = asked.join(told) if isinstance(told, str) else None
    except httpx.InvalidURL:
        link = None
    if link is None or (link.scheme, link.host, link.port) != (asked.scheme, asked.host, asked.port) or link.userinfo:
        raise UnreadableError("a next page elsewhere")
    return str(link)
