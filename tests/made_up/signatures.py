"""A vendor that takes only what was signed within the last seconds, each number once."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import httpx

from adapters.contract import Answer, Call, Person, Verdict
from adapters.triage import refusal
from adapters.writing import form_request
from tests.made_up.vendor import MadeUp

KEY = b"a key of the made-up vendor"


def signature(request: httpx.Request, at: str, number: str) -> str:
    told = b"|".join([request.method.encode(), request.url.raw_path, request.content, at.encode(), number.encode()])
    return hmac.new(KEY, told, hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class SigningVendor(MadeUp):
    """Signs forms."""

    numbers: list[int] = field(default_factory=list)
    vouches_for = frozenset({"first"})

    def build(self, call: Call, people: Sequence[Person]) -> httpx.Request:
        return form_request("POST", f"{self.settings.base_url}/stop", {"id": [person.key for person in people]})

    def sign(self, request: httpx.Request, now: datetime) -> httpx.Request:
        self.numbers.append(len(self.numbers) + 1)
        at, number = now.isoformat(), str(self.numbers[-1])
        request.headers["X-Signed-At"], request.headers["X-Number"] = at, number
        request.headers["X-Signature"] = signature(request, at, number)
        return request

    def classify(self, call: Call, people: Sequence[Person], response: httpx.Response) -> list[Answer]:
        answer = Answer(Verdict.APPLIED) if response.is_success else refusal(response.status_code)
        return [answer] * len(people)

    def probe(self) -> httpx.Request:
        return httpx.Request("GET", f"{self.settings.base_url}/ping")

    def read_probe(self, response: httpx.Response) -> Answer:
        return Answer(Verdict.APPLIED) if response.is_success else refusal(response.status_code)


@dataclass
class SignatureServer:
    """The vendor itself."""

    not_before: datetime | None = None
    """What was signed earlier is too old."""
    seen: set[str] = field(default_factory=set)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        at, number = request.headers.get("x-signed-at", ""), request.headers.get("x-number", "")
        good = request.headers.get("x-signature") == signature(request, at, number) and number not in self.seen
        fresh = good and (self.not_before is None or datetime.fromisoformat(at) >= self.not_before)
        self.seen.add(number)
        return httpx.Response(200 if fresh else 403)
