"""What the copy of a log says that a ledger restored from a backup does not know: read from its entries; pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import from_json

CLOSED = frozenset({"completed", "completed_with_exceptions"})
NOTHING_TO_DO = frozenset(
    {
        *("request.received", "request.status", "request.forgotten", "deed", "vendor", "legal_hold"),
        *("outcomes", "restored", "signing_key", "log", "audit", "audit.dropped", "resurrection"),
        "timestamp",  # of a history that is gone
        "request.people_forgotten",  # workers do it again by themselves: the days are over
    }
)
"""Types of entries that are told in another way, or need nothing of anybody."""


class Received(NamedTuple):
    """A request as it was received."""

    kind: str
    people: int
    vendors: list[str]


class Done(NamedTuple):
    """A deed on a request; `vendor`: where it was done at one."""

    deed: str
    request: UUID | None
    vendor: str | None


@dataclass
class Since:
    """What was logged after the backup was made."""

    received: dict[UUID, Received] = field(default_factory=dict)
    status: dict[UUID, str] = field(default_factory=dict)
    """The last one of each request of which anything was logged about it."""
    forgotten: set[UUID] = field(default_factory=set)
    deeds: list[Done] = field(default_factory=list)
    stopped: dict[str, str] = field(default_factory=dict)
    """Vendors that a person has held, switched off or retired, and who did; by what was logged last."""
    legal_holds: dict[int, str] = field(default_factory=dict)
    """The reasons of legal holds that were added and have not ended, by their number."""
    others: Counter[str] = field(default_factory=Counter)
    """How many entries of each other type there are."""

    def names(self, request: UUID) -> bool:
        """Whether anything of this request was logged but deeds."""
        return request in self.status or request in self.forgotten


def read(entries: Iterable[bytes]) -> Since:
    """Read entries in their order. Raises ValueError for one that is none of ours."""
    since = Since()
    for entry in entries:
        try:
            _take(since, from_json(entry))
        except (KeyError, TypeError):
            raise ValueError("an entry of another form") from None
    return since


def _take(since: Since, content: dict[str, Any]) -> None:
    request = UUID(content["request"]) if "request" in content else None
    match content["type"]:
        case "request.received" if request is not None:
            since.received[request] = Received(content["kind"], content["people"], content["vendors"])
            since.status[request] = content["status"]
        case "request.status" if request is not None:
            since.status[request] = content["status"]
        case "request.forgotten" if request is not None:
            since.forgotten.add(request)
        case "deed":
            since.deeds.append(Done(content["deed"], request, content.get("vendor")))
        case "vendor":
            _note_vendor(since, content)
        case "legal_hold" if content["event"] == "added":
            since.legal_holds[content["hold"]] = content["reason"]
        case "legal_hold":
            since.legal_holds.pop(content["hold"], None)
        case other if other not in NOTHING_TO_DO:
            since.others[other] += 1


def _note_vendor(since: Since, content: dict[str, Any]) -> None:
    held_by = content.get("held_by") if content.get("held_at") else None
    by = content.get("off_by") or (held_by if held_by not in {None, "worker", "restored"} else None)
    if by is not None or content.get("retired_at"):
        since.stopped[content["vendor"]] = by or "cli:?"
    else:
        since.stopped.pop(content["vendor"], None)


class Again(StrEnum):
    """What is done to a request that the ledger has open, or still can read."""

    FORGET = "forgotten"
    CANCEL = "cancelled"
    ASK = "asked"
    LEAVE = "left"


def decide(kind: str, status: str, *, forgotten: bool, public_id: UUID, since: Since | None) -> Again:
    """What is done to a request that stands so in the ledger, by what the copy says; `since`: None where its entries
    are not at hand.

    What the copy says was forgotten is forgotten, and what was withdrawn is cancelled. What it says has closed waits
    for a person. So does everything where the copy cannot be read, or where a legal hold is lost, whose person nobody
    knows. An opt-in waits in any case, because a withdrawal after it may be lost. To repeat another withdrawal is safe.
    """
    if since is not None and public_id in since.forgotten and not forgotten:
        return Again.FORGET
    is_open = status in {"running", "unconfirmed"}
    last = since.status.get(public_id) if since is not None else None
    if is_open and last == "cancelled":
        return Again.CANCEL
    if status == "running" and (since is None or since.legal_holds or last in CLOSED or kind == "opt_in"):
        return Again.ASK
    return Again.LEAVE
