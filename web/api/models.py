"""The shapes of what the HTTP API takes and gives, as its OpenAPI document shows them."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, PlainSerializer, StringConstraints

from domain.deadlines import LONGEST, Regulation, Unit
from domain.moments import GivenMoment
from domain.outcomes import Outcome
from domain.requests import Kind, Subject
from intake.written_reasons import LONGEST_TEXT
from tasks.subjects import AllowPlaceholders

MOST_SUBJECTS = 1_000
ACCEPTING = "accept that some of the people cannot be found at some vendors: nobody need see to them"


def as_utc(moment: datetime) -> str:
    """ISO 8601, in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Moment = Annotated[datetime, PlainSerializer(as_utc, return_type=str)]
VendorName = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]{0,39}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""A name that we may not know. PostgreSQL takes no NUL."""
Because = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TEXT)]


class Given(BaseModel):
    """What a client sends: nothing that is not known, for a misspelt option must not be ignored."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class NewRequest(Given):
    """A request for one to a thousand people."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "erasure",
                    "subjects": [
                        {"user_id": "u-1", "email": "a@example.org", "phone_number": "+821012345678"},
                        {"vendors": {"insider": {"insider_id": "i-2"}}},
                    ],
                },
                {"kind": "opt_out", "vendors": ["dfinery"], "subjects": [{"user_id": "u-1"}]},
            ]
        }
    )
    kind: Kind
    allow_placeholders: AllowPlaceholders = Field(
        default={},
        description="by field, identifiers that are really somebody's though they look like nobody's or damaged, as "
        '{"user_id": ["1"]}; the fields and how many are kept with the request',
    )
    subjects: list[Subject] = Field(min_length=1, max_length=MOST_SUBJECTS)
    vendors: list[VendorName] = Field(default=[], max_length=50, description="only these; else all switched on")
    options: dict[str, dict[str, JsonValue]] = Field(
        default={}, description='by vendor, as {"insider": {"whole": […]}}'
    )
    asked_at: GivenMoment | None = Field(
        default=None, description="when the controller was asked, from which the due date counts; else now"
    )
    effective_at: GivenMoment | None = Field(
        default=None, description="when the people made their wish; else when it was asked"
    )
    regulation: Regulation | None = Field(
        default=None, description="the law it is made under, which says when it is due; else the operator's default"
    )
    not_before: GivenMoment | None = Field(default=None, description="send nothing before this")
    accept_unreachable: bool = Field(default=False, strict=True, description=ACCEPTING)


class Crowd(BaseModel):
    """Values that many people of a request share; the values themselves are not told."""

    shared: Literal["email", "phone_number", "line"] = Field(
        description="what 5 people or more share; line: 3 lines or more say the same, and are one person"
    )
    values: int = Field(description="of how many values this is so")
    people: int = Field(description="how many people or lines have one of them")
    most: int = Field(description="how many have the commonest")


class Receipt(BaseModel):
    """A request that is on record."""

    request_id: UUID
    subjects: int = Field(description="people in it, without repeated ones")
    duplicates: int = Field(description="people left out that repeat another one")
    repeated: bool = Field(description="the same was submitted before under this key; nothing new was recorded")
    unconfirmed: bool = Field(description="nothing is sent until somebody else confirms it")
    unreachable: dict[str, int] = Field(
        description="vendor to number of people who cannot be found there by what is given of them",
        examples=[{"akinon": 2, "algonomy": 1}],
    )
    left_aside: dict[str, int] = Field(
        description="by field, how often it was given with nothing in it, which was left aside",
        examples=[{"phone_number": 2}],
    )
    crowds: list[Crowd] = Field(description="many people who are perhaps one, or nobody: look whether that is right")


class MissingIdentifier(BaseModel):
    """Deliveries that ended as unreachable at one vendor, and what to provide."""

    deliveries: int
    reason: str
    give: str
    accepted_by: str | None = Field(description="who has accepted that they stay so")


class DirectoryAnswers(BaseModel):
    """The controller's own directory is asked about people of this request who lack something."""

    waits: bool = Field(description="nothing is sent yet: it is still to be asked about some of them")
    answers: dict[str, int] = Field(
        description="what became of its answers: completed, nothing_new, unknown, unusable, contradicting"
    )


