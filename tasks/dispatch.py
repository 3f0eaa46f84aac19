"""Send due chunks to the workers: fairly between requests, and within a vendor's window."""

import logging

from adapters.contract import Adapter, LooksFirst, Order, Probes
from adapters.portions import EXPRESS, window
from domain.requests import Kind
from ledger.delivery import switching, vendors
from ledger.delivery.claiming import QUEUE_GRACE_S, SMALL, Claimed, claim
from tasks.queues import BrokerError
from tasks.toolbox import Route, Toolbox

log = logging.getLogger(__name__)


def dispatch(vendor: str, tools: Toolbox) -> int:
    """Queue a vendor's due chunks; returns how many. Safe to run twice, or for nothing."""
    route = tools.routes.get(vendor)
    if route is None:
        _leave_to_others(vendor, tools)
        return 0
    claimed = _claim(vendor, route, tools)
    if not claimed and _is_well_again(vendor, route, tools):
        claimed = _claim(vendor, route, tools)
    try:
        tools.send_deliver(vendor, claimed)
    except BrokerError:
        # The chunks fall due again, and are dispatched when Redis is back.
        log.warning("redis is away: %d chunks for %s wait", len(claimed), vendor)
        return 0
    return len(claimed)


def _leave_to_others(vendor: str, tools: Toolbox) -> None:
    """Ask a process that serves this vendor to look for its chunks, where there is one. Nobody else reads its queue."""
    with tools.engine.connect() as connection:
        served = switching.is_served(connection, vendor)
    if served:
        tools.hand_over(vendor)


def _claim(vendor: str, route: Route, tools: Toolbox) -> list[Claimed]:
    with tools.engine.begin() as connection:
        return claim(
            connection,
            vendor,
            window(route.adapter),
            express=EXPRESS,
            grace_s=min(QUEUE_GRACE_S, tools.lease_s),
            held_too=not isinstance(route.adapter, Probes),  # without a harmless call, one chunk is the probe
            needs=_needs(route.adapter),
            small_people=_small_people(route.adapter),
        )


def _needs(adapter: Adapter) -> dict[str, frozenset[str]]:
    """The steps that each size of request takes: a small one may look up people first."""
    large = {kind.value: adapter.steps(Order(kind)) for kind in Kind}
    return large | {kind.value + SMALL: adapter.steps(Order(kind, people=1)) for kind in Kind}


def _small_people(adapter: Adapter) -> int:
    """Up to how many people a request takes the steps of a small one."""
    return adapter.looks_up_to if isinstance(adapter, LooksFirst) else 0


def _is_well_again(vendor: str, route: Route, tools: Toolbox) -> bool:
    """Whether a probe has lifted a hold just now. The call is made when the next probe is due."""
    if not isinstance(route.adapter, Probes):
        return False
    with tools.engine.begin() as connection:
        if not vendors.take_probe(connection, vendor, tools.probe_after_s):
            return False
    if not tools.start(route.exchange.vouches()).result():
        return False
    with tools.engine.begin() as connection:
        vendors.probed_well(connection, vendor)
    log.info("%s is well again", vendor)
    return True
