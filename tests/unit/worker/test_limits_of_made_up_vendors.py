"""A call with a limit of its own waits by itself; the vendor's other calls continue."""

import fakeredis
import httpx
import pytest

from adapters.contract import Call, NotNowError, Order, Verdict
from adapters.rates import buckets_of
from domain.outcomes import Reason
from domain.requests import Kind
from tests.made_up.limits import BULK, MeteredVendor
from tests.made_up.vendor import exchange_with
from tests.stubs import person
from worker.throttle import Lanes

FIRST, ALL_AT_ONCE = Call(Order(Kind.ERASURE), "first"), Call(Order(Kind.ERASURE), BULK)


def lanes() -> Lanes:
    return Lanes.open(fakeredis.FakeAsyncRedis(), "insider", buckets_of(MeteredVendor()))


async def test_a_step_that_is_over_its_limit_holds_up_no_other() -> None:
    exchange = exchange_with(MeteredVendor(), lambda _request: httpx.Response(200), permits=lanes())
    with pytest.raises(NotNowError):  # three a minute: its turn is longer off than anybody waits in place
        await exchange.ask(ALL_AT_ONCE, [person(1)])
    (answer,) = await exchange.ask(FIRST, [person(1)])
    assert answer.verdict is Verdict.APPLIED
    assert exchange.transport.paths == ["/v1/first"]


async def test_too_many_at_one_step_pauses_that_step_alone() -> None:
    permits = lanes()
    exchange = exchange_with(MeteredVendor(), lambda _request: httpx.Response(429), permits=permits)
    (answer,) = await exchange.ask(FIRST, [person(1)])
    assert answer.reason is Reason.RATE_LIMITED
    assert [lane.vendor for lane in permits.by_bucket.values() if lane._pauses] == ["insider"]
