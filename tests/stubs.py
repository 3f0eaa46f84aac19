"""Replacements for what a test does not exercise: a vendor's adapter, its exchange, permits and answers."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import BaseModel

from adapters.card import CallLimit, Card, Operation, Source
from adapters.contract import (
    Addressed,
    Answer,
    Call,
    Limits,
    Order,
    Person,
    Rate,
    VendorOptions,
    VendorSettings,
    Verdict,
)
from domain.outcomes import Reason
from domain.requests import Kind, Subject


class AnyOptions(VendorOptions):
    """Accepts what the real Insider accepts, so that submissions with options pass."""

    whole: tuple[str, ...] = ()
    partial: dict[str, tuple[str, ...]] | None = None


class AnyIdentifiers(BaseModel):
    """Takes anything."""


ANY_CARD = Card(
    title="A vendor",
    pages=(),
    known_by="`user_id`",
    found_by=("user_id",),
    give="user_id",
    credentials=(),
    limits=(CallLimit("every call", people=10, source=Source.OURS),),
    operations=dict.fromkeys(
        Kind, (Operation("it", "It was done.", reaches="all", leaves="nothing", read_back="all"),)
    ),
    cannot=(),
    quirks=(),
)

Answering = Callable[[Call, Sequence[Person]], "list[Answer] | Awaitable[list[Answer]]"]
Classifying = Callable[[Call, Sequence[Person], httpx.Response], list[Answer]]


def _not_asked(*_: Any) -> list[Answer]:
    raise AssertionError("nobody should have asked")


@dataclass(frozen=True)
class StubAdapter:
    """A vendor that takes any person with a user_id, `batch` at a time."""

    name: str = "insider"
    batch: int = 10
    body_bytes: int = 1_000_000
    chunk_people: int = 10
    keeps_sessions: bool = False
    taken: frozenset[str] = frozenset({"first"})
    """The steps of every order."""
    settings: VendorSettings = field(default=VendorSettings(base_url="https://vendor.example"), repr=False)
    classifying: Classifying = _not_asked
    card = ANY_CARD
    forms: Mapping[str, str] = field(default_factory=dict)
    options_model = AnyOptions
    identifiers_model = AnyIdentifiers

    @property
    def call_people(self) -> int:
        return self.batch

    def address(self, order: Order, subject: Subject) -> Addressed | Answer:
        key = subject.get("user_id")
        return Addressed(key, "first") if key else Answer(Verdict.UNREACHABLE, Reason.NO_IDENTIFIER)

    def reach(self, kind: Kind) -> tuple[str, ...]:
        return ("user_id",)

    def known_by(self, key: str) -> frozenset[tuple[str, str]]:
        return frozenset({("user_id", key)})

    def touches(self, order: Order) -> frozenset[str]:
        return frozenset({"flag", "data"} if order.kind is Kind.ERASURE else {"flag"})

    def steps(self, order: Order) -> frozenset[str]:
        return self.taken

    def limits(self, call: Call) -> Limits:
        return Limits(people=self.batch, body_bytes=self.body_bytes)

    def build(self, call: Call, people: Sequence[Person]) -> httpx.Request:
        return httpx.Request("POST", f"https://vendor.example/{call.step}", json=[person.key for person in people])

    def classify(self, call: Call, people: Sequence[Person], response: httpx.Response) -> list[Answer]:
        return self.classifying(call, people, response)


@dataclass
class StubPermits:
    """Grants everything, unless told what to raise."""

    raises: Exception | None = None
    taken: int = 0
    rates: list[Rate] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    paused: list[str] = field(default_factory=list)
    corrections: list[tuple[str, float, float]] = field(default_factory=list)
    booked: list[tuple[Rate, int]] = field(default_factory=list)
    wait_s: float = 0.0

    async def take(self, rate: Rate) -> float:
        self.taken += 1
        self.rates.append(rate)
        if self.raises:
            raise self.raises
        return rate.units

    async def pause(self, bucket: str, seconds: float) -> None:
        self.paused.append(bucket)
        self.pauses.append(seconds)

    async def book(self, rate: Rate, calls: int, most_s: float) -> float | None:
        self.booked.append((rate, calls))
        return self.wait_s if self.wait_s <= most_s else None

    async def correct(self, bucket: str, taken: float, cost: float) -> None:
        self.corrections.append((bucket, taken, cost))


@dataclass
class StubExchange:
    """Answers as it is told to, and notes who was in which request."""

    answering: Answering
    adapter: Any = field(default_factory=StubAdapter)
    sent: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)
    permits: StubPermits = field(default_factory=StubPermits)
    in_flight: int = 0
    most_in_flight: int = 0

    async def ask(self, call: Call, people: Sequence[Person]) -> list[Answer]:
        self.sent.append((call.step, tuple(person.line for person in people)))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(0)
            answers = self.answering(call, people)
            return answers if isinstance(answers, list) else await answers
        finally:
            self.in_flight -= 1


def person(line: int, **more: Any) -> Person:
    """Somebody with a recognisable identifier."""
    return Person(line, {"user_id": f"u-{line}"}, f"u-{line}", **more)
