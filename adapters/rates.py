"""Which of a vendor's limits a request counts against, for vendors with one limit or several."""

from functools import cache
from typing import TypeGuard

import httpx

from adapters.contract import Adapter, Call, Meters, Order, Rate

ONE_OF_ALL = Rate()


def buckets_of(adapter: Adapter) -> dict[str, float]:
    """Every limit of the vendor in units a minute, minus the share reserved for others who use the account."""
    settings = adapter.settings
    ours = settings.allowance / settings.requests_per_minute
    others = adapter.buckets() if _meters(adapter) else {}
    return {"": settings.allowance, **{bucket: limit * ours for bucket, limit in others.items()}}


def rate_of(adapter: Adapter, call: Call | None) -> Rate:
    """The bucket and the units of one request of this call. None stands for a login or a probe."""
    return adapter.rate(call) if _meters(adapter) else ONE_OF_ALL


def slowest_bucket(adapter: Adapter, order: Order, begin: str) -> str:
    """The first separate limit that an order beginning with this step meets; "" where it meets none. Its people take
    slots of that bucket only, because they may wait there."""
    steps = [begin, *sorted(adapter.steps(order))]
    return next((bucket for step in steps if (bucket := rate_of(adapter, Call(order, step)).bucket)), "")


def cost_of(adapter: Adapter, call: Call | None, response: httpx.Response) -> float | None:
    """How many units a request has cost by the vendor's answer; None where it does not say."""
    return adapter.cost(call, response) if call is not None and _meters(adapter) else None


def _meters(adapter: Adapter) -> TypeGuard[Meters]:
    return _kind_meters(type(adapter))


@cache
def _kind_meters(kind: type) -> bool:
    # Once a class: checking a protocol costs a tenth of a whole call.
    return issubclass(kind, Meters)
