"""A made-up vendor with the least that a vendor can have: withdrawals in one call of ten people. It has no opt-in, no
harmless call, no token to fetch, and nothing that can be read back. It serves as a vendor of another package."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import httpx
from pydantic import BaseModel

from adapters import contract
from adapters.card import CallLimit, Card, Credential, Operation, Page, Source, Work
from adapters.conformance.sample import SECRET, Sample, answer, by_own
from adapters.contract import (
    Addressed,
    Answer,
    Call,
    HeaderSecret,
    Limits,
    Order,
    Person,
    UnreadableError,
    VendorIdentifiers,
    VendorOptions,
    VendorSettings,
    Verdict,
)
from adapters.reading import read_block, read_object
from adapters.triage import refusal
from adapters.writing import json_request
from domain.outcomes import Reason
from domain.requests import Identifier, Kind, Subject

LIMITS = Limits(people=10)
STOPPED = Operation(
    summary="the person is struck off",
    done="The person was struck off the mailing list.",
    reaches="whether the vendor writes to the person",
    leaves="the letters that were sent",
)
CARD = Card(
    title="Plain Mail",
    pages=(Page("The whole of it", date(2026, 11, 29)),),
    known_by="`user_id`, or `vendors.plain.address` where it differs",
    found_by=("user_id", "vendors.plain.address"),
    give="user_id",
    credentials=(Credential(("password",), "of the account"),),
    limits=(CallLimit("striking off", people=10, source=Source.OURS),),
    work=Work(calls=1 / 10, changes=1),
    operations=MappingProxyType({Kind.ERASURE: (STOPPED,), Kind.OPT_OUT: (STOPPED,)}),
    cannot=(),
    quirks=(),
)


class PlainSettings(VendorSettings):
    """CONSENT_PLAIN__…"""

    base_url: str = "https://plain.example"
    password: HeaderSecret


class PlainIdentifiers(VendorIdentifiers):
    """A subject's `vendors.plain`."""

    address: Identifier | None = None


class PlainOptions(VendorOptions):
    """No options."""


@dataclass(frozen=True)
class Plain(contract.Plain):
    """Strikes ten people off in one call, all or none."""

    settings: PlainSettings = field(repr=False)

    contract_version: ClassVar[int] = 1
    name: str = "plain"
    card: ClassVar[Card] = CARD
    call_people: ClassVar[int] = LIMITS.people
    chunk_people: ClassVar[int] = 100
    settings_model: ClassVar[type[VendorSettings]] = PlainSettings
    options_model: ClassVar[type[VendorOptions]] = PlainOptions
    identifiers_model: ClassVar[type[BaseModel]] = PlainIdentifiers

    def address(self, order: Order, subject: Subject) -> Addressed | Answer:
        if order.kind is Kind.OPT_IN:
            return Answer(Verdict.NOT_APPLICABLE, Reason.SWITCHED_OFF)
        known = read_block(subject, self.name, PlainIdentifiers)
        if known is None:
            return Answer(Verdict.USER, Reason.REJECTED)
        key = known.address if known.address is not None else subject.get("user_id")
        return Answer(Verdict.UNREACHABLE, Reason.NO_IDENTIFIER) if key is None else Addressed(key, "strike")

    def reach(self, kind: Kind) -> tuple[str, ...]:
        return () if kind is Kind.OPT_IN else CARD.found_by

    def known_by(self, key: str) -> frozenset[tuple[str, str]]:
        return frozenset({("user_id", key)})

    def touches(self, order: Order) -> frozenset[str]:
        return frozenset({"mail"})

    def steps(self, order: Order) -> frozenset[str]:
        return frozenset({"strike"})

    def limits(self, call: Call) -> Limits:
        return LIMITS

    def build(self, call: Call, people: Sequence[Person]) -> httpx.Request:
        keys = list(dict.fromkeys(person.key for person in people))
        headers = {"Authorization": f"Password {self.settings.password.get_secret_value()}"}
        return json_request("POST", f"{self.settings.base_url}/strike", {"addresses": keys}, headers=headers)

    def classify(self, call: Call, people: Sequence[Person], response: httpx.Response) -> list[Answer]:
        if response.status_code == 401:
            return [Answer(Verdict.VENDOR, Reason.BAD_CREDENTIALS)] * len(people)
        if not response.is_success:
            return [refusal(response.status_code)] * len(people)
        if read_object(response) != {"struck": "all"}:
            raise UnreadableError
        return [Answer(Verdict.APPLIED)] * len(people)


def obliging() -> Callable[[Call, httpx.Request], httpx.Response]:
    return lambda _call, _request: answer(200, {"struck": "all"})


SAMPLE = Sample(
    adapter=Plain,
    settings={"password": SECRET},
    obliging=obliging,
    ids=lambda request: json.loads(request.content)["addresses"],
    answers=Path(__file__).parent / "plain_answers",
    own=by_own("plain", "address"),
)
