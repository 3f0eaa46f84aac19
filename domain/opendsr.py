"""OpenDSR's statuses, and the bodies that describe a data subject request to a controller.

The specification is version 2.0 of https://github.com/opengdpr/OpenDSR (sections in brackets). Its 3.0 shape follows
https://docs.mparticle.com/developers/apis/dsr-api/v3/, which made it common.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import JsonValue

from domain.notices import Notice
from domain.outcomes import ATTENTION, DONE, Outcome
from domain.regulations import Regulation
from domain.requests import Kind, Subject


class Version(StrEnum):
    """The versions supported; the value is that of `api_version`."""

    V2 = "2.0"
    V3 = "3.0"


class DsrStatus(StrEnum):
    """The status of a request [8]. OpenDSR has none for failures: these are in `extensions`."""

    PENDING = "pending"  # received, not begun
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"  # nothing is open any more
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class DsrRequest:
    """A controller's request, validated."""

    id: UUID
    version: Version
    kind: Kind
    submitted_at: datetime
    regulation: Regulation
    subjects: tuple[Subject, ...] = field(repr=False)
    unused_identities: tuple[str, ...]
    """The types of identities given by which no vendor of ours knows anybody."""
    callback_urls: tuple[str, ...] = field(repr=False)
    group_id: str | None = field(repr=False)
    content: bytes = field(repr=False)
    """The whole request in canonical form, equal for every way to write the same JSON."""
    accept_unreachable: bool = False
    """The controller accepts that some identities are unknown to some vendors."""


def dsr_status(status: str, *, begun: bool, unreachable: bool) -> DsrStatus:
    """OpenDSR's word for a status of ours. `begun`: a worker has begun with it. `unreachable`: somebody could not be
    found at a vendor and nobody has accepted that, so the request is not completed."""
    if status == "cancelled":
        return DsrStatus.CANCELLED
    if status in {"completed", "completed_with_exceptions"}:
        return DsrStatus.IN_PROGRESS if unreachable else DsrStatus.COMPLETED
    return DsrStatus.IN_PROGRESS if begun else DsrStatus.PENDING


@dataclass(frozen=True)
class Delivery:
    """The state of one delivery. `outcome` and `reason` are of our fixed vocabulary."""

    vendor: str
    outcome: str
    reason: str | None


@dataclass(frozen=True)
class DsrState:
    """A data subject request and its state. Only `group_id` could identify the data subject."""

    request_id: UUID
    """Its name at all other ways in."""
    controller_id: str
    subject_request_id: UUID
    version: Version
    status: DsrStatus
    received_at: datetime
    due_at: datetime
    unused_identities: tuple[str, ...] = ()
    group_id: str | None = field(default=None, repr=False)
    deliveries: tuple[Delivery, ...] = ()
    unreachable: Mapping[str, int] = field(default_factory=dict)
    """By vendor, how many people cannot be found there with the identities given."""
    accepted: frozenset[str] = frozenset()
    """Vendors at which somebody has accepted that."""


def details_for(asked: DsrRequest, controller: str) -> dict[str, JsonValue]:
    """What a callback needs besides the state of the request. Nothing of it is personal."""
    return {
        "controller": controller,
        "subject_request_id": str(asked.id),
        "version": asked.version.value,
        "unused_identities": list(asked.unused_identities),
    }


def state_at(notice: Notice) -> DsrState:
    """The state of a request at the time of a notice that carries `details_for` it."""
    details: Mapping[str, Any] = notice.details
    counts = [
        (vendor, outcome, count) for vendor, told_of in notice.vendors.items() for outcome, count in told_of.items()
    ]
    unreachable = {vendor: count for vendor, outcome, count in counts if outcome == Outcome.UNREACHABLE and count}
    settled = any(count and outcome in set(Outcome) for _, outcome, count in counts)
    return DsrState(
        request_id=notice.request_id,
        controller_id=controller_id(details["controller"]),
        subject_request_id=UUID(details["subject_request_id"]),
        version=Version(details["version"]),
        status=dsr_status(
            notice.status, begun=notice.begun or settled, unreachable=not unreachable.keys() <= notice.accepted
        ),
        received_at=notice.received_at,
        due_at=notice.due_at,
        unused_identities=tuple(details["unused_identities"]),
        deliveries=tuple(Delivery(vendor, outcome, None) for vendor, outcome, count in counts if count),
        unreachable=unreachable,
        accepted=notice.accepted,
    )


