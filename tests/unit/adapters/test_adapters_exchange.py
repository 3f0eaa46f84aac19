"""One request to a vendor, and what its answer means for everyone in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import time
from typing import Any

import fakeredis
import httpx
import pytest
from pydantic import SecretStr

from adapters.contract import (
    Answer,
    Call,
    NotNowError,
    Order,
    Person,
    Rate,
    UnreadableError,
    VendorSettings,
    Verdict,
)
from adapters.credentials import Credentials
from adapters.exchange import SHORTEST_PAUSE_S, Exchange, OurFaultError
from adapters.rates import buckets_of
from adapters.reading import read_bearer
from adapters.transport import AnswerLostError, NotSentError
from adapters.waits import UNREAD_WAIT_S
from domain.outcomes import Reason
from domain.requests import Kind
from ledger.sealing import MasterKeys, generate_master_key
from tests.stubs import StubAdapter, StubPermits, person

CALL = Call(Order(Kind.ERASURE), "first")
PEOPLE = [person(1), person(2), person(3)]
APPLIED = Answer(Verdict.APPLIED)
REAUTHENTICATE = Answer(Verdict.REAUTHENTICATE, Reason.BAD_CREDENTIALS)

Reply = httpx.Response | Exception


@dataclass
class StubTransport:
    """Answers in turn; the last answer stands. Notes what was sent with which token."""

    replies: list[Reply]
    sent: list[str] = field(default_factory=list)

    async def send(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(f"{request.url.path} {request.headers.get('authorization', '')}".strip())
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply


@dataclass(frozen=True)
class TokenAdapter(StubAdapter):
    """A vendor that hands out tokens."""

    def login(self) -> httpx.Request | None:
        return httpx.Request("POST", "https://vendor.example/token")

    def read_token(self, response: httpx.Response) -> SecretStr | Answer:
        return read_bearer(response)


def everybody(answer: Answer) -> Any:
    return lambda call, people, response: [answer] * len(people)


def by_status(call: Call, people: Sequence[Person], response: httpx.Response) -> list[Answer]:
    return [REAUTHENTICATE if response.status_code == 401 else APPLIED] * len(people)


def unreadable(call: Call, people: Sequence[Person], response: httpx.Response) -> list[Answer]:
    raise UnreadableError("not JSON")


def token(value: str) -> httpx.Response:
    return httpx.Response(200, json={"access_token": value, "token_type": "bearer"})


def exchange(adapter: Any, *replies: Reply, permits: StubPermits | None = None) -> Exchange:
    credentials = Credentials(fakeredis.FakeAsyncRedis(), MasterKeys.parse(generate_master_key()))
    return Exchange(adapter, StubTransport(list(replies)), credentials, permits or StubPermits())


OK = httpx.Response(200, json={})


@dataclass(frozen=True)
class MeteredAdapter(StubAdapter):
    """A vendor whose step `look` has a quota of units, told in the answers."""

    def buckets(self) -> Mapping[str, float]:
        return {"quota": 1_000.0}

    def rate(self, call: Call | None) -> Rate:
        return Rate("quota", 2.5) if call is not None and call.step == "look" else Rate()

    def cost(self, call: Call, response: httpx.Response) -> float | None:
        return response.json().get("cost") if call.step == "look" else None


LOOK = Call(CALL.order, "look")


async def test_a_call_takes_its_own_buckets_permit_and_the_answer_corrects_what_it_took() -> None:
    permits = StubPermits()
    asked = exchange(
        MeteredAdapter(classifying=everybody(APPLIED)), httpx.Response(200, json={"cost": 4.0}), permits=permits
    )
    await asked.ask(LOOK, PEOPLE)
    assert (permits.rates, permits.corrections) == ([Rate("quota", 2.5)], [("quota", 2.5, 4.0)])
    await asked.ask(CALL, PEOPLE)
    assert permits.rates[1:] == [Rate()]
    assert len(permits.corrections) == 1


async def test_a_quota_that_is_used_up_pauses_its_own_bucket_only() -> None:
    permits = StubPermits()
    asked = exchange(MeteredAdapter(), httpx.Response(429, headers={"retry-after": "5"}), permits=permits)
    await asked.ask(LOOK, PEOPLE)
    await asked.ask(CALL, PEOPLE)
    assert permits.paused == ["quota", ""]


def test_what_is_reserved_is_kept_free_of_every_bucket() -> None:
    settings = VendorSettings(base_url="https://vendor.example", requests_per_minute=6_000, reserved=1_500)
    assert buckets_of(MeteredAdapter(settings=settings)) == {"": 4_500.0, "quota": 750.0}
    assert buckets_of(StubAdapter(settings=settings)) == {"": 4_500.0}


async def test_the_adapters_answers_come_back_in_order() -> None:
    answers = [APPLIED, Answer(Verdict.ABSENT), Answer(Verdict.USER, Reason.REJECTED)]
    asked = exchange(StubAdapter(classifying=lambda *_: answers), OK)
    assert await asked.ask(CALL, PEOPLE) == answers


@pytest.mark.parametrize("said", [0, 1, 2, 4, 100])
async def test_answers_that_do_not_account_for_everybody_say_nothing_of_anybody(said: int) -> None:
    asked = exchange(StubAdapter(classifying=lambda *_: [APPLIED] * said), OK)
    assert await asked.ask(CALL, PEOPLE) == [Answer(Verdict.AMBIGUOUS, Reason.UNREADABLE)] * 3


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(200, Verdict.AMBIGUOUS), (207, Verdict.AMBIGUOUS), (400, Verdict.SPLIT), (422, Verdict.SPLIT)],
)
async def test_an_unreadable_answer(status: int, verdict: Verdict) -> None:
    asked = exchange(StubAdapter(classifying=unreadable), httpx.Response(status, content=b"{"))
    assert await asked.ask(CALL, PEOPLE) == [Answer(verdict, Reason.UNREADABLE)] * 3


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        (NotSentError(), Answer(Verdict.RETRY, Reason.NO_CONNECTION)),
        (AnswerLostError(), Answer(Verdict.AMBIGUOUS, Reason.ANSWER_LOST)),
        (httpx.Response(503, headers={"retry-after": "9"}), Answer(Verdict.RETRY, Reason.SERVER_ERROR, 9.0)),
        (httpx.Response(301, headers={"location": "/"}), Answer(Verdict.VENDOR, Reason.WRONG_ADDRESS)),
        (httpx.Response(200, content=b"<html>"), Answer(Verdict.VENDOR, Reason.WRONG_ADDRESS)),
    ],
)
async def test_what_is_the_same_for_all_never_reaches_the_adapter(fault: Reply, answer: Answer) -> None:
    assert await exchange(StubAdapter(), fault).ask(CALL, PEOPLE) == [answer] * 3


async def test_a_body_over_the_limit_is_split_and_never_sent() -> None:
    permits = StubPermits()
    size = len(StubAdapter().build(CALL, PEOPLE).content)
    over = exchange(StubAdapter(body_bytes=size - 1), OK, permits=permits)
    assert await over.ask(CALL, PEOPLE) == [Answer(Verdict.SPLIT, Reason.TOO_LARGE, certain=True)] * 3
    assert (over.transport.sent, permits.taken) == ([], 0)
    within = exchange(StubAdapter(body_bytes=size, classifying=everybody(APPLIED)), OK)
    assert await within.ask(CALL, PEOPLE) == [APPLIED] * 3


async def test_every_request_takes_a_permit_also_one_for_a_token() -> None:
    permits = StubPermits()
    asked = exchange(TokenAdapter(classifying=everybody(APPLIED)), token("t1"), OK, permits=permits)
    await asked.ask(CALL, PEOPLE)
    await asked.ask(CALL, PEOPLE)
    assert permits.taken == 3


async def test_without_a_permit_nothing_is_sent() -> None:
    asked = exchange(StubAdapter(), OK, permits=StubPermits(raises=NotNowError(4.0)))
    with pytest.raises(NotNowError) as not_now:
        await asked.ask(CALL, PEOPLE)
    assert not_now.value.delay_s == 4.0
    assert asked.transport.sent == []


async def test_a_login_without_a_permit_is_not_now_either() -> None:
    asked = exchange(TokenAdapter(), OK, permits=StubPermits(raises=NotNowError(4.0)))
    with pytest.raises(NotNowError):
        await asked.ask(CALL, PEOPLE)


async def test_a_refused_token_is_renewed_once_and_the_request_replayed() -> None:
    asked = exchange(TokenAdapter(classifying=by_status), token("t1"), httpx.Response(401), token("t2"), OK)
    assert await asked.ask(CALL, PEOPLE) == [APPLIED] * 3
    assert asked.transport.sent == [
        "/token",
        "/first Bearer t1",
        "/token",
        "/first Bearer t2",
    ]


async def test_a_second_refusal_is_the_vendors() -> None:
    asked = exchange(
        TokenAdapter(classifying=by_status), token("t1"), httpx.Response(401), token("t2"), httpx.Response(401)
    )
    assert await asked.ask(CALL, PEOPLE) == [Answer(Verdict.VENDOR, Reason.FORBIDDEN)] * 3
    assert len(asked.transport.sent) == 4


async def test_a_static_token_that_is_refused_is_the_vendors_at_once() -> None:
    asked = exchange(StubAdapter(classifying=by_status), httpx.Response(401))
    assert await asked.ask(CALL, PEOPLE) == [Answer(Verdict.VENDOR, Reason.BAD_CREDENTIALS)] * 3
    assert len(asked.transport.sent) == 1


async def test_no_answer_says_reauthenticate_to_those_who_ask() -> None:
    mixed = [APPLIED, REAUTHENTICATE, Answer(Verdict.USER, Reason.REJECTED)]
    for adapter in (StubAdapter, TokenAdapter):
        asked = exchange(adapter(classifying=lambda *_: mixed), token("t1"))
        answers = await asked.ask(CALL, PEOPLE)
        assert [answer.verdict for answer in answers] == [Verdict.APPLIED, Verdict.VENDOR, Verdict.USER]


@pytest.mark.parametrize(
    ("login", "answer"),
    [
        (httpx.Response(400, json={"error": "invalid_client"}), Answer(Verdict.VENDOR, Reason.BAD_CREDENTIALS)),
        (httpx.Response(401), Answer(Verdict.VENDOR, Reason.BAD_CREDENTIALS)),
        (httpx.Response(404), Answer(Verdict.VENDOR, Reason.WRONG_ADDRESS)),
        (httpx.Response(200, json={}), Answer(Verdict.VENDOR, Reason.MISCONFIGURED)),
        (httpx.Response(200, json={"access_token": "t\r\nX: y"}), Answer(Verdict.VENDOR, Reason.MISCONFIGURED)),
        (httpx.Response(200, content=b"{"), Answer(Verdict.RETRY, Reason.UNREADABLE)),
        (httpx.Response(200, content=b"<html>"), Answer(Verdict.VENDOR, Reason.WRONG_ADDRESS)),
        (httpx.Response(500), Answer(Verdict.RETRY, Reason.SERVER_ERROR)),
        # Nothing was sent for anybody, so nothing is ambiguous.
        (httpx.Response(504), Answer(Verdict.RETRY, Reason.ANSWER_LOST)),
        (AnswerLostError(), Answer(Verdict.RETRY, Reason.ANSWER_LOST)),
        (NotSentError(), Answer(Verdict.RETRY, Reason.NO_CONNECTION)),
    ],
)
async def test_a_login_that_fails(login: Reply, answer: Answer) -> None:
    asked = exchange(TokenAdapter(), login)
    assert await asked.ask(CALL, PEOPLE) == [answer] * 3
    assert asked.transport.sent == ["/token"]


@pytest.mark.parametrize(("header", "pause"), [
    ("30", 30.0), ("30.0", 30.0), ("30 s", 30.0), ("soon", UNREAD_WAIT_S),
    ("0", SHORTEST_PAUSE_S), (None, SHORTEST_PAUSE_S),
])  # fmt: skip
async def test_too_many_requests_pauses_everybody(header: str | None, pause: float) -> None:
    permits = StubPermits()
    headers = {"retry-after": header} if header else {}
    asked = exchange(StubAdapter(), httpx.Response(429, headers=headers), permits=permits)
    answers = await asked.ask(CALL, PEOPLE)
    assert {answer.reason for answer in answers} == {Reason.RATE_LIMITED}
    assert permits.pauses == [pause]


async def test_too_many_told_in_the_body_waits_as_the_headers_say() -> None:
    permits = StubPermits()
    busy, limited = Answer(Verdict.RETRY, Reason.BUSY), Answer(Verdict.RETRY, Reason.RATE_LIMITED)
    reset = {"x-rate-limit-reset": str(int((time() + 40) * 1000))}
    said = exchange(
        StubAdapter(classifying=lambda *_: [busy, limited, limited]),
        httpx.Response(400, headers=reset),
        permits=permits,
    )
    answers = await said.ask(CALL, PEOPLE)
    assert answers[0] == busy
    assert [answer.retry_after_s for answer in answers[1:]] == pytest.approx([40.0] * 2, abs=3)
    assert permits.pauses == [answers[1].retry_after_s]


async def test_the_longest_wait_of_an_answer_counts() -> None:
    permits = StubPermits()
    limited = [Answer(Verdict.RETRY, Reason.RATE_LIMITED, wait) for wait in (2.0, 50.0)] + [APPLIED]
    await exchange(StubAdapter(classifying=lambda *_: limited), OK, permits=permits).ask(CALL, PEOPLE)
    assert permits.pauses == [50.0]


async def test_a_login_that_comes_too_often_pauses_too() -> None:
    permits = StubPermits()
    asked = exchange(TokenAdapter(), httpx.Response(429, headers={"retry-after": "5"}), permits=permits)
    assert await asked.ask(CALL, PEOPLE) == [Answer(Verdict.RETRY, Reason.RATE_LIMITED, 5.0)] * 3
    assert permits.pauses == [5.0]


async def test_nobody_is_paused_for_less() -> None:
    permits = StubPermits()
    await exchange(StubAdapter(), httpx.Response(503, headers={"retry-after": "5"}), permits=permits).ask(CALL, PEOPLE)
    assert permits.pauses == []


@dataclass(frozen=True)
class OnceOnly(StubAdapter):
    """A vendor whose write must not be repeated by itself."""

    def if_lost(self, call: Call) -> Answer | None:
        return UNCERTAIN if call.step == "write" else None


UNCERTAIN = Answer(Verdict.ACTION, Reason.CODE_UNCERTAIN)
BROKEN = httpx.Response(200, content=b'{"cut')


@pytest.mark.parametrize("lost", [AnswerLostError(), httpx.Response(500), httpx.Response(504), BROKEN])
async def test_what_may_be_sent_once_is_not_repeated_where_the_answer_is_lost(lost: Reply) -> None:
    adapter = OnceOnly(classifying=unreadable)
    assert await exchange(adapter, lost).ask(Call(CALL.order, "write"), PEOPLE) == [UNCERTAIN] * 3
    assert UNCERTAIN not in await exchange(adapter, lost).ask(Call(CALL.order, "look"), PEOPLE)


@pytest.mark.parametrize("answer", [NotSentError(), httpx.Response(429), httpx.Response(301), httpx.Response(200)])
async def test_what_was_not_sent_or_is_known_stays_what_it_is(answer: Reply) -> None:
    adapter = OnceOnly(classifying=everybody(APPLIED))
    assert UNCERTAIN not in await exchange(adapter, answer).ask(Call(CALL.order, "write"), PEOPLE)


@dataclass(frozen=True)
class ReadsItself(StubAdapter):
    """A vendor that answers one step with whatever it has."""

    reads_anything_at: frozenset[str] = frozenset({"odd"})


PAGE = httpx.Response(404, content=b"<html>", headers={"content-type": "text/html"})
ELSEWHERE = httpx.Response(302, headers={"location": "/"})


@pytest.mark.parametrize("reply", [PAGE, ELSEWHERE, httpx.Response(200, content=b"<html>")])
async def test_where_an_adapter_reads_anything_a_page_or_a_redirect_is_its_own_to_read(reply: httpx.Response) -> None:
    adapter = ReadsItself(classifying=everybody(REJECTED))
    assert await exchange(adapter, reply).ask(Call(CALL.order, "odd"), PEOPLE) == [REJECTED] * 3
    blamed = await exchange(adapter, reply).ask(CALL, PEOPLE)
    assert blamed == [Answer(Verdict.VENDOR, Reason.WRONG_ADDRESS)] * 3


@pytest.mark.parametrize("status", [429, 500, 504])
async def test_trouble_is_never_left_to_an_adapter(status: int) -> None:
    adapter = ReadsItself(classifying=everybody(APPLIED))
    answers = await exchange(adapter, httpx.Response(status)).ask(Call(CALL.order, "odd"), PEOPLE)
    assert all(answer.verdict in (Verdict.RETRY, Verdict.AMBIGUOUS) for answer in answers)


REJECTED = Answer(Verdict.USER, Reason.REJECTED)


async def test_while_redis_is_away_nobody_logs_in() -> None:
    asked = exchange(TokenAdapter(), token("t1"))
    server = fakeredis.FakeServer()
    server.connected = False
    asked.credentials.redis = fakeredis.FakeAsyncRedis(server=server)
    with pytest.raises(NotNowError):
        await asked.ask(CALL, PEOPLE)
    assert asked.transport.sent == []


def _fails_on_the_record(*_: Any) -> Any:
    raise LookupError("jane@private.example")


@dataclass(frozen=True)
class BrokenAdapter(StubAdapter):
    def build(self, call: Call, people: Sequence[Person]) -> httpx.Request:
        raise KeyError("jane@private.example")


@pytest.mark.parametrize("adapter", [StubAdapter(classifying=_fails_on_the_record), BrokenAdapter()])
async def test_a_fault_of_ours_is_told_without_what_it_is_about(adapter: Any, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(OurFaultError) as fault:
        await exchange(adapter, OK).ask(CALL, PEOPLE)
    assert caplog.text == "", "a batch is taken apart, and then it is told"
    with pytest.raises(OurFaultError):
        await exchange(adapter, OK).ask(CALL, PEOPLE[:1])
    (record,) = caplog.records
    assert "Error" in record.message
    assert "test_adapters_exchange.py:" in record.message
    shown = f"{caplog.text} {fault.value!r} {fault.value.__cause__!r}"
    assert "private" not in shown
    assert fault.value.__suppress_context__
