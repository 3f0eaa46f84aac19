"""The pages that the navigation leads to, and the right that each needs."""

from typing import NamedTuple

from intake.access.roles import Right


class Place(NamedTuple):
    """A page of the navigation."""

    path: str
    icon: str
    text: str
    right: Right | None = None
    """Who lacks it does not see the page; None: everybody does."""


NAVIGATION = (
    Place("/requests", "list", "Requests"),
    Place("/attention", "triangle-alert", "Attention", Right.READ),
    Place("/person", "user-search", "A person", Right.READ),
    Place("/vendors", "plug", "Vendors", Right.READ),
    Place("/report", "calendar-clock", "Report", Right.READ),
    Place("/new", "plus", "New request", Right.SUBMIT),
    Place("/settings", "settings", "Settings", Right.READ),
)
SETTINGS = (
    Place("/settings/keys", "key-round", "Keys", Right.MANAGE),
    Place("/settings/users", "users", "Users", Right.MANAGE),
    Place("/settings/legal-holds", "archive", "Legal holds", Right.READ),
    Place("/settings/receivers", "webhook", "Receivers", Right.READ),
    Place("/settings/audit", "scroll-text", "Audit log", Right.READ),
)
"""The tabs on the pages of settings."""