def controller_id(principal: str) -> str:
    """The controller's id with us: the name of its API key."""
    return principal.removeprefix("key:")


def received(state: DsrState, encoded_request: str) -> dict[str, Any]:
    """The answer to an accepted request [7.3]."""
    return {
        "controller_id": state.controller_id,
        "expected_completion_time": rfc3339(state.due_at),
        "received_time": rfc3339(state.received_at),
        "encoded_request": encoded_request,
        "subject_request_id": str(state.subject_request_id),
    }


def status_body(state: DsrState, version: Version, domain: str) -> dict[str, Any]:
    """The answer to a status query [8.3], in the shape of the version of the query."""
    body = {
        "controller_id": state.controller_id,
        "expected_completion_time": rfc3339(state.due_at),
        "subject_request_id": str(state.subject_request_id),
        "request_status": state.status.value,
        "api_version": version.value,
        "extensions": extensions(state, domain),
    }
    return body | {"group_id": state.group_id, "results_url": None} if version is Version.V3 else body


def callback_body(state: DsrState, url: str, domain: str) -> dict[str, Any]:
    """The body of a callback [8.6], in the shape of the version of the request."""
    body = {
        "controller_id": state.controller_id,
        "expected_completion_time": rfc3339(state.due_at),
        "status_callback_url": url,
        "subject_request_id": str(state.subject_request_id),
        "request_status": state.status.value,
        "api_version": state.version.value,
        "extensions": extensions(state, domain),
    }
    return body | {"results_url": None} if state.version is Version.V3 else body


def withdrawn(state: DsrState, version: Version, received_at: datetime) -> dict[str, Any]:
    """The answer to a cancellation [9.2], received at this time."""
    body: dict[str, Any] = {
        "controller_id": state.controller_id,
        "subject_request_id": str(state.subject_request_id),
        "received_time": rfc3339(received_at),
        "api_version": version.value,
    }
    return body | {"expected_completion_time": None} if version is Version.V3 else body


def extensions(state: DsrState, domain: str) -> dict[str, Any]:
    """Fields that the specification lacks, under our domain [7.1.2]: the state at each vendor, and unused
    identities."""
    by_vendor: dict[str, list[Delivery]] = {}
    for delivery in state.deliveries:
        by_vendor.setdefault(delivery.vendor, []).append(delivery)
    return {
        domain: {
            "request_id": str(state.request_id),
            "distribution_status": [
                {"name": vendor, **_distribution(by_vendor[vendor], accepted=vendor in state.accepted)}
                for vendor in sorted(by_vendor)
            ],
            "unreachable": dict(sorted(state.unreachable.items())),
            "unused_identities": list(state.unused_identities),
        }
    }


def _distribution(deliveries: Iterable[Delivery], *, accepted: bool) -> Mapping[str, str | None]:
    """One vendor's status in the words of the 3.0 shape. Of several deliveries, the one that needs attention most
    decides."""
    outcomes = {delivery.outcome for delivery in deliveries}
    failed = ATTENTION - {Outcome.UNREACHABLE} if accepted else ATTENTION
    if outcomes & failed:
        return {"status": "failed", "status_message": _why(deliveries, among=failed)}
    if not outcomes <= set(Outcome):
        return {"status": "pending", "status_message": None}
    if outcomes & (DONE - {Outcome.SUPERSEDED}):
        return {"status": "sent", "status_message": _why(deliveries, among=DONE)}
    return {"status": "skipped", "status_message": _why(deliveries, among=set(Outcome))}


def _why(deliveries: Iterable[Delivery], among: Iterable[str]) -> str:
    told_of = {one for one in deliveries if one.outcome in set(among)}
    return ", ".join(sorted({f"{one.outcome} ({one.reason})" if one.reason else one.outcome for one in told_of}))


def rfc3339(at: datetime) -> str:
    """A time as OpenDSR's examples write it: in UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
