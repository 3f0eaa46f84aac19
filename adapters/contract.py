"""What a vendor's adapter is: it builds requests and reads answers, and does no input or output."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import httpx
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from adapters.addresses import refuse_plain_http
from adapters.card import Card
from domain.key_texts import refuse_pasted
from domain.outcomes import Reason
from domain.requests import Kind, Subject


class Verdict(StrEnum):
    """What an answer means for one person. The error classes are those of the vendors' CONTRACTS."""

    APPLIED = "applied"  # in effect at the vendor, as far as its answer tells
    SEEN = "seen"  # in effect, and the vendor's own answer shows it
    ABSENT = "absent"  # the vendor holds nothing of this person
    NOT_APPLICABLE = "not_applicable"  # this vendor has no such operation
    UNREACHABLE = "unreachable"  # nothing is given by which this vendor knows the person
    PROCEED = "proceed"  # this step is done, the next one is named
    WAITING = "waiting"  # taken, and to be looked at again later: nothing is sent again
    RETRY = "retry"  # nothing known to have happened, may work later
    AMBIGUOUS = "ambiguous"  # sent, and what became of it is not known
    REAUTHENTICATE = "reauthenticate"  # the token is no longer accepted
    SPLIT = "split"  # the batch is refused, and one record in it may be the cause
    USER = "user"  # this person can never succeed as submitted
    ACTION = "action"  # someone must act before this person can succeed
    VENDOR = "vendor"  # nobody can succeed until someone mends the configuration


@dataclass(frozen=True, slots=True)
class Answer:
    """What a vendor's answer means for one person."""

    verdict: Verdict
    reason: Reason | None = None
    retry_after_s: float = 0.0  # RETRY, WAITING: not sooner than this
    step: str = ""  # PROCEED: the step that comes next; WAITING: the step that looks again
    carry: Any = field(default=None, repr=False)
    """PROCEED, WAITING: what that step needs of this answer. It may be personal. With WAITING it is a text: it is kept
    sealed, and comes back as `Person.carry` when it is time to look again, perhaps in another process."""
    certain: bool = False  # SPLIT, USER: it is about this person alone, and says nothing of how others fare
    needs_witness: bool = False
    """Believe this answer only where the vendor has answered someone else well: a 404 on a path that names a person
    reads like a 404 on an address that is wrong for everybody. With PROCEED: go on, but it is no witness for others."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done at one vendor: the request's kind, and the vendor's own options for it."""

    kind: Kind
    options: Any = None  # an instance of the adapter's `options_model`
    people: int = 0  # how many the request is about; 0: not known, as if it were very many
    may_look: bool = True  # whether there is time to ask the vendor about each person first


@dataclass(frozen=True, slots=True)
class Call:
    """One sort of request to a vendor: a step of an order."""

    order: Order
    step: str


@dataclass(frozen=True, slots=True)
class Rate:
    """Which of a vendor's limits a request counts against, and with how many units."""

    bucket: str = ""  # "" is the one that `VendorSettings.requests_per_minute` bounds
    units: float = 1.0


class LookUps(NamedTuple):
    """So many calls of one rate."""

    rate: Rate
    calls: int


