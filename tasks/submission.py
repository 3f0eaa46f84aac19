"""What a producer asks for, without the people, and why it may be refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.deadlines import Deadlines
from domain.noticed import Noticed
from domain.notices import Callback
from domain.regulations import Regulation
from domain.requests import Kind
from ledger.accounts.audit import HERE, Origin
from ledger.requests.new_request import Also, Warn


class SubmitError(Exception):
    """The request cannot be accepted as it is, and nothing of it was recorded. The message says what to change."""


class FutureMomentError(SubmitError):
    """What has happened already would happen later than now, by PostgreSQL's clock."""

    def __init__(self, name: str, person: int | None) -> None:
        """`person`: the position of the one whose it is; None: the request's."""
        whose = name if person is None else f"{name} of person {person}"
        super().__init__(f"{whose} is in the future; not_before is for what is to happen later")
        self.person = person


class KeyConflictError(SubmitError):
    """This idempotency key already belongs to another request."""

    def __init__(self) -> None:
        super().__init__("this idempotency key already stands for another request; use a new one")


@dataclass(frozen=True)
class Submission:
    """What a producer asks for, without the people."""

    kind: Kind
    vendors: tuple[str, ...] = ()  # none: all that are switched on
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    idempotency_key: str | None = field(default=None, repr=False)
    submitted_by: str = "unknown"
    asked_at: datetime | None = None
    """When the controller was asked; the due date counts from it. None: on receipt. A person's own record may have a
    date too: the earliest counts."""
    effective_at: datetime | None = None
    """When the people expressed their wish, which decides between wishes of one person. None: when it was asked."""
    regulation: Regulation | None = None
    """The law that it is made under, which sets the due date. None: the operator's default."""
    not_before: datetime | None = None
    """Nothing is sent before this."""
    confirmed: bool = False
    """The submitter confirms a large request at once, without a second person."""
    callbacks: tuple[Callback, ...] = ()
    """Where to send its changes of status. The addresses were checked on receipt."""
    also: Also | None = field(default=None, repr=False)
    """Writes what the way in keeps of it into the ledger, in the same transaction."""
    accept_unreachable: bool = False
    """The submitter accepts that some people cannot be found at some vendors: they need no attention."""
    warn: Warn | None = field(default=None, repr=False)
    """Called with how many cannot be found where, before anything is sent."""
    reference: str | None = field(default=None, repr=False)
    """What the submitter calls it, such as the number of a ticket; kept sealed."""
    noticed: Noticed = field(default_factory=Noticed, repr=False)
    """The context that the people are read with: what is allowed, and what was noticed once all are read."""
    origin: Origin = HERE
    """Where it came from, for the audit log."""


@dataclass(frozen=True)
class Guards:
    """The operator's rules for every request: how long to wait before sending, above how many people a second person
    must confirm, and when it is due."""

    cool_off_s: Mapping[Kind, float] = field(default_factory=dict)
    confirm_above: int | None = None
    deadlines: Deadlines = field(default_factory=Deadlines)
    resolves: bool = False
    """Whether the controller's directory is asked for missing identifiers."""
    confirm_within_s: float = 0.0
    """What a submitter sent within so many seconds counts towards `confirm_above`; 0: each request by itself."""
    suppression_days: float | None = None
    """How long an erasure counts when somebody opts in; None: for ever."""


NO_GUARDS = Guards()
