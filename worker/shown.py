"""How a delivery is displayed in Flower, in Celery's log and in its events: by vendor, chunk, people and request.

Celery has headers for this. The sender puts the figures into a header of ours. The receiver checks them and makes the
text, because anyone who can write to a queue can write any header.
"""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ledger.delivery.claiming import Claimed
from tasks.envelopes import Envelope
from tasks.queues import DELIVER, VENDOR_QUEUES

HEADER = "consent"


class Figures(BaseModel):
    """The sender's figures of a chunk."""

    model_config = ConfigDict(hide_input_in_errors=True, extra="ignore")

    purpose: Literal["deliver", "verify"]
    people: int = Field(ge=0, le=1_000_000_000, strict=True)
    request: UUID


def headers_of(chunk: Claimed) -> dict[str, dict[str, str | int]]:
    """Our header for a message that delivers this chunk."""
    return {HEADER: {"purpose": chunk.purpose, "people": chunk.people, "request": str(chunk.request)}}


def shown_as(queue: str, envelope: Envelope) -> dict[str, str]:
    """Celery's own headers that display a delivery; empty for other tasks."""
    if envelope.task != DELIVER:
        return {}
    (chunk_id,) = envelope.args or envelope.kwargs.values()
    vendor, chunk = queue.removeprefix(VENDOR_QUEUES), f"chunk {chunk_id}"
    try:
        figures = Figures.model_validate(envelope.headers.get(HEADER))
    except ValidationError:  # from an older sender
        return {"shadow": f"deliver {vendor}", "argsrepr": f"{vendor}, {chunk}"}
    people = f"{figures.people:,} {'person' if figures.people == 1 else 'people'}"
    return {
        "shadow": f"{figures.purpose} {vendor}",
        "argsrepr": f"{vendor}, {chunk}, {people}, request {figures.request}",
    }