class RequestStatus(BaseModel):
    """How a request stands."""

    request_id: UUID
    kind: Kind
    status: str
    subjects: int
    duplicates: int
    regulation: Regulation
    received_at: Moment
    asked_at: Moment
    effective_at: Moment
    not_before: Moment
    due_at: Moment
    due_reason: str | None
    at_risk: bool
    submitted_by: str
    confirmed_by: str | None
    vendors: dict[str, dict[str, int]] = Field(
        description="vendor to outcome (or pending) to number of deliveries",
        examples=[{"insider": {"pending": 0, "accepted": 2}}],
    )
    missing_identifiers: dict[str, MissingIdentifier] = Field(description="by vendor, who was unreachable there")
    directory: DirectoryAnswers | None = Field(description="null where the directory is not asked about anybody")


class ListedRequest(BaseModel):
    """A request in a list."""

    request_id: UUID
    kind: Kind
    status: str
    subjects: int
    duplicates: int
    received_at: Moment
    due_at: Moment
    submitted_by: str


class RequestPage(BaseModel):
    """Requests, the newest first. `next`: give it as `cursor` for the page after this one; null on the last."""

    requests: list[ListedRequest]
    next: str | None


class Delivery(BaseModel):
    """One person at one vendor; `line` is the person's 1-based position in what was submitted."""

    line: int
    file_line: int | None = Field(description="the line of the uploaded file that the person stands on")
    vendor: str
    outcome: str
    reason: str | None
    attempts: int
    settled_at: Moment | None
    done: str | None = Field(
        description="what was done at the vendor, how surely it is known and what it did not reach; null while pending",
        examples=["The four permission flags (e-mail, SMS, WhatsApp, call) were set to false. …"],
    )
    superseded_by: UUID | None = Field(
        default=None, description="the request with the newer wish that this delivery gave way to, where it did"
    )


class DeliveryPage(BaseModel):
    """Deliveries by vendor and line. `next` as in lists of requests."""

    deliveries: list[Delivery]
    next: str | None


class Retry(Given):
    """What to deliver again: all that waits, or only at one vendor or for one reason."""

    vendor: VendorName | None = None
    reason: str | None = Field(default=None, description="refused deliveries go again only where their reason is named")


class Retried(BaseModel):
    """How many deliveries go out again, and how many wait for a fresh session or an identifier of the person."""

    deliveries: int
    vendors: dict[str, int]
    without_session: int
    unreachable: int


class Selected(Given):
    """Which requests: those that all of these choose together; at least one of them is given. `all`: every one that it
    can be done to."""

    all: bool = Field(default=False, strict=True, description="every request that it can be done to")
    vendor: VendorName | None = None
    reason: str | None = Field(default=None, description="for which something of the request waits")
    kind: Kind | None = None
    received_before: GivenMoment | None = None
    dry_run: bool = Field(default=False, strict=True, description="only count; nothing is done, and `deed_id` is null")


class CloseSelected(Selected):
    """Which requests, and why what waits in them is closed by hand."""

    because: Because = Field(description="kept for good: say why, and name no person")


class DeedState(BaseModel):
    """How far a deed over a selection has come; or, of a dry run, how much it would be now."""

    deed_id: UUID | None
    deed: Literal["retry", "close", "cancel", "confirm"]
    by: str
    began_at: Moment | None
    ended_at: Moment | None = Field(description="null while it goes on")
    requests: int
    deliveries: int
    vendors: dict[str, int] = {}
    own: int = Field(default=0, description="requests left out because whoever confirms has submitted them")
    without_session: int = 0
    unreachable: int = 0


class Close(Given):
    """Settle by hand what needs a person at one vendor."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"vendor": "dfinery", "because": "done by the vendor's support"}]}
    )
    vendor: VendorName
    reason: str | None = None
    because: Because = Field(description="kept for good: say why, and name no person")


class Closed(BaseModel):
    """Deliveries that were settled by hand."""

    request_id: UUID
    deliveries: int


class Accept(Given):
    """Accept that people cannot be found, at one vendor or at all of the request."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"vendor": "dfinery", "because": "known by e-mail only"}]}
    )
    vendor: VendorName | None = None
    because: Because = Field(description="kept for good: say why, and name no person")


class Accepted(BaseModel):
    """Deliveries that stay unreachable and need nobody any more."""

    request_id: UUID
    deliveries: int


