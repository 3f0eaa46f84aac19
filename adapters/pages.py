"""Lists that come in pages: a cursor leads from one page to the next, in a conversation that ends."""

from typing import NamedTuple

import httpx

from adapters.contract import UnreadableError

MOST_PAGES = 1_000
"""A list of more pages than this has no end, as far as we are concerned."""


class Page(NamedTuple):
    """Which page of a list is asked for; it travels as `carry` from one to the next. Never shown: a cursor may hold
    anything."""

    cursor: str = ""
    """What the vendor said leads here; "" on the first one."""
    number: int = 1

    def __repr__(self) -> str:
        return f"Page({self.number})"

    def next(self, cursor: object) -> "Page | None":
        """The page that an answer names as the next one; None where it names none.

        Raises UnreadableError where that is no text, leads to this page again, or the pages have no end.
        """
        if cursor is None or cursor == "":
            return None
        if not isinstance(cursor, str) or cursor == self.cursor or self.number >= MOST_PAGES:
            raise UnreadableError("pages that do not end")
        return Page(cursor, self.number + 1)


def next_link(told: object, asked: httpx.URL) -> str:
    """The address of the next page, where an answer gives the whole address; "" where it gives none.

    Raises UnreadableError where it leads anywhere else than to the server that was asked: our token goes there.
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
