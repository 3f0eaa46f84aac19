"""Words for keys, users, receivers and entries of the audit log, as pages of settings say them."""

import re
from datetime import UTC, datetime

from ledger.accounts.access import ListedKey, ListedUser
from ledger.notices.receivers import ReceiverState
from web.console.words import Word

ROUTE = re.compile(r"(?P<method>[A-Z]+) (?:/v1)?(?P<path>/.*)")


def say_key(key: ListedKey) -> Word:
    """Whether a key opens anything."""
    if key.revoked_at is not None:
        return Word("Revoked", "quiet")
    if key.expires_at is not None and key.expires_at <= datetime.now(UTC):
        return Word("Expired", "care")
    return Word("Valid", "good")


def say_user(user: ListedUser) -> Word:
    """Whether a user may sign in, and by what."""
    if user.disabled_at is not None:
        return Word("Disabled", "quiet")
    return Word("By the identity provider", "good") if user.provider_only else Word("Active", "good")


def say_receiver(receiver: ReceiverState) -> Word:
    """How a receiver does."""
    if not receiver.enabled:
        return Word("Switched off", "quiet")
    if receiver.failing:
        return Word("Failing", "bad")
    if receiver.given_up:
        return Word("Some were given up", "care")
    return Word("Well", "good")


def say_allowed(allowed: object) -> Word:
    """Whether something was allowed."""
    return Word("Allowed", "good") if allowed else Word("Refused", "bad")


def say_deed(deed: str) -> str:
    """A command, or what a route does: the words of its path that are no values."""
    route = ROUTE.fullmatch(deed)
    if route is None:
        return deed
    words = [part for part in route["path"].split("/") if part and not part.startswith("{")]
    said = " ".join(words).replace("-", " ") or "overview"
    return said if route["method"] == "POST" else f"{said} ({route['method'].lower()})"
