"""Tokens that end, are renewed, and say where the API is."""

import asyncio
import logging

import fakeredis
import httpx
import pytest

from adapters.contract import Call, Order, Token, UnreadableError, Verdict
from adapters.examine import examine
from adapters.exchange import Exchange
from adapters.proving import with_token
from adapters.reading import read_base_url
from domain.outcomes import Reason
from domain.requests import Kind
from ledger.sealing import MasterKeys, generate_master_key
from tests.made_up.tokens import LOGIN, TokenServer, TokenVendor
from tests.made_up.vendor import BASE_URL, Wire, any_credentials, exchange_with
from tests.stubs import person
from tests.table_rows import each_row

CALL = Call(Order(Kind.ERASURE), "first")


ENDED_S = 0.002
"""After so long a token of no life has ended in every process: Redis keeps nothing for less than a millisecond."""


async def verdicts(exchange: Exchange, *, calls: int = 1) -> list[Verdict]:
    found = []
    for _ in range(calls):
        found.append((await exchange.ask(CALL, [person(1)]))[0].verdict)
        await asyncio.sleep(ENDED_S)
    return found


async def test_a_request_goes_to_the_address_that_came_with_its_token() -> None:
    exchange = exchange_with(TokenVendor(), TokenServer())
    assert await verdicts(exchange, calls=2) == [Verdict.APPLIED] * 2
    sent = exchange.transport.sent
    assert [str(request.url) for request in sent] == [LOGIN, *["https://eu7.madeup.example/api/v9/erase?dry=a%2Fb"] * 2]
    assert sent[1].content == b'{"keys":["u-1"]}'
    assert sent[1].headers.get_list("host") == ["eu7.madeup.example"]


async def test_a_token_that_ends_is_renewed_and_nobody_logs_in_again() -> None:
    server = TokenServer(life_s=0.0001)  # every call finds its token ended
    exchange = exchange_with(TokenVendor(), server)
    assert await verdicts(exchange, calls=3) == [Verdict.APPLIED] * 3
    assert server.logins == 1
    assert server.renewals == ["refresh-1", "refresh-2"]


async def test_a_refresh_token_that_stays_is_used_again() -> None:
    server = TokenServer(life_s=0.0001, rotates=False)
    exchange = exchange_with(TokenVendor(), server)
    assert await verdicts(exchange, calls=3) == [Verdict.APPLIED] * 3
    assert server.renewals == ["refresh-1", "refresh-1"]


