"""Insider attribute delete and user upsert. The vendor's page "Delete User Attribute", read 2026-11-22; the upsert call
and the counted form of an answer from its public page "Upsert User Data"."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

import httpx
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StringConstraints,
    model_validator,
)
from pydantic_core import to_json

from adapters.card import Card
from adapters.cards.insider import CARD
from adapters.contract import (
    Addressed,
    Answer,
    Call,
    HeaderSecret,
    Limits,
    Order,
    Person,
    UnreadableError,
    VendorOptions,
    VendorSettings,
    Verdict,
)
from adapters.reading import read_block, read_object
from adapters.triage import refusal
from adapters.writing import fixed, json_request
from domain.outcomes import Reason
from domain.requests import Email, Identifier, Kind, Phone, Subject, Text, fold_email

Flag = Literal["gdpr_optin", "email_optin", "sms_optin"]
FLAGS: tuple[Flag, ...] = get_args(Flag)
EVERY_ATTRIBUTE = ("name", "surname", "birthday", "gender", "age", "language", "country", "city", "list_id")
"""The attributes of the vendor's page but the opt-in flags; email, phone_number and uuid are identifiers there."""


def _refuse_flag(name: str) -> str:
    if name.casefold() in FLAGS:
        raise ValueError("an opt-in flag is never deleted: Insider reads an empty one as consent; it is set to false")
    return name


Attribute = Annotated[
    str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9_.-]{1,128}$"), AfterValidator(_refuse_flag)
]
Value = Text | StrictInt | StrictFloat | StrictBool
Whole = Annotated[tuple[Attribute, ...], Field(min_length=1)]
Partial = dict[Attribute, Annotated[tuple[Value, ...], Field(min_length=1)]]


class CustomAttributes(BaseModel):
    """Which of the partner's own attributes an erasure deletes."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    whole: tuple[Attribute, ...] = ()
    partial: Partial = {}


class InsiderSettings(VendorSettings):
    """CONSENT_INSIDER__…"""

    base_url: str = "https://unification.useinsider.com"
    partner_name: Annotated[
        str,
        StringConstraints(strict=True, strip_whitespace=True, to_lower=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$"),
    ] = Field(description="sent in lower case, as the vendor's page demands")
    request_token: HeaderSecret
    requests_per_minute: int = Field(default=25_000, ge=1, description="shared by upsert and attribute delete")
    concurrency: int = Field(default=32, ge=1, le=1000)
    whole: Whole = Field(default=EVERY_ATTRIBUTE, description="attributes an erasure deletes")
    partial: Partial = Field(default={}, description="values an erasure takes out of array attributes")
    custom: CustomAttributes = Field(
        default=CustomAttributes(), description="the same for the partner's own attributes"
    )
    opt_out_list_ids: tuple[int, ...] = Field(default=(), description="contact lists an opt-out takes the person off")
    opt_in_flags: tuple[Flag, ...] = Field(
        default=("email_optin", "sms_optin", "gdpr_optin"),
        min_length=1,
        description="what an opt-in that names no flags sets",
    )


class Unifiers(BaseModel):
    """The vendor's `identifiers`. Of several the strongest is sent."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    email: Email | None = None
    phone_number: Phone | None = None
    uuid: Identifier | None = None
    custom: dict[Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9_.-]{1,128}$")], Identifier] = {}


