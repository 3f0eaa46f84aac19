"""How the adapter reads every recorded answer of the vendor."""

import json
from pathlib import Path
from typing import Any

import httpx

from adapters.conformance.conversations import OfOneVendor
from adapters.conformance.walking import converse, in_words
from adapters.contract import Adapter, Order, ReadsBack
from domain.outcomes import Reason
from domain.requests import SUBJECT, Kind


class Recorded(OfOneVendor):
    """A file of `sample.answers` is a whole conversation (docs/adding-a-vendor.md)."""

    def test_recorded(self, case: Path) -> None:
        record = json.loads(case.read_text("utf-8"))
        adapter = self.sample.make(**record.get("settings", {}))
        order = Order(Kind(record["kind"]), _options(adapter, record), record.get("people_of_request", 0))
        people = [SUBJECT.validate_python(person) for person in record["people"]]
        for person in people:
            adapter.identifiers_model.model_validate((person.get("vendors") or {}).get(adapter.name) or {})
        left = list(record["exchanges"])

        def vendor(_call: object, request: httpx.Request) -> httpx.Response:
            assert left, "one request more than was recorded"
            exchange = left.pop(0)
            _compare(request, exchange.get("request", {}))
            said = exchange["answer"]
            content = said["text"] if "text" in said else json.dumps(said["body"]) if "body" in said else ""
            return httpx.Response(said["status"], headers=said.get("headers"), content=content.encode())

        begin = adapter.reading(order) if record.get("reads_back") and isinstance(adapter, ReadsBack) else None
        past: dict[str, Any] = {name: record.get(name, False) for name in ("tried", "interrupted")}
        past["waited_for"] = frozenset(map(Reason, record.get("waited_for", [])))
        answers, _ = converse(adapter, order, people, vendor, begin=begin, **past)
        assert [in_words(answer) for answer in answers] == record["becomes"]
        assert not left, "fewer requests than were recorded"

    def test_something_is_recorded_of_every_kind(self) -> None:
        recorded = {json.loads(case.read_text("utf-8"))["kind"] for case in self.sample.answers.glob("*.json")}
        assert recorded >= set(self.sample.kinds), f"no recorded answer in {self.sample.answers.name}"


def _options(adapter: Adapter, record: dict[str, Any]) -> Any:
    return adapter.options_model.model_validate(record["options"]) if "options" in record else None


def _compare(request: httpx.Request, expected: dict[str, Any]) -> None:
    base = request.url.scheme + "://" + request.url.netloc.decode()
    seen = {
        "method": request.method,
        "url": base + request.url.raw_path.decode(),
        "headers": {name: request.headers.get(name) for name in expected.get("headers", {})},
        "body": json.loads(request.content) if "body" in expected and request.content else None,
    }
    assert {name: seen[name] for name in expected} == expected
