"""A signature is made when the request has its right to go out, not before."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from adapters.contract import Call, NotNowError, Order, Verdict
from adapters.examine import examine
from adapters.exchange import OurFaultError
from domain.requests import Kind
from tests.made_up.signatures import SignatureServer, SigningVendor
from tests.made_up.vendor import Wire, exchange_with
from tests.stubs import StubPermits, person

CALL = Call(Order(Kind.OPT_OUT), "first")


class LatePermits(StubPermits):
    """What was signed before a permit was granted is too old by then."""

    server: SignatureServer

    async def take(self, rate: Any) -> float:
        self.server.not_before = datetime.now(UTC)
        return await super().take(rate)


async def test_what_waited_for_its_permit_is_signed_afterwards() -> None:
    server, permits = SignatureServer(), LatePermits()
    permits.server = server
    exchange = exchange_with(SigningVendor(), server, permits=permits)
    for _ in range(3):
        (answer, _) = await exchange.ask(CALL, [person(1), person(2)])
        assert answer.verdict is Verdict.APPLIED
    assert exchange.transport.sent[0].content == b"id=u-1&id=u-2"


async def test_nothing_is_signed_that_may_not_go_out() -> None:
    adapter = SigningVendor()
    exchange = exchange_with(adapter, SignatureServer(), permits=StubPermits(raises=NotNowError(1.0)))
    with pytest.raises(NotNowError):
        await exchange.ask(CALL, [person(1)])
    assert adapter.numbers == []


async def test_a_harmless_call_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.examine.Transport", lambda **_: Wire(SignatureServer()))
    found = await examine(SigningVendor())
    assert found is not None
    assert found.verdict is Verdict.APPLIED


async def test_a_signature_that_fails_is_our_fault_and_shows_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(SigningVendor):
        def sign(self, request: httpx.Request, now: datetime) -> httpx.Request:
            raise KeyError("u-1 is personal")

    exchange = exchange_with(Broken(), SignatureServer())
    with pytest.raises(OurFaultError):
        await exchange.ask(CALL, [person(1)])
    assert "KeyError" in caplog.text
    assert "u-1" not in caplog.text
    assert exchange.transport.sent == []
