"""What is told to others when a request's status changes, and how telling may fail. Nothing in it is personal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import JsonValue

from domain.requests import Kind


class Style(StrEnum):
    """The convention by which a receiver is told; it decides headers and body."""

    STANDARD = "standard"  # Standard Webhooks, https://www.standardwebhooks.com
    OPENDSR = "opendsr"  # the status callback of an OpenDSR request


@dataclass(frozen=True)
class Callback:
    """Where the producer of one request wants to be told of it.

    `details` is whatever the style needs besides, an id of the producer's own, say: kept in clear, so nothing personal.
    """

    url: str = field(repr=False)
    host: str
    style: Style
    details: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True)
class Notice:
    """One change of a request's status, as it was when it happened: telling it again says the same."""

    message_id: UUID
    """The same at every attempt, and different for every receiver."""
    request_id: UUID
    kind: Kind
    status: str
    happened_at: datetime
    received_at: datetime
    due_at: datetime
    """As it is now: it may have been extended since."""
    subjects: int
    vendors: Mapping[str, Mapping[str, int]]
    """Vendor to outcome (or `pending`) to number of deliveries."""
    details: Mapping[str, JsonValue] = field(default_factory=dict)
    accepted: frozenset[str] = frozenset()
    """Vendors at which somebody had accepted that people cannot be found; told to OpenDSR only."""
    begun: bool = False
    """The change is that a worker has taken up the first of it; only OpenDSR has a word for that."""


class Failure(StrEnum):
    """Why an attempt to tell failed: a fixed vocabulary, never a receiver's own words."""

    NOT_ALLOWED = "not_allowed"  # the operator has not allowed this address; see CONSENT_WEBHOOKS__ALLOWED_HOSTS
    NOT_PUBLIC = "not_public"  # its name leads to a private, loopback or otherwise special address
    UNREACHABLE = "unreachable"  # no such name, no connection, or not the right certificate
    NO_ANSWER = "no_answer"  # sent, and no answer came in time
    REFUSED = "refused"  # answered, and not with a 2xx
    GONE = "gone"  # answered 410: it wants to be told nothing more of this
    SWITCHED_OFF = "switched_off"  # the settings name this receiver no longer
    SEALED = "sealed"  # its address cannot be opened: a master key is missing
    FORGOTTEN = "forgotten"  # its address was destroyed with the request's people
