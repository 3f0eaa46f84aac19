"""A worker process's routes to its vendors: how each is sent to, and how much at once."""

from collections.abc import Mapping

from redis.asyncio import Redis

from adapters.contract import Adapter
from adapters.credentials import Credentials
from adapters.egress import Egress
from adapters.exchange import Exchange
from adapters.rates import buckets_of
from adapters.transport import Transport
from ledger.sealing import MasterKeys
from tasks.slots import FairSlots
from tasks.toolbox import Route
from worker.congestion import Congestion
from worker.throttle import LONGEST_WAIT_S, Lane, Lanes


def open_routes(
    adapters: Mapping[str, Adapter], redis: Redis, masters: MasterKeys, egress: Egress, lease_s: float
) -> dict[str, Route]:
    """A route for each of these adapters, by name."""
    credentials = Credentials(redis, masters)
    routes = {}
    for name, adapter in adapters.items():
        transport = Transport(adapter.settings.timeout_s, egress)
        lanes = Lanes.open(redis, name, buckets_of(adapter), min(LONGEST_WAIT_S, lease_s / 2))
        slots = {bucket: _slots(adapter, lane) for bucket, lane in lanes.by_bucket.items()}
        congestion = Congestion(adapter.settings.concurrency, slots[""].resize)
        exchange = Exchange(adapter, transport, credentials, lanes, congestion.answered, egress)
        routes[name] = Route(adapter, exchange, slots.pop(""), slots)
    return routes


def _slots(adapter: Adapter, lane: Lane) -> FairSlots:
    """Slots for calls of one bucket. Calls that wait for permits of another bucket take none of them."""
    slots = FairSlots(adapter.settings.concurrency, lane.crowded)
    lane.on_less = slots.hand_on
    return slots