async def test_where_a_token_is_not_renewed_we_log_in(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server = TokenServer(life_s=0.0001, renews=False)
    assert await verdicts(exchange_with(TokenVendor(), server), calls=2) == [Verdict.APPLIED] * 2
    assert server.logins == 2
    assert "refresh-1" not in caplog.text


async def test_a_token_that_is_refused_is_renewed_and_the_call_repeated() -> None:
    server = TokenServer()
    exchange = exchange_with(TokenVendor(), server)
    await verdicts(exchange)
    server.good.clear()
    server.instance_url = "https://us2.madeup.example"  # the account has moved meanwhile
    assert await verdicts(exchange) == [Verdict.APPLIED]
    assert (server.logins, server.renewals) == (1, ["refresh-1"])


async def test_processes_share_the_token_its_address_and_its_renewal() -> None:
    redis, masters, server = fakeredis.FakeServer(), MasterKeys.parse(generate_master_key()), TokenServer()
    for _ in range(3):
        exchange = exchange_with(TokenVendor(), server, credentials=any_credentials(redis, masters))
        assert await verdicts(exchange) == [Verdict.APPLIED]
    assert server.logins == 1
    server.good.clear()
    later = exchange_with(TokenVendor(), server, credentials=any_credentials(redis, masters))
    assert await verdicts(later) == [Verdict.APPLIED]
    assert (server.logins, server.renewals) == (1, ["refresh-1"])


async def test_nothing_of_a_token_is_readable_in_redis() -> None:
    redis = fakeredis.FakeServer()
    await verdicts(exchange_with(TokenVendor(), TokenServer(), credentials=any_credentials(redis)))
    kept = fakeredis.FakeAsyncRedis(server=redis)
    values = [await kept.get(key) for key in await kept.keys("*")]
    assert len(values) == 2
    assert not any(word in value for value in values for word in (b"token-1", b"refresh-1", b"eu7"))
    assert all([await kept.pttl(key) > 0 for key in await kept.keys("*")])


async def test_a_renewal_that_cannot_be_tried_now_is_tried_later() -> None:
    server = TokenServer(life_s=0.0001)
    exchange = exchange_with(TokenVendor(), server)
    await verdicts(exchange)
    exchange.transport.server = lambda _request: httpx.Response(429)
    (answer,) = await exchange.ask(CALL, [person(1)])
    assert (answer.verdict, answer.reason) == (Verdict.RETRY, Reason.RATE_LIMITED)
    exchange.transport.server = server
    assert await verdicts(exchange) == [Verdict.APPLIED]
    assert server.logins == 1


async def test_a_harmless_call_goes_to_that_address_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Probing(TokenVendor):
        vouches_for = frozenset({"first"})

        def probe(self) -> httpx.Request:
            return httpx.Request("GET", f"{self.settings.base_url}/me")

        def read_probe(self, response: httpx.Response) -> object:
            return self.classify(CALL, [person(1)], response)[0]

    wire = Wire(TokenServer())
    monkeypatch.setattr("adapters.examine.Transport", lambda **_: wire)
    found = await examine(Probing())
    assert found is not None
    assert found.verdict is Verdict.APPLIED
    assert str(wire.sent[-1].url) == "https://eu7.madeup.example/api/v9/me"


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("https://eu7.madeup.example/api/", "https://eu7.madeup.example/api"),
        ("https://madeup.example", "https://madeup.example"),
        ("https://api.elsewhere.example/v2", "https://api.elsewhere.example/v2"),  # the host of the settings
    ],
)
def test_where_a_token_may_lead(told: str, found: str) -> None:
    assert read_base_url(told, "https://api.elsewhere.example/v1", within="madeup.example") == found


@each_row(
    "told",
    [
        *(None, 7, "", "x", [], {}, "https://", "http://eu7.madeup.example", "ftp://eu7.madeup.example"),
        *("https://evilmadeup.example", "https://madeup.example.evil.example", "https://10.0.0.1", "https://127.0.0.1"),
        *("https://u:p@eu7.madeup.example", "https://eu7.madeup.example?x=1", "https://eu7.madeup.example#x"),
        *("https://evil.example/eu7.madeup.example", "https://evil.example\\@eu7.madeup.example", "//madeup.example"),
    ],
)
def test_where_a_token_may_not_lead(told: object) -> None:
    with pytest.raises(UnreadableError):
        read_base_url(told, "https://api.elsewhere.example/v1", within="madeup.example")


@pytest.mark.parametrize(
    ("base_url", "address", "sent_to"),
    [
        ("https://eu7.madeup.example", "/people/a%2Fb?x=%26", "https://eu7.madeup.example/people/a%2Fb?x=%26"),
        ("https://eu7.madeup.example:8443/x", "/p", "https://eu7.madeup.example:8443/x/p"),
        ("", "/p", f"{BASE_URL}/p"),
    ],
)
def test_a_request_keeps_all_but_its_address(base_url: str, address: str, sent_to: str) -> None:
    request = httpx.Request("PUT", BASE_URL + address, headers=[("X-A", "1"), ("X-A", "2")], content=b"body")
    moved = with_token(request, Token("t0k", base_url=base_url), BASE_URL)
    assert str(moved.url) == sent_to
    assert (moved.method, moved.content, moved.headers.get_list("x-a")) == ("PUT", b"body", ["1", "2"])
    assert moved.headers["authorization"] == "Bearer t0k"
    assert moved.headers["content-length"] == "4"
    assert moved.headers.get_list("host") == [moved.url.netloc.decode()]


def test_a_request_for_somewhere_else_stays() -> None:
    request = httpx.Request("GET", "https://status.madeup.example/v1/x")
    moved = with_token(request, Token("t0k", base_url="https://eu7.madeup.example"), BASE_URL)
    assert str(moved.url) == "https://status.madeup.example/v1/x"


def test_a_token_shows_nothing() -> None:
    token = Token("t0k-secret", 5.0, renewal=None, base_url="https://eu7.madeup.example")
    assert "t0k" not in f"{token!r}{token}"