class Person(NamedTuple):
    """One person as one vendor is told of them. Never shown: a person has no place in a log."""

    line: int  # 1-based position in the request
    subject: Subject
    key: Any  # how this vendor knows them, as `address` made it
    carry: Any = None
    tried: bool = False  # an earlier attempt of ours may have reached the vendor
    interrupted: bool = False  # a worker vanished with this person; what it had sent is not known
    waited_for: frozenset[Reason] = frozenset()  # why this delivery has waited for someone before
    alone: bool = False  # to be sent without company, since a batch with this person was refused

    def __repr__(self) -> str:
        return f"Person(line={self.line})"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one request may carry."""

    people: int
    body_bytes: int = 1_000_000


def _as_handed_out(secret: SecretStr) -> SecretStr:
    refuse_pasted(secret.get_secret_value())
    return secret


ClientSecret = Annotated[SecretStr, AfterValidator(_as_handed_out)]
"""A secret that may be any text: what was pasted along with it would be taken for a part of it."""


def _fits_a_header(secret: SecretStr) -> SecretStr:
    if not VISIBLE.fullmatch(secret.get_secret_value()):
        raise ValueError("must be visible ASCII characters, without spaces or line breaks")
    return _as_handed_out(secret)


VISIBLE = re.compile(r"[\x21-\x7e]+")
HeaderSecret = Annotated[SecretStr, AfterValidator(_fits_a_header)]
"""A secret that travels in a header: a line break pasted along with it must not reach one."""


class VendorSettings(BaseModel):
    """What every vendor can be told from outside. Environment: CONSENT_<VENDOR>__<FIELD>."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    base_url: str = Field(description="where the paths of the vendor's pages begin; https, or http to loopback")
    requests_per_minute: int = Field(default=6_000, ge=1, description="the vendor's limit, shared by all workers")
    reserved: float = Field(
        default=0.0,
        ge=0,
        description="kept free for others who use the account: requests a minute, or below 1 a share of the limit",
    )
    concurrency: int = Field(
        default=128, ge=1, le=1000, description="most requests in flight at once, per worker process"
    )
    timeout_s: float = Field(
        default=30.0,
        gt=0,
        le=300,
        description="total time for one request, 2 s less than LEASE_S at most; unset: 30 s, or half of LEASE_S",
    )
    max_attempts: int = Field(default=15, ge=1, description="failed attempts before a delivery is exhausted")
    max_age_s: float = Field(default=259_200.0, gt=0, description="age of the first attempt at which it is exhausted")
    max_wait_s: float = Field(
        default=604_800.0, gt=0, description="how long the vendor may take over what it took for later (202)"
    )
    chunks_in_flight: int = Field(default=8, ge=1, le=64, description="chunks queued or under way, over all workers")

    @field_validator("reserved")
    @classmethod
    def _leave_something(cls, reserved: float, info: ValidationInfo) -> float:
        limit = info.data.get("requests_per_minute")
        if limit is not None and _kept_free(reserved, limit) > limit - 1:
            raise ValueError("must leave at least one request a minute of REQUESTS_PER_MINUTE")
        return reserved

    @property
    def allowance(self) -> float:
        """How many requests a minute are ours."""
        return self.requests_per_minute - _kept_free(self.reserved, self.requests_per_minute)

    @field_validator("base_url")
    @classmethod
    def _check_base_url(cls, address: str) -> str:
        try:
            url = httpx.URL(address)
        except httpx.InvalidURL:
            raise ValueError("is not an address") from None
        refuse_plain_http(url)
        if not url.host or url.userinfo or url.query or url.fragment:
            raise ValueError("must be a host and a path only: no user, query or fragment")
        return address.rstrip("/")


def _kept_free(reserved: float, limit: int) -> float:
    return reserved if reserved >= 1 else reserved * limit


class VendorOptions(BaseModel):
    """What one request can say of how a vendor is to be treated: the base of each adapter's own model."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Adapter(Protocol):
    """Builds `httpx.Request`s and classifies `httpx.Response`s for one vendor. Frozen, pure, no secrets in its repr."""

    name: ClassVar[str]
    card: ClassVar[Card]
    """What this vendor can do, how far it reaches and what it cannot (`adapters/cards/`)."""
    call_people: ClassVar[int]
    """How many people one request carries at the most."""
    chunk_people: ClassVar[int]
    """How many people one Celery task carries at the most; fewer where the limit is low (`adapters.portions`)."""
    settings_model: ClassVar[type[VendorSettings]]
    options_model: ClassVar[type[VendorOptions]]
    identifiers_model: ClassVar[type[BaseModel]]
    """What a subject's `vendors.<name>` block may hold."""
    forms: ClassVar[Mapping[str, str]]
    """Steps that are another form of a step, by name: what is known of one is known of the other."""
    keeps_sessions: ClassVar[bool]
    """Whether that block is a session: sealed apart, and deleted as soon as it has been used."""

    @property
    def settings(self) -> VendorSettings: ...

    def address(self, order: Order, subject: Subject) -> "Addressed | Answer":
        """How this vendor knows the person and the step to begin with; or a final answer without sending."""

    def reach(self, kind: Kind) -> tuple[str, ...]:
        """Those of the card's `found_by` by which `address` finds people for this kind, as the settings are: of whom
        none is given is UNREACHABLE. Empty where the vendor has no such operation: NOT_APPLICABLE."""

    def known_by(self, key: Any) -> frozenset[tuple[str, str]]:
        """Each identifier by which `address` found the person, as (kind, value), for comparing two orders: those that
        share one, once folded, reach the same record of the vendor. What is our user_id is of kind `user_id`."""

    def touches(self, order: Order) -> frozenset[str]:
        """What the order changes at the vendor, by name. An order that touches a superset does at least as much."""

    def steps(self, order: Order) -> frozenset[str]:
        """The steps that an order may take: while one of them is held at the vendor, the order waits."""

    def limits(self, call: Call) -> Limits:
        """How much one request of this step may carry."""

    def build(self, call: Call, people: Sequence[Person]) -> httpx.Request:
        """The request for these people, at least one and at most `limits(call).people`; without a bearer token that
        `login` would fetch."""

    def classify(self, call: Call, people: Sequence[Person], response: httpx.Response) -> list[Answer]:
        """One answer for each of `people`, in order. What `triage` knows never reaches this; 401 does.

        Raises UnreadableError where the body is not what the vendor sends; the exchange decides what that means.
        """


