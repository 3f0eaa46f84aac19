"""What may not be sent any more is not sent, wherever it was kept waiting: for a permit, for a connection, frozen."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable

import fakeredis
import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from adapters import clock, wire
from adapters.callbacks import Callbacks, Letter
from adapters.contract import Answer, Call, NotNowError, Order, Verdict
from adapters.credentials import Credentials
from adapters.exchange import Exchange
from adapters.reading import read_bearer
from adapters.receivers import Rules
from adapters.sending import refuse_when_over, sending_until
from adapters.transport import Transport
from domain.requests import Kind
from ledger.sealing import MasterKeys, generate_master_key
from tests.stubs import StubAdapter, StubPermits, person

CALL = Call(Order(Kind.ERASURE), "first")
APPLIED = Answer(Verdict.APPLIED)


class Lapsing:
    """Is over from the so-manieth question on; notes whether anything was sent afterwards."""

    def __init__(self, questions: int) -> None:
        self.left = questions
        self.over = False
        self.sent_before = 0
        self.sent_after = 0

    def __call__(self) -> bool:
        self.left -= 1
        self.over = self.over or self.left < 0
        return self.over

    async def serve(self, request: web.Request) -> web.Response:
        if self.over:
            self.sent_after += 1
        else:
            self.sent_before += 1
        return web.json_response({"access_token": "t", "token_type": "bearer"})


@pytest.fixture
async def vendor() -> AsyncIterator[Callable[[Lapsing], "asyncio.Future[str]"]]:
    servers: list[TestServer] = []

    async def start(lapsing: Lapsing) -> str:
        app = web.Application()
        app.router.add_route("*", "/{anything:.*}", lapsing.serve)
        servers.append(TestServer(app))
        await servers[-1].start_server()
        return str(servers[-1].make_url("")).rstrip("/")

    yield start
    for server in servers:
        await server.close()


class LocalAdapter(StubAdapter):
    """A vendor on loopback that wants a token first."""

    base = ""

    def login(self) -> httpx.Request | None:
        return httpx.Request("POST", f"{self.base}/token")

    def read_token(self, response: httpx.Response) -> SecretStr | Answer:
        return read_bearer(response)

    def build(self, call: Call, people: object) -> httpx.Request:
        return httpx.Request("POST", f"{self.base}/people", json=[])


@pytest.mark.parametrize(("questions", "sent"), [(0, 0), (1, 0), (2, 1), (3, 2)])
async def test_nothing_leaves_once_it_is_over(vendor, questions: int, sent: int) -> None:
    """Asked before the connection is made, and before each first byte: of the request for a token, and of that for
    people, which goes over the same connection."""
    lapsing = Lapsing(questions)
    base = await vendor(lapsing)
    adapter = type("Here", (LocalAdapter,), {"base": base})(
        classifying=lambda call, people, response: [APPLIED] * len(people)
    )
    transport = Transport(timeout_s=5.0)
    credentials = Credentials(fakeredis.FakeAsyncRedis(), MasterKeys.parse(generate_master_key()))
    exchange = Exchange(adapter, transport, credentials, StubPermits())
    try:
        asked = sending_until(lapsing, exchange.ask(CALL, [person(1)]))
        if sent < 2:
            with pytest.raises(NotNowError):
                await asked
        else:
            assert await asked == [APPLIED]
    finally:
        await transport.aclose()
    assert lapsing.sent_after == 0
    assert lapsing.sent_before == sent


async def test_tasks_that_are_started_meanwhile_are_bound_too_and_nobody_else_is() -> None:
    async def try_to_send() -> bool:
        try:
            refuse_when_over()
        except NotNowError:
            return False
        return True

    async def start_others() -> list[bool]:
        return list(await asyncio.gather(*(try_to_send() for _ in range(3))))

    assert await sending_until(lambda: True, start_others()) == [False] * 3
    assert await sending_until(lambda: False, start_others()) == [True] * 3
    assert await start_others() == [True] * 3


async def test_a_connection_that_took_too_long_carries_nothing(vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    lapsing = Lapsing(100)
    base = await vendor(lapsing)
    transport = Transport(timeout_s=5.0)
    real = wire.Connection.open

    async def frozen_while_connecting(*where: object) -> wire.Connection:
        connection = await real(*where)
        lapsing.over = True
        return connection

    monkeypatch.setattr(wire.Connection, "open", frozen_while_connecting)
    with pytest.raises(NotNowError):
        await sending_until(lapsing, transport.send(httpx.Request("POST", f"{base}/people", json=[1])))
    await transport.aclose()
    assert (lapsing.sent_before, lapsing.sent_after) == (0, 0)


@pytest.mark.parametrize("questions", [0, 1])
async def test_receivers_are_told_nothing_either(vendor, questions: int) -> None:
    lapsing = Lapsing(questions)
    base = await vendor(lapsing)
    tell = Callbacks(Rules(loopback=True)).tell(f"{base}/hook", Letter({}, b"{}"))
    if questions:
        assert (await sending_until(lapsing, tell)).answer == 200
    else:
        with pytest.raises(NotNowError):
            await sending_until(lapsing, tell)
    assert (lapsing.sent_before, lapsing.sent_after) == (questions, 0)


FROZEN = """
import asyncio, sys
import httpx
from adapters.clock import monotonic
from adapters.contract import Call, NotNowError, Order
from adapters.exchange import Exchange
from adapters.transport import Transport
from domain.requests import Kind
from tests.stubs import StubAdapter, StubPermits, person
from adapters.sending import sending_until

class Adapter(StubAdapter):
    def build(self, call, people):
        return httpx.Request("POST", sys.argv[1], json=[])

class Waits(StubPermits):
    since = float("inf")

    async def take(self, rate):
        self.since = monotonic()
        print("waits", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        return await super().take(rate)

async def main():
    permits = Waits()
    exchange = Exchange(Adapter(), Transport(5.0), None, permits)
    over = lambda: monotonic() - permits.since > 1.0
    try:
        await sending_until(over, exchange.ask(Call(Order(Kind.ERASURE), "first"), [person(1)]))
    except NotNowError:
        print("not now", flush=True)

asyncio.run(main())
"""


async def test_a_process_that_was_stopped_while_it_waited_for_a_permit_sends_nothing(vendor) -> None:
    lapsing = Lapsing(100)
    base = await vendor(lapsing)
    process = subprocess.Popen(  # noqa: ASYNC220 - our own program
        [sys.executable, "-c", FROZEN, f"{base}/people"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdin
        assert process.stdout
        assert await asyncio.to_thread(process.stdout.readline) == "waits\n"
        os.kill(process.pid, signal.SIGSTOP)
        process.stdin.write("go\n")
        process.stdin.flush()
        await asyncio.sleep(1.2)  # longer than it may
        os.kill(process.pid, signal.SIGCONT)
        assert await asyncio.to_thread(process.stdout.readline) == "not now\n"
    finally:
        process.kill()
        process.wait()
    assert (lapsing.sent_before, lapsing.sent_after) == (0, 0)


def test_the_clock_counts_suspension(monkeypatch: pytest.MonkeyPatch) -> None:
    assert abs(clock.monotonic() - time.monotonic()) < 60
    asked: list[int] = []
    monkeypatch.setattr(time, "clock_gettime", lambda which: asked.append(which) or 12.0)
    clock.monotonic()
    assert asked == [time.CLOCK_BOOTTIME if sys.platform == "linux" else time.CLOCK_MONOTONIC]