class InsiderIdentifiers(BaseModel):
    """What a subject's `vendors.insider` may hold: Insider's own id, or identifiers."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    insider_id: Identifier | None = None
    identifiers: Unifiers | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.insider_id is not None and self.identifiers is not None:
            raise ValueError("give insider_id or identifiers, not both")
        if self.identifiers is not None and _strongest(self.identifiers) is None:
            raise ValueError("identifiers names nobody")
        return self


class InsiderOptions(VendorOptions):
    """`whole`, `partial` and `custom`: what an erasure deletes instead of the settings' attributes (`partial` also for
    an opt-out). `flags`: what an opt-in sets."""

    whole: Whole | None = None
    partial: Partial | None = None
    custom: CustomAttributes | None = None
    flags: tuple[Flag, ...] | None = Field(default=None, min_length=1)


LIMITS = Limits(people=1_000, body_bytes=5_000_000)
Key = tuple[str, ...]
"""("insider_id", …), ("uuid", …), ("custom", name, …), ("email", …) or ("phone_number", …)."""


@dataclass(frozen=True)
class Insider:
    """A thousand people a call. Consent is withdrawn first (`consent`), then attributes are deleted (`attributes`): a
    deletion that failed half-way must not leave a person whom Insider may still contact."""

    settings: InsiderSettings = field(repr=False)

    name: ClassVar[str] = "insider"
    card: ClassVar[Card] = CARD
    chunk_people: ClassVar[int] = 2_000
    call_people: ClassVar[int] = LIMITS.people
    settings_model: ClassVar[type[VendorSettings]] = InsiderSettings
    options_model: ClassVar[type[VendorOptions]] = InsiderOptions
    identifiers_model: ClassVar[type[BaseModel]] = InsiderIdentifiers
    keeps_sessions: ClassVar[bool] = False
    vouches_for: ClassVar[frozenset[str]] = frozenset({"attributes"})

    def address(self, order: Order, subject: Subject) -> Addressed | Answer:
        """By one identifier, the strongest known: several in one record can merge the profiles of different people."""
        known = read_block(subject, self.name, InsiderIdentifiers)
        if known is None:
            return Answer(Verdict.USER, Reason.REJECTED)
        key = _key(known, subject)
        return Addressed(key, "consent") if key else Answer(Verdict.UNREACHABLE, Reason.NO_IDENTIFIER)

    def known_by(self, key: Key) -> frozenset[tuple[str, str]]:
        """The one identifier that is sent; e-mail addresses are compared as `fold_email` makes them."""
        kind, value = ".".join(key[:-1]), key[-1]
        return frozenset({(kind, fold_email(value) if kind == "email" else value)})

    def touches(self, order: Order) -> frozenset[str]:
        """The flags that are set and the attributes that are deleted; values taken out of an array each by itself."""
        deletion = self._deletion(order)
        custom = deletion.get("custom", {})
        return frozenset([*self._flags(order), *_deleted(deletion), *(f"custom.{name}" for name in _deleted(custom))])

    def steps(self, order: Order) -> frozenset[str]:
        """The flags, then what is deleted, if anything is."""
        return frozenset({"consent", "attributes"} if self._deletion(order) else {"consent"})

    def limits(self, call: Call) -> Limits:
        """1,000 users; 5 MB for the whole request, which the vendor's error text counts as 5,000,000 bytes."""
        return LIMITS

    def build(self, call: Call, people: Sequence[Person]) -> httpx.Request:
        """`POST /api/user/v1/upsert` or `/attribute/delete`. Two people with one key are sent once."""
        keys = _keys(people)
        if call.step == "consent":
            users = _users(keys, {"attributes": self._flags(call.order)})
            return self._post("upsert", b'{"skip_hook":true,"users":%b}' % users)
        return self._post("attribute/delete", b'{"users":%b}' % _users(keys, self._deletion(call.order)))

    def classify(self, call: Call, people: Sequence[Person], response: httpx.Response) -> list[Answer]:
        """Everyone, or everyone but those the counted form of the answer names."""
        refused = _refused_call(response)
        if refused:
            return [refused] * len(people)
        keys = _keys(people)
        failed = _failed_positions(read_object(response), len(keys))
        if failed is None:
            # The counts do not add up: smaller batches show whom it is about, and of one alone nothing is known.
            unclear = Verdict.SPLIT if len(keys) > 1 else Verdict.AMBIGUOUS
            return [Answer(unclear, Reason.UNREADABLE)] * len(people)
        good = self._good(call)
        bad = {keys[position]: Answer(Verdict.USER, Reason.REJECTED) for position in failed}
        return [bad.get(person.key, good) for person in people]

    def probe(self) -> httpx.Request:
        """Deletes no attribute of no user."""
        return self._post("attribute/delete", b'{"users":[]}')

    def read_probe(self, response: httpx.Response) -> Answer:
        """A complaint about the empty list means that partner and token passed (as far as the page tells)."""
        try:
            refused = _refused_call(response)
            if refused and refused.verdict is not Verdict.SPLIT:
                return refused
            read_object(response)
        except UnreadableError:
            return Answer(Verdict.VENDOR, Reason.WRONG_ADDRESS)
        return Answer(Verdict.APPLIED)

    def _post(self, path: str, body: bytes) -> httpx.Request:
        headers = {
            "X-PARTNER-NAME": self.settings.partner_name,
            "X-REQUEST-TOKEN": self.settings.request_token.get_secret_value(),
        }
        return json_request("POST", fixed(f"{self.settings.base_url}/api/user/v1/{path}"), body, headers=headers)

    def _flags(self, order: Order) -> dict[str, bool]:
        if order.kind is Kind.OPT_IN:
            return dict.fromkeys(_options(order).flags or self.settings.opt_in_flags, True)
        # "True or empty" lets Insider go on, so an erasure too says no before it deletes anything.
        return dict.fromkeys(("gdpr_optin",) if order.kind is Kind.ERASURE else FLAGS, False)

    def _deletion(self, order: Order) -> dict[str, Any]:
        """What `attributes` deletes of each person; empty where the order has no such step."""
        options = _options(order)
        if order.kind is Kind.OPT_IN:
            return {}
        if order.kind is Kind.OPT_OUT:
            lists = {"list_id": self.settings.opt_out_list_ids} if self.settings.opt_out_list_ids else {}
            partial = lists if options.partial is None else options.partial
            return {"partial": partial} if partial else {}
        partial = self.settings.partial if options.partial is None else options.partial
        custom = (options.custom or self.settings.custom).model_dump(exclude_defaults=True)
        deletion = {"whole": options.whole or self.settings.whole, "partial": partial, "custom": custom}
        return {name: value for name, value in deletion.items() if value}

    def _good(self, call: Call) -> Answer:
        if call.step == "consent" and self._deletion(call.order):
            return Answer(Verdict.PROCEED, step="attributes")
        return Answer(Verdict.APPLIED)


