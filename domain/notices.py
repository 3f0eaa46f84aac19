"""What receivers are sent when a request's status changes, and how sending may fail. Nothing in it is personal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import JsonValue

from domain.requests import Kind


class Style(StrEnum):
    """The convention of a receiver; it decides headers and body."""

    STANDARD = "standard"  # Standard Webhooks, https://www.standardwebhooks.com
    OPENDSR = "opendsr"  # the status callback of an OpenDSR request


@dataclass(frozen=True)
class Callback:
    """Where the producer of one request wants its changes of status.

    `details` is what the style needs besides, such as an id of the producer's own. It is kept in clear, so it holds
    nothing personal.
    """

    url: str = field(repr=False)
    host: str
    style: Style
    details: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True)
class Notice:
    """One change of a request's status, as it was when it happened. Every attempt sends the same."""

    message_id: UUID
    """The same at every attempt, different for every receiver."""
    request_id: UUID
    kind: Kind
    status: str
    happened_at: datetime
    received_at: datetime
    due_at: datetime
    """The due date at the time of sending: it may have been extended."""
    subjects: int
    vendors: Mapping[str, Mapping[str, int]]
    """Vendor to outcome (or `pending`) to number of deliveries."""
    details: Mapping[str, JsonValue] = field(default_factory=dict)
    accepted: frozenset[str] = frozenset()
    """Vendors at which somebody accepted that people cannot be found. Sent to OpenDSR receivers only."""
    begun: bool = False
    """The change is that a worker has begun with the request. Only OpenDSR has a status for that."""


class Failure(StrEnum):
    """Why an attempt failed: a fixed vocabulary, never a receiver's own words."""

    NOT_ALLOWED = "not_allowed"  # the operator has not allowed this address; see CONSENT_WEBHOOKS__ALLOWED_HOSTS
    NOT_PUBLIC = "not_public"  # its name resolves to a private, loopback or otherwise special address
    UNREACHABLE = "unreachable"  # no such name, no connection, or an invalid certificate
    NO_ANSWER = "no_answer"  # sent, and no answer came in time
    REFUSED = "refused"  # answered with another status than 2xx
    GONE = "gone"  # answered 410: it wants no more notices of this request
    SWITCHED_OFF = "switched_off"  # the settings no longer name this receiver
    SEALED = "sealed"  # its address cannot be opened: a master key is missing
    FORGOTTEN = "forgotten"  # its address was destroyed with the request's people
