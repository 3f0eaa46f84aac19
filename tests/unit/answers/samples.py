"""Facts of made-up requests."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from adapters.registry import adapter_named
from answers.facts import Ending, Facts, Recipient
from answers.reading import title_of
from domain.regulations import Regulation
from domain.requests import Kind

ASKED = datetime(2026, 5, 4, 8, tzinfo=UTC)
MASKED: Mapping[str, str] = MappingProxyType({"user_id": "u•••7", "email": "j•••@p•••.example"})


def at(vendor: str, *endings: Ending) -> Recipient:
    """What became of it at a vendor."""
    adapter = adapter_named(vendor)
    return Recipient(vendor, title_of(vendor), adapter.card if adapter else None, endings)


def ended(outcome: str, reason: str | None = None, people: int = 1, **more: Any) -> Ending:
    """Deliveries that ended on the second day."""
    moment = None if outcome == "pending" else ASKED + timedelta(days=1)
    return Ending(outcome, reason, people, **{"first_at": moment, "last_at": moment, **more})


def facts(*recipients: Recipient, **more: Any) -> Facts:
    """A closed request of one person."""
    given: dict[str, Any] = {
        "request_id": UUID("123e4567-e89b-42d3-a456-426614174000"),
        "kind": Kind.ERASURE,
        "status": "completed",
        "regulation": Regulation.GDPR,
        "people": 1,
        "asked_at": ASKED,
        "received_at": ASKED,
        "due_at": ASKED + timedelta(days=30),
        "as_of": ASKED + timedelta(days=2),
        "recipients": recipients,
        "closed_at": ASKED + timedelta(days=1),
        "submitted_by": "user:ann",
    }
    return Facts(**{**given, **more})
