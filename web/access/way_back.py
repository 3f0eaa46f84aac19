"""To which of our own pages a browser goes once somebody has signed in."""

import re

from fastapi import Request, Response

from web.access import cookies

NAME = "consent_back"
"""The cookie of a browser that signs in at an identity provider."""
LASTS_S = 600
PATH = re.compile(r"/[a-z][a-z0-9/-]{0,199}|/", re.ASCII)
"""Our own pages, and nothing that a browser could take for another host."""


def own_page(path: str) -> str:
    """This path where it is one of our pages; else the first one."""
    return path if PATH.fullmatch(path) and "//" not in path else "/"


def keep(request: Request, response: Response, path: str) -> None:
    """Have the browser come back to this page."""
    cookies.keep(request, response, NAME, own_page(path), seconds=LASTS_S)


def read(request: Request) -> str | None:
    """The page that was kept; None where the login did not begin at a page of ours."""
    kept = cookies.read(request, NAME)
    return own_page(kept) if kept else None
