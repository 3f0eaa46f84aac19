"""What a producer asks for, but for the people, and why it may be refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.deadlines import Deadlines, Regulation
from domain.noticed import Noticed
from domain.notices import Callback
from domain.requests import Kind
from ledger.accounts.audit import HERE, Origin
from ledger.requests.new_request import Also, Warn


class SubmitError(Exception):
    """The request cannot be taken as it is, and nothing of it was recorded. The message says what to change."""


class KeyConflictError(SubmitError):
    """This idempotency key already stands for another request."""

    def __init__(self) -> None:
        super().__init__("this idempotency key already stands for another request; use a new one")


@dataclass(frozen=True)
class Submission:
    """What a producer asks for, but for the people."""

    kind: Kind
    vendors: tuple[str, ...] = ()  # none named: all that are switched on
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    idempotency_key: str | None = field(default=None, repr=False)
    submitted_by: str = "unknown"
    asked_at: datetime | None = None
    """When the controller was asked, from which the due date counts; None: on receipt. A person's own record may say so
    too: the request is due by the earliest."""
    effective_at: datetime | None = None
    """When the people made their wish, which decides between wishes of one person; None: when it was asked."""
    regulation: Regulation | None = None
    """The law it is made under, which says when it is due; None: the operator's default."""
    not_before: datetime | None = None
    """Nothing is sent before this."""
    confirmed: bool = False
    """The submitter confirms a large request at once, with nobody else looking."""
    callbacks: tuple[Callback, ...] = ()
    """Who wants to be told of its changes of status; their addresses were checked where it came in."""
    also: Also | None = field(default=None, repr=False)
    """Writes into the ledger what the way it came in by keeps of it, in the same transaction."""
    accept_unreachable: bool = False
    """The submitter accepts that some of the people cannot be found at some vendors: nobody need see to them."""
    warn: Warn | None = field(default=None, repr=False)
    """Told how many cannot be found where, before anything is sent."""
    noticed: Noticed = field(default_factory=Noticed, repr=False)
    """The one that the people are read with: what is allowed, and what was noticed once all are read."""
    origin: Origin = HERE
    """Whence it came, for the audit log."""


@dataclass(frozen=True)
class Guards:
    """What the operator has set for every request: how long to wait for second thoughts, above how many people someone
    else looks, and when it is due."""

    cool_off_s: Mapping[Kind, float] = field(default_factory=dict)
    confirm_above: int | None = None
    deadlines: Deadlines = field(default_factory=Deadlines)
    resolves: bool = False
    """Whether the controller's own directory is asked for what people lack."""
    confirm_within_s: float = 0.0
    """What a submitter sent within so many seconds counts towards `confirm_above`; 0: each request by itself."""


NO_GUARDS = Guards()
