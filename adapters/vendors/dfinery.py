"""Dfinery User Profile API and User CI Profile API. The vendor's page "User Profile API", read 2026-11-22; result codes
and the rate limit from its public pages "Reference" and "Using Open API"."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, ClassVar

import httpx
from pydantic import (
    BaseModel,
)
from pydantic_core import to_json

from adapters.by_user_id import UserIdentifiers, known_by_user_id, user_id_of
from adapters.card import Card
from adapters.cards.dfinery import CARD
from adapters.contract import (
    Addressed,
    Answer,
    Call,
    Limits,
    Order,
    Person,
    Plain,
    UnreadableError,
    VendorOptions,
    VendorSettings,
    Verdict,
)
from adapters.dfinery.results import (
    INVALID_FORMAT,
    failures,
    meaning_for_one,
    read_data,
    result_code,
    rows,
    successes,
)
from adapters.dfinery.settings import EVERY_FLAG, DfineryOptions, DfinerySettings
from adapters.writing import fixed, json_request
from domain.outcomes import Reason
from domain.requests import Kind, Subject

PATHS = MappingProxyType(
    {
        "flags": "/users/profile/update",
        "flags_alone": "/users/profile/update",
        "ci": "/users/ci/delete",
        "read_flags": "/users/profile",
        "read_ci": "/users/ci",
    }
)
ROWS = MappingProxyType({"read_flags": "successful_user_properties", "read_ci": "successful_user_ci_properties"})
"""The field with the rows, by read."""

LIMITS = Limits(people=20)
NOBODY = "consent-worker-probe"


@dataclass(frozen=True, slots=True)
class Progress:
    """What the steps of an erasure have found so far."""

    kept: bool = False  # the vendor accepted the flags, and refused the values that overwrite properties
    refused: int = 0  # a ci/delete of this many people was refused with `user_ids`: send it with `user_id` next


@dataclass(frozen=True)
class Dfinery(Plain):
    """Twenty people a call. An erasure is two steps, `flags` then `ci`, and both must succeed. `flags_alone` is for
    people whose overwritten properties are refused: their flags must be set all the same."""

    settings: DfinerySettings = field(repr=False)
    name: str = "dfinery"

    card: ClassVar[Card] = CARD
    call_people: ClassVar[int] = LIMITS.people
    chunk_people: ClassVar[int] = 1_000
    settings_model: ClassVar[type[VendorSettings]] = DfinerySettings
    options_model: ClassVar[type[VendorOptions]] = DfineryOptions
    identifiers_model: ClassVar[type[BaseModel]] = UserIdentifiers
    forms: ClassVar[Mapping[str, str]] = MappingProxyType({"flags_alone": "flags"})
    vouches_for: ClassVar[frozenset[str]] = frozenset({"read_flags"})

    def address(self, order: Order, subject: Subject) -> Addressed | Answer:
        """By `vendors.dfinery.user_id`, else `user_id`."""
        key = user_id_of(subject, self.name)
        return key if isinstance(key, Answer) else Addressed(key, "flags")

    def reach(self, kind: Kind) -> tuple[str, ...]:
        """As on the card."""
        return CARD.found_by

    def known_by(self, key: str) -> frozenset[tuple[str, str]]:
        """The user id alone."""
        return known_by_user_id(key)

    def touches(self, order: Order) -> frozenset[str]:
        """The flags that are set; for an erasure also the properties overwritten and the CI deleted."""
        deleted = [f"ci.{name}" for name in self._ci(order)] if order.kind is Kind.ERASURE else []
        return frozenset([*self._wanted(order), *deleted])

    def steps(self, order: Order) -> frozenset[str]:
        """The flags, then for an erasure the CI. The vendor gives permission for each call separately."""
        if order.kind is not Kind.ERASURE:
            return frozenset({"flags"})
        return frozenset({"flags", "ci", *(["flags_alone"] if self._overwritten(order) else [])})

    def limits(self, call: Call) -> Limits:
        """Twenty in every call. The page gives no size; twenty of our longest ids take less than 50,000 bytes."""
        return LIMITS

    def build(self, call: Call, people: Sequence[Person]) -> httpx.Request:
        """Two people with one key are sent once: the vendor answers by key."""
        keys = list(dict.fromkeys(person.key for person in people))
        by = "user_id" if _is_second_form(people) else "user_ids"
        return self._post(PATHS[call.step], self._body(call, keys, by))

    def classify(self, call: Call, people: Sequence[Person], response: httpx.Response) -> list[Answer]:
        """A person succeeded where a 200 with result_code 2000 has them among the successful and in no failure."""
        data = read_data(response)
        if isinstance(data, Answer):
            again = self._in_another_form(call, people, response) if data.verdict is Verdict.SPLIT else None
            return [again or data] * len(people)
        failed = failures(data)
        if call.step in ROWS:
            done = rows(data, ROWS[call.step])
        else:
            done = successes(data)
            if not failed and done.keys() >= {person.key for person in people}:
                return self._all_after(call, people)
        return [self._answer(call, person, done, failed) for person in people]

    def probe(self) -> httpx.Request:
        """Reads one flag of a user that does not exist."""
        return self._post(PATHS["read_flags"], {"user_ids": [NOBODY], "property_names": ["info_flag"]})

    def read_probe(self, response: httpx.Response) -> Answer:
        """Any answer about that user means that the token is valid, unless the answer is about the token."""
        try:
            data = read_data(response)
        except UnreadableError:
            return Answer(Verdict.VENDOR, Reason.WRONG_ADDRESS)
        if isinstance(data, Answer) and data.verdict is not Verdict.SPLIT:
            return data
        return Answer(Verdict.APPLIED)

    def reading(self, order: Order) -> str:
        """The flags, then for an erasure the CI."""
        return "read_flags"

    def _post(self, path: str, body: Mapping[str, Any] | bytes) -> httpx.Request:
        token = self.settings.api_token.get_secret_value()
        url = fixed(self.settings.base_url + path)
        return json_request("POST", url, body, headers={"Authorization": f"Bearer {token}"})

    def _body(self, call: Call, keys: list[str], by: str) -> Mapping[str, Any] | bytes:
        wanted = self._wanted(call.order)
        if call.step in ("flags", "flags_alone"):
            # The same properties for everybody: encoded once, they cost a fifth of encoding them for each person.
            properties = to_json(wanted if call.step == "flags" else self._flags(call.order))
            users = b",".join(b'{"user_id":%b,"properties":%b}' % (to_json(key), properties) for key in keys)
            return b'{"user_properties":[%b]}' % users
        if call.step == "read_flags":
            return {"user_ids": keys, "property_names": list(wanted)}
        return {by: keys, "user_ci_property_names": self._ci(call.order)}

    def _wanted(self, order: Order) -> dict[str, Any]:
        return {**self._flags(order), **self._overwritten(order)}

    def _flags(self, order: Order) -> dict[str, str]:
        if order.kind is Kind.OPT_IN:
            named = order.options.flags if order.options else None
            return dict.fromkeys(named or self.settings.opt_in_flags, "Subscribed")
        return dict.fromkeys(EVERY_FLAG, "Unsubscribed")

    def _overwritten(self, order: Order) -> Mapping[str, Any]:
        if order.kind is not Kind.ERASURE:
            return {}
        named = order.options.overwrite if order.options else None
        return self.settings.overwrite if named is None else named

    def _ci(self, order: Order) -> list[str]:
        return list((order.options.ci if order.options else None) or self.settings.ci)

    def _in_another_form(self, call: Call, people: Sequence[Person], response: httpx.Response) -> Answer | None:
        """The step that retries in another form, where a whole call may have been refused for its form; None where
        there is none."""
        if call.step == "ci" and not _is_second_form(people) and result_code(response) == INVALID_FORMAT:
            # The example of ci/delete says `user_id`; its table and every similar call say `user_ids`.
            progress = replace(people[0].carry or Progress(), refused=len(people))
            return Answer(Verdict.PROCEED, step="ci", carry=progress, needs_witness=True)
        return self._alone(call) if len(people) == 1 else None

    def _alone(self, call: Call) -> Answer | None:
        if call.step != "flags" or not self._overwritten(call.order):
            return None
        return Answer(Verdict.PROCEED, step="flags_alone", needs_witness=True)

    def _all_after(self, call: Call, people: Sequence[Person]) -> list[Answer]:
        answers = {progress: self._after(call, progress, None) for progress in {person.carry for person in people}}
        return [answers[person.carry] for person in people]

    def _answer(self, call: Call, person: Person, done: Mapping[str, Any], failed: Mapping[str, set[int]]) -> Answer:
        key = person.key
        codes = failed.get(key, set())
        if (key in done) == bool(codes) or len(codes) > 1:
            return Answer(Verdict.AMBIGUOUS, Reason.UNREADABLE)  # in neither list, in both, or with two reasons
        if codes:
            answer = meaning_for_one(*codes)
            if answer.verdict is Verdict.USER and call.step in ROWS:
                return Answer(Verdict.AMBIGUOUS, Reason.UNREADABLE)  # not read: the effect is unknown
            return (answer.verdict is Verdict.USER and self._alone(call)) or answer
        return self._after(call, person.carry, done[key])

    def _after(self, call: Call, progress: Progress | None, properties: Any) -> Answer:
        erasing = call.order.kind is Kind.ERASURE
        if call.step == "flags_alone":
            return Answer(Verdict.PROCEED, step="ci", carry=Progress(kept=True))
        if call.step == "flags":
            return Answer(Verdict.PROCEED, step="ci") if erasing else Answer(Verdict.APPLIED)
        if call.step == "ci":
            if progress and progress.kept:  # everything but the values that the vendor refused
                return Answer(Verdict.USER, Reason.REJECTED, certain=True)
            return Answer(Verdict.APPLIED)
        if not isinstance(properties, dict):
            return Answer(Verdict.AMBIGUOUS, Reason.UNREADABLE)
        if call.step == "read_flags":
            # A flag that was never set is `Undefined`: not what we set.
            seen = all(_is_same(properties.get(name), value) for name, value in self._wanted(call.order).items())
            if seen and erasing:
                return Answer(Verdict.PROCEED, step="read_ci")
        else:
            seen = all(properties.get(name) in (None, "", "Undefined") for name in self._ci(call.order))
        return Answer(Verdict.APPLIED) if seen else Answer(Verdict.USER, Reason.NOT_IN_EFFECT)


def _is_second_form(people: Sequence[Person]) -> bool:
    # Refused as a whole. After a split, each half begins with the first form again.
    progress = people[0].carry
    return isinstance(progress, Progress) and progress.refused == len(people)


def _is_same(read: object, written: object) -> bool:
    # A property may be stored as text, number or boolean, whatever was sent.
    if type(read) is type(written):
        return read == written
    return read is not None and _as_text(read) == _as_text(written)


def _as_text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).lower() if isinstance(value, bool) else str(value)