class Extend(Given):
    """Put off when a request is due, by `months` or by `days` beyond its original date, in all."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"months": 1, "because": "many requests at once"}]})
    months: int | None = Field(default=None, ge=1, le=LONGEST[Unit.MONTHS], strict=True)
    days: int | None = Field(default=None, ge=1, le=LONGEST[Unit.DAYS], strict=True)
    because: Because = Field(description="kept for good: say why, and name no person")


class Extended(BaseModel):
    """When the request is due now."""

    request_id: UUID
    due_at: Moment
    due_reason: str


class Cancelled(BaseModel):
    """What a cancelled request came to: deliveries that had ended before, were not sent, and are under way just now."""

    request_id: UUID
    status: str
    done: int
    cancelled: int
    under_way: int


class Confirmed(BaseModel):
    """A request that runs now."""

    request_id: UUID
    status: str


class Person(Given):
    """Somebody, by one identifier or more."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "a@example.org"}]})
    user_id: str | None = None
    email: str | None = None
    phone_number: str | None = None


class Involvement(BaseModel):
    """A request that a person is in, and how each vendor stands."""

    request_id: UUID
    kind: Kind
    status: str
    received_at: Moment
    line: int
    file_line: int | None = Field(description="the line of the uploaded file that the person stands on")
    vendors: dict[str, str]


class Involvements(BaseModel):
    """The requests that a person is in, the oldest first."""

    requests: list[Involvement]


class AttentionGroup(BaseModel):
    """Deliveries that need a person for the same cause, and what to do about them."""

    vendor: str
    outcome: Outcome
    reason: str | None
    deliveries: int
    requests: int
    oldest_due_at: Moment
    what_to_do: str


class Attention(BaseModel):
    """What needs a person, the most pressing first."""

    deliveries: int
    groups: list[AttentionGroup]


class HeldStepState(BaseModel):
    """A step of a vendor that is held: requests that need it wait, all others go on."""

    step: str
    held_at: Moment
    held_reason: str
    held_by: str
    next_try_at: Moment | None
    """When one more person is let through."""


class VendorState(BaseModel):
    """A vendor: whether it is on, whether any worker serves it, and whether it or some step of it is held."""

    name: str
    enabled: bool = Field(description="on: requests that name no vendors go there")
    off_by: str | None = Field(description="who switched it off")
    retired_at: Moment | None = Field(description="when it was left for good")
    served: bool = Field(description="a worker with its credentials has looked for its chunks in the last minute")
    held_at: Moment | None
    held_reason: str | None
    held_by: str | None
    steps: list[HeldStepState] = []


class Retire(Given):
    """Leave a vendor for good."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"because": "the contract has ended"}]})
    because: Because = Field(description="kept for good: say why, and name no person")


class RetiredVendor(BaseModel):
    """A vendor that was left for good, and how many deliveries were cancelled: pending ones, and those that needed a
    person. Those under way in a worker follow."""

    name: str
    pending: int
    waiting: int
    before: Moment | None = Field(description="when it had been retired already; null: it was not")


class Vendors(BaseModel):
    """Every vendor the workers have announced."""

    vendors: list[VendorState]


class Health(BaseModel):
    """Whether this process answers, and what it needs does."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok"}]})
    status: str
    checks: dict[str, str] = {}


class Login(Given):
    """A console user's name and password."""

    name: Text
    password: str = Field(min_length=1, max_length=256, json_schema_extra={"format": "password"})

    def __repr__(self) -> str:
        return "Login()"


class AuditEntry(BaseModel):
    """One decision: who was let in or turned away, and what they did."""

    id: int
    at: Moment
    by: str = Field(description="a principal, or nobody")
    action: str = Field(description="a command, or a method and the template of its path")
    allowed: bool
    target: str | None = Field(description="a request, a vendor, an account or a key that it was done to")
    status: int | None = Field(description="what was answered over HTTP")
    because: str | None
    source: str | None = Field(description="the address that it came from; none for the command line")
    key: str | None = Field(description="prefix of the API key that was shown")
    account: str | None = Field(description="whose login was tried; `unknown` where there is no such user")


class AuditPage(BaseModel):
    """Entries of the audit log, the newest first."""

    entries: list[AuditEntry]
    next: int | None = Field(description="the `cursor` of the page that follows; null on the last")


class Session(BaseModel):
    """Who is logged in."""

    name: str
    role: str