class Addressed(NamedTuple):
    """A person a vendor can be told of: the vendor's own key for them, and the first step."""

    key: Any
    step: str

    def __repr__(self) -> str:
        return f"Addressed(step={self.step})"


class UnreadableError(Exception):
    """The vendor's answer is not of the shape its page gives. Nothing of it is kept: it may be personal."""


class NotNowError(Exception):
    """Nothing was sent, because we could not make sure that it may be; come back after `delay_s` seconds."""

    def __init__(self, delay_s: float) -> None:
        super().__init__("not now")
        self.delay_s = delay_s


class Token(SecretStr):
    """A bearer token, and for how long it is good: `life_s` seconds from when it was asked for, None where the vendor
    does not say."""

    def __init__(self, token: str, life_s: float | None = None) -> None:
        super().__init__(token)
        self.life_s = life_s


@runtime_checkable
class Authenticates(Protocol):
    """Second interface: the vendor hands out bearer tokens."""

    def login(self) -> httpx.Request | None:
        """The request for a new token; None where the settings give a static one."""

    def read_token(self, response: httpx.Response) -> Token | Answer:
        """The token in a good answer, else what the refusal means."""


@runtime_checkable
class Probes(Protocol):
    """Second interface: a harmless call tells whether the vendor's address and our credentials are right."""

    vouches_for: ClassVar[frozenset[str]]
    """The steps that the call exercises: their address, and that we may use them. Where one of these fails for a few
    people while the call is answered well, it is about these people. It proves nothing of any other step."""

    def probe(self) -> httpx.Request:
        """A request that changes nothing."""

    def read_probe(self, response: httpx.Response) -> Answer:
        """APPLIED where address and credentials are right; else VENDOR, REAUTHENTICATE or RETRY with the reason."""


@runtime_checkable
class Meters(Protocol):
    """Second interface: the vendor has limits of their own for some calls. All others have the bucket "" only."""

    def buckets(self) -> Mapping[str, float]:
        """The limit of every bucket but "", in units a minute."""

    def rate(self, call: Call | None) -> Rate:
        """What one request of this call takes out of which bucket; None stands for a login or a probe."""

    def cost(self, call: Call, response: httpx.Response) -> float | None:
        """How many units the vendor says that the request has cost; None where it says nothing."""


@runtime_checkable
class ReadsBack(Protocol):
    """Second interface: what was done can be read back. Its answers are APPLIED (seen in effect), ABSENT, USER (seen
    not in effect), RETRY, AMBIGUOUS or VENDOR."""

    def reading(self, order: Order) -> str:
        """The step that begins a read-back, for `build` and `classify`; PROCEED leads on. "" where what this order does
        is not read back."""


@runtime_checkable
class KnowsWithoutSession(Protocol):
    """Second interface: people are known by something else than the session that opens their record, which is deleted
    once it was used."""

    def known_without_session(self, subject: Subject) -> frozenset[tuple[str, str]]:
        """What `known_by` said of this person when their session was there; empty where nothing given tells."""


@runtime_checkable
class LooksFirst(Protocol):
    """Second interface: an order may ask the vendor about each of its people before it changes anything, in calls of
    which there are few a minute."""

    @property
    def looks_up_to(self) -> int:
        """Requests of up to so many people may look first."""

    @property
    def longest_look_s(self) -> float:
        """Where the look-ups ahead and the order's own would take longer, the order goes out with `may_look` unset."""

    def look_ups(self, order: Order, subjects: Sequence[Subject]) -> LookUps | None:
        """The calls that ask about these people; None where the order does not look first."""


@runtime_checkable
class ReadsAnything(Protocol):
    """Second interface: at some steps a page or a redirect says nothing of the vendor, and is the adapter's to read."""

    reads_anything_at: ClassVar[frozenset[str]]


@runtime_checkable
class SendsOnce(Protocol):
    """Second interface: a call of this vendor must not be repeated by itself, for it may do something to the person."""

    def if_lost(self, call: Call) -> Answer | None:
        """What it means for the person where the answer to this call is lost; None where it may be sent again."""