def _options(order: Order) -> InsiderOptions:
    return order.options or InsiderOptions()


def _key(known: InsiderIdentifiers, subject: Subject) -> Key | None:
    if known.insider_id is not None:
        return ("insider_id", known.insider_id)
    if known.identifiers is not None:
        return _strongest(known.identifiers)
    user_id, email = subject.get("user_id"), subject.get("email")
    if user_id:
        return ("uuid", user_id)
    return ("email", email) if email else _first_of(phone_number=subject.get("phone_number"))


def _strongest(known: Unifiers) -> Key | None:
    """uuid and custom ids are given to one person each; an address may be shared, a number is handed on to others."""
    if known.uuid is None and known.custom:
        name, value = next(iter(known.custom.items()))
        return ("custom", name, value)
    return _first_of(uuid=known.uuid, email=known.email, phone_number=known.phone_number)


def _first_of(**known: str | None) -> Key | None:
    for name, value in known.items():
        if value:
            return name, value
    return None


def _deleted(deletion: Mapping[str, Any]) -> Iterator[str]:
    """The names of attributes that are deleted whole, and each value that is taken out of an array."""
    yield from deletion.get("whole", ())
    for name, values in deletion.get("partial", {}).items():
        yield from (f"{name}={value}" for value in values)


def _users(keys: Sequence[Key], same: Mapping[str, Any]) -> bytes:
    """The JSON array of user records. What is the `same` for all is encoded once: the list of attributes, encoded a
    thousand times, took longer than all else of a delivery."""
    rest = b"".join([b',"%b":%b' % (name.encode(), to_json(value)) for name, value in same.items()])
    return b"[%b]" % b",".join([b"{%b%b}" % (_named(key), rest) for key in keys])


def _named(key: Key) -> bytes:
    """The part of a user record that says who it is."""
    match key:
        case ("insider_id", value):
            return b'"insider_id":%b' % to_json(value)  # beside `identifiers`, not in it
        case ("custom", name, value):
            return b'"identifiers":%b' % to_json({"custom": {name: value}})
        case (name, value):
            return b'"identifiers":{"%b":%b}' % (name.encode(), to_json(value))
    raise ValueError("not a key of ours")


def _keys(people: Sequence[Person]) -> list[Key]:
    return list(dict.fromkeys(person.key for person in people))


def _refused_call(response: httpx.Response) -> Answer | None:
    """What a refusal of the whole call means; None where there is none."""
    if response.status_code == httpx.codes.OK:
        return None
    if response.is_success:
        raise UnreadableError("a yes that the pages do not have")
    if response.status_code == httpx.codes.BAD_REQUEST and _says_partner_is_invalid(response):
        return Answer(Verdict.VENDOR, Reason.BAD_CREDENTIALS)
    return refusal(response.status_code)  # any other 400 is split: one record of it may be the cause


def _says_partner_is_invalid(response: httpx.Response) -> bool:
    try:
        message = read_object(response).get("message")
    except UnreadableError:
        return False
    return isinstance(message, str) and message.casefold().startswith("partner is invalid")


def _failed_positions(document: Mapping[str, Any], sent: int) -> set[int] | None:
    """Which users of the call failed; None where the answer does not account for all. Raises UnreadableError.

    The page gives `{}` for a yes, the public page `{"data": {"successful": {"count": n}, "fail": {"errors": {…}}}}`,
    errors being keyed `users.N…` with N the position in the call. A count of 0 is left out there.
    """
    if not document:
        return set()
    data = document.get("data")
    if not isinstance(data, dict) or document.get("success") is False:
        raise UnreadableError("neither form of a yes")
    successful, fail = _part(data, "successful"), _part(data, "fail")
    found = [re.match(r"users\.(\d{1,9})(?!\w)", key, re.ASCII) for key in _part(fail, "errors")]
    failed = {int(match[1]) for match in found if match}
    count = successful.get("count", 0)
    adds_up = (
        all(found)
        and all(position < sent for position in failed)
        and type(count) is int
        and count + len(failed) == sent
        and fail.get("count") in (None, len(failed))
    )
    return failed if adds_up else None


def _part(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = document.get(name) or {}  # PHP gives [] for an empty object
    if not isinstance(part, dict):
        raise UnreadableError("an object was expected")
    return part
