"""The loopback vendor answers what the adapters take for a yes, however its requests arrive."""

import asyncio
import json
from collections.abc import Sequence
from typing import cast

import httpx
import pytest

from adapters.contract import Adapter, Addressed, Answer, Call, Order, Person, Verdict
from adapters.dfinery.settings import DfinerySettings
from adapters.vendors.algonomy import Algonomy, AlgonomySettings
from adapters.vendors.dfinery import Dfinery
from adapters.vendors.insider import Insider, InsiderSettings
from bench.loopback import cores_for
from bench.people import people
from bench.vendor import ALGONOMY, Connection, Counter, answer_to, size_of
from domain.requests import Kind

ADAPTERS: Sequence[Adapter] = [
    Algonomy(AlgonomySettings.model_validate({"client_id": "x", "client_secret": "x"})),
    Dfinery(DfinerySettings.model_validate({"api_token": "x"})),
    Insider(InsiderSettings.model_validate({"partner_name": "x", "request_token": "x"})),
]


def wire(request: httpx.Request) -> bytes:
    head = f"{request.method} {request.url.raw_path.decode()} HTTP/1.1\r\nHost: x\r\n"
    return f"{head}Content-Length: {len(request.content)}\r\n\r\n".encode() + request.content


def response(answer: bytes) -> httpx.Response:
    head, _, body = answer.partition(b"\r\n\r\n")
    return httpx.Response(int(head.split(b" ")[1]), headers={"Content-Type": "application/json"}, content=body)


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.name)
@pytest.mark.parametrize("kind", [Kind.ERASURE, Kind.OPT_OUT])
def test_every_step_succeeds_for_everybody(adapter: Adapter, kind: Kind) -> None:
    order = Order(kind)
    some = list(people(adapter.limits(Call(order, "flags")).people))
    addressed = [cast(Addressed, adapter.address(order, subject)) for subject in some]
    persons = [Person(line, some[line], one.key) for line, one in enumerate(addressed)]
    step, answers = addressed[0].step, [Answer(Verdict.PROCEED)]
    while answers[0].verdict is Verdict.PROCEED:
        request = adapter.build(Call(order, step), persons)
        raw = wire(request)
        assert size_of(raw) == len(raw)
        answers = adapter.classify(Call(order, step), persons, response(answer_to(request.url.raw_path, raw)))
        step = answers[0].step
    assert {answer.verdict for answer in answers} == {Verdict.APPLIED}


def test_small_requests_find_a_profile_at_insider() -> None:
    adapter = next(one for one in ADAPTERS if one.name == "insider")
    order = Order(Kind.ERASURE, people=1)
    (subject,) = people(1)
    addressed = cast(Addressed, adapter.address(order, subject))
    person, steps = Person(1, subject, addressed.key), [addressed.step]
    answer = Answer(Verdict.PROCEED, step=addressed.step)
    while answer.verdict is Verdict.PROCEED:
        call = Call(order, steps[-1])
        request = adapter.build(call, [person])
        (answer,) = adapter.classify(call, [person], response(answer_to(request.url.raw_path, wire(request))))
        person = person._replace(carry=answer.carry)
        steps += [answer.step] if answer.step else []
    assert answer.verdict is Verdict.APPLIED
    assert list(dict.fromkeys(steps)) == ["look", "consent", "attributes"]


class Wire:
    """Where a connection writes."""

    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return False


@pytest.mark.parametrize("piece", [1, 7, 150, 10_000])
def test_requests_are_answered_in_turn_however_they_arrive(piece: int) -> None:
    request = ADAPTERS[0].build(Call(Order(Kind.OPT_OUT), "opt_out"), [Person(1, {"user_id": "a"}, "a")])
    raw = wire(request) * 3
    counter, out = Counter(), Wire()
    connection = Connection(counter)
    connection.connection_made(cast(asyncio.Transport, out))  # all it needs of one
    for at in range(0, len(raw), piece):
        connection.data_received(raw[at : at + piece])
    assert out.written == ALGONOMY * 3
    assert len(counter.moments) == 3


def test_a_request_is_whole_when_its_body_is() -> None:
    raw = b"PUT /a HTTP/1.1\r\nContent-length: 3\r\n\r\n{ }"
    assert size_of(raw + b"PUT") == len(raw)
    assert [size_of(raw[:end]) for end in range(len(raw))] == [0] * len(raw)
    assert size_of(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n") == 28


def test_the_vendor_has_a_core_of_its_own_where_there_are_enough() -> None:
    assert cores_for({0, 1, 2, 3}) == (3, {0, 1, 2})
    assert cores_for({0, 1}) == (1, {0, 1})
    assert cores_for({5}) == (5, {5})


def test_nobody_is_given_twice() -> None:
    """A wish is compared with others of anyone who shares any identifier, and that must not slow a benchmark down."""
    everybody = [*people(1_000), *people(1_000)]
    for name in ("user_id", "email", "phone_number"):
        assert len({json.dumps(subject[name]) for subject in everybody}) == 2_000
