"""Insider attribute delete and user upsert. The vendor's page "Delete User Attribute", read 2026-11-22; the other calls
and the counted form of an answer from its public pages (`adapters/cards/insider.py`)."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

import httpx
from pydantic import BaseModel
from pydantic_core import to_json

from adapters.card import Card
from adapters.cards.insider import CARD
from adapters.contract import (
    Addressed,
    Answer,
    Call,
    Limits,
    LookUps,
    Order,
    Person,
    Plain,
    Rate,
    UnreadableError,
    VendorOptions,
    VendorSettings,
    Verdict,
)
from adapters.insider import effect, plan
from adapters.insider.answers import (
    failed_positions,
    read_cost,
    refused_call,
)
from adapters.insider.keys import Key, Known, Search, comparable, every, fields_of, named, strongest
from adapters.insider.one_profile import REFUSED, about_one, found, gone, profiles_of, seen
from adapters.insider.settings import (
    InsiderIdentifiers,
    InsiderOptions,
    InsiderSettings,
)
from adapters.reading import read_block, read_object
from adapters.writing import fixed, json_request
from domain.outcomes import Reason
from domain.requests import Kind, Subject

LIMITS = Limits(people=1_000, body_bytes=5_000_000)
LOOKED_UP = Limits(people=100, body_bytes=5_000_000)
"""A person who was looked up may have several profiles, with a record each."""
ALONE = Limits(people=1)
BUCKETS = MappingProxyType({"look": "profile", "read": "profile", "delete": "delete", "anonymize": "anonymize"})
"""The steps with a limit of their own. Each of their calls is about one profile."""


@dataclass(frozen=True)
class Insider(Plain):
    """A thousand people a call. Consent is withdrawn first (`consent`), then attributes are deleted (`attributes`): a
    deletion that fails half-way must not leave a person whom Insider may still contact.

    Small requests look first (`look`): they ask about each known identifier of a person, change every profile found,
    and create none. The result is read back (`read`).
    """

    settings: InsiderSettings = field(repr=False)
    name: str = "insider"

    card: ClassVar[Card] = CARD
    chunk_people: ClassVar[int] = 2_000
    call_people: ClassVar[int] = LIMITS.people
    settings_model: ClassVar[type[VendorSettings]] = InsiderSettings
    options_model: ClassVar[type[VendorOptions]] = InsiderOptions
    identifiers_model: ClassVar[type[BaseModel]] = InsiderIdentifiers
    vouches_for: ClassVar[frozenset[str]] = frozenset({"attributes"})

    def address(self, order: Order, subject: Subject) -> Addressed | Answer:
        """By every identifier where profiles are looked up first; else by the strongest known: several in one record
        can merge the profiles of different people."""
        block = read_block(subject, self.name, InsiderIdentifiers)
        if block is None:
            return Answer(Verdict.USER, Reason.REJECTED)
        if plan.looks(self.settings, order):
            keys = every(block, subject, self.settings.identifiers)
            return Addressed(Known(keys), "look") if keys else NO_KEY
        key = strongest(block, subject, self.settings.identifiers)
        return Addressed(key, plan.first_step(self.settings, order)) if key else NO_KEY

    def reach(self, kind: Kind) -> tuple[str, ...]:
        """By its own id, and by the identifiers that the partner's identity resolution uses."""
        return fields_of(self.settings.identifiers)

    def known_by(self, key: Key | Known) -> frozenset[tuple[str, str]]:
        """Every identifier that is asked about, or the one that is sent."""
        return frozenset(map(comparable, key.keys if isinstance(key, Known) else (key,)))

    def touches(self, order: Order) -> frozenset[str]:
        """The flags that are set and the attributes that are deleted; each value removed from an array counts
        separately."""
        return plan.touches(self.settings, order)

    def steps(self, order: Order) -> frozenset[str]:
        """The lookup, where there is one; the flags; then the deletion, if there is one."""
        return plan.steps(self.settings, order)

    def limits(self, call: Call) -> Limits:
        """1,000 users; 5 MB for the whole request, which the vendor's error text counts as 5,000,000 bytes."""
        if call.step in BUCKETS:
            return ALONE
        return LOOKED_UP if plan.looks(self.settings, call.order) else LIMITS

    def buckets(self) -> Mapping[str, float]:
        """Each call about one profile has a limit of its own (public)."""
        return {
            "profile": self.settings.profile_units_per_minute,
            "delete": self.settings.deletions_per_minute,
            "anonymize": self.settings.anonymizations_per_minute,
        }

    def rate(self, call: Call | None) -> Rate:
        """Upsert and attribute delete share one limit. The probe is one of them."""
        bucket = BUCKETS.get(call.step, "") if call else ""
        return Rate(bucket, self.settings.profile_call_units) if bucket == "profile" else Rate(bucket)

    def cost(self, call: Call, response: httpx.Response) -> float | None:
        """`quota.cost` of a profile call."""
        return read_cost(response) if BUCKETS.get(call.step) == "profile" else None

    def look_ups(self, order: Order, subjects: Sequence[Subject]) -> LookUps | None:
        """A profile call for each identifier of each person."""
        if not plan.looks(self.settings, order):
            return None
        known = [read_block(subject, self.name, InsiderIdentifiers) for subject in subjects]
        order_of = self.settings.identifiers
        calls = sum(len(every(b, subject, order_of)) for b, subject in zip(known, subjects, strict=True) if b)
        return LookUps(self.rate(Call(order, "look")), calls)

    @property
    def looks_up_to(self) -> int:
        """`CONSENT_INSIDER__LOOK_FIRST_UP_TO`."""
        return self.settings.look_first_up_to

    @property
    def longest_look_s(self) -> float:
        """Where the lookups ahead and one's own take longer, they are left out."""
        return self.settings.look_first_wait_s

    def build(self, call: Call, people: Sequence[Person]) -> httpx.Request:
        """`POST /api/user/v1/upsert` or `/attribute/delete`: every profile of everybody, each once. Or a call about one
        profile: `/profile`, `/delete`, `/anonymize`."""
        if call.step in BUCKETS:
            return self._post(*about_one(self.settings, call, people[0]))
        looked_up = plan.looks(self.settings, call.order)
        names = _names_of(people) if looked_up else {key: key[0] for key in _keys_of(people)}
        if call.step == "consent":
            users = _records(names, {"attributes": plan.flags(self.settings, call.order)})
            return self._post("user/v1/upsert", b'{"skip_hook":true,"users":%b}' % users)
        return self._post(
            "user/v1/attribute/delete", b'{"users":%b}' % _records(names, plan.deletion(self.settings, call.order))
        )

    def classify(self, call: Call, people: Sequence[Person], response: httpx.Response) -> list[Answer]:
        """Everyone succeeded, except those whom the counted form of the answer names. If a person has several profiles,
        all must have succeeded."""
        match call.step:
            case "look":
                return [found(self.settings, call, person, response) for person in people]
            case "read":
                return [seen(self.settings, call, person, response) for person in people]
            case "delete" | "anonymize":
                return [gone(self.settings, call, person, response) for person in people]
        refused = refused_call(response)
        if refused:
            return [refused] * len(people)
        looked_up = plan.looks(self.settings, call.order)
        names = list(_names_of(people) if looked_up else _keys_of(people))
        failed = failed_positions(read_object(response), len(names))
        if failed is None:
            # The counts do not add up. Smaller batches show whom it is about; for one person alone nothing is known.
            unclear = Verdict.SPLIT if len(people) > 1 and len(names) > 1 else Verdict.AMBIGUOUS
            return [Answer(unclear, Reason.UNREADABLE)] * len(people)
        bad = {names[position] for position in failed}
        good = self._after(call, None)
        if looked_up:
            return [self._treated(call, person, bad) for person in people]
        return [REFUSED if person.key in bad else good for person in people] if bad else [good] * len(people)

    def probe(self) -> httpx.Request:
        """Deletes no attribute of no user."""
        return self._post("user/v1/attribute/delete", b'{"users":[]}')

    def read_probe(self, response: httpx.Response) -> Answer:
        """A complaint about the empty list means that partner and token were accepted (as far as the page tells)."""
        try:
            refused = refused_call(response)
            if refused and refused.verdict is not Verdict.SPLIT:
                return refused
            read_object(response)
        except UnreadableError:
            return Answer(Verdict.VENDOR, Reason.WRONG_ADDRESS)
        return Answer(Verdict.APPLIED)

    def reading(self, order: Order) -> str:
        """The profile call again, for each identifier; "" where nobody was looked up."""
        return "read" if plan.looks(self.settings, order) else ""

    def _treated(self, call: Call, person: Person, bad: AbstractSet[Key]) -> Answer:
        refused = any(profile.name in bad for profile in profiles_of(person))
        return REFUSED if refused else self._after(call, person.carry)

    def _after(self, call: Call, search: Search | None) -> Answer:
        """What follows a yes to `consent` or `attributes`."""
        step = plan.after_consent(self.settings, call.order) if call.step == "consent" else ""
        if step:
            return Answer(Verdict.PROCEED, step=step, carry=search)
        return Answer(Verdict.APPLIED, plan.way(self.settings, call.order, looked_up=search is not None))

    def _post(self, path: str, body: bytes) -> httpx.Request:
        headers = {
            "X-PARTNER-NAME": self.settings.partner_name,
            "X-REQUEST-TOKEN": self.settings.request_token.get_secret_value(),
        }
        return json_request("POST", fixed(f"{self.settings.base_url}/api/{path}"), body, headers=headers)


NO_KEY = Answer(Verdict.UNREACHABLE, Reason.NO_IDENTIFIER)


def _names_of(people: Sequence[Person]) -> dict[Key, str]:
    """The name of each profile, once, in order, and the kind of the identifier that finds it."""
    return {profile.name: profile.key[0] for person in people for profile in profiles_of(person)}


def _keys_of(people: Sequence[Person]) -> dict[Key, None]:
    """The identifier that names each person, once, in order."""
    return dict.fromkeys(person.key for person in people)


def _records(names: Mapping[Key, str], same: Mapping[str, Any]) -> bytes:
    """The JSON array of user records. The part `same` for all is encoded once for each kind of identifier: encoding the
    list of attributes a thousand times took longer than the rest of a delivery."""
    rests = {kind: _encode(effect.less_its_own(same, kind)) for kind in set(names.values())}
    return b"[%b]" % b",".join([b"{%b%b}" % (named(name), rests[kind]) for name, kind in names.items()])


def _encode(same: Mapping[str, Any]) -> bytes:
    return b"".join([b',"%b":%b' % (name.encode(), to_json(value)) for name, value in same.items()])
