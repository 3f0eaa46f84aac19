"""Which of a vendor's limits a request counts against, for vendors with one limit and with several."""

from functools import cache
from typing import TypeGuard

import httpx

from adapters.contract import Adapter, Call, Meters, Order, Rate

ONE_OF_ALL = Rate()


def buckets_of(adapter: Adapter) -> dict[str, float]:
    """Every limit of the vendor in units a minute, less what is reserved for others who use the account."""
    settings = adapter.settings
    ours = settings.allowance / settings.requests_per_minute
    others = adapter.buckets() if _meters(adapter) else {}
    return {"": settings.allowance, **{bucket: limit * ours for bucket, limit in others.items()}}


def rate_of(adapter: Adapter, call: Call | None) -> Rate:
    """What one request of this call takes out of which bucket; None stands for a login or a probe."""
    return adapter.rate(call) if _meters(adapter) else ONE_OF_ALL


def slowest_bucket(adapter: Adapter, order: Order, begin: str) -> str:
    """The limit of its own that an order which begins with this step meets first; "" where it meets none. Its people
    take up places of that bucket only, since they may wait there."""
    steps = [begin, *sorted(adapter.steps(order))]
    return next((bucket for step in steps if (bucket := rate_of(adapter, Call(order, step)).bucket)), "")


def cost_of(adapter: Adapter, call: Call | None, response: httpx.Response) -> float | None:
    """How many units the vendor says that a request has cost; None where it says nothing."""
    return adapter.cost(call, response) if call is not None and _meters(adapter) else None


def _meters(adapter: Adapter) -> TypeGuard[Meters]:
    return _kind_meters(type(adapter))


@cache
def _kind_meters(kind: type) -> bool:
    # Once a class, for a look at what a protocol asks for costs a tenth of a whole call.
    return issubclass(kind, Meters)
