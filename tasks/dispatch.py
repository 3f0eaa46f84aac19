"""Sending due chunks to the workers: fairly between requests, and never more than a vendor's window."""

import logging

from adapters.contract import Probes
from adapters.portions import EXPRESS, window
from ledger import chunks, vendors
from tasks.queues import BrokerError
from tasks.toolbox import Line, Toolbox

log = logging.getLogger(__name__)


def dispatch(vendor: str, tools: Toolbox) -> int:
    """Queue the due chunks of a vendor; returns how many. Running twice at once, or for nothing, is harmless."""
    line = tools.lines.get(vendor)
    if line is None:
        return 0
    if not _is_well(vendor, line, tools):
        return 0
    with tools.engine.begin() as connection:
        grace_s = min(chunks.QUEUE_GRACE_S, tools.lease_s)
        claimed = chunks.claim(connection, vendor, window(line.adapter), express=EXPRESS, grace_s=grace_s)
    try:
        tools.send_deliver(vendor, claimed)
    except BrokerError:
        # The chunks fall due again by themselves, and are dispatched when Redis is back.
        log.warning("redis is away: %d chunks for %s wait", len(claimed), vendor)
        return 0
    return len(claimed)


def _is_well(vendor: str, line: Line, tools: Toolbox) -> bool:
    """Whether chunks may go to a vendor; a harmless call is made where it is held and the time for a probe has come."""
    if not isinstance(line.adapter, Probes):
        return True  # one chunk is its probe
    with tools.engine.begin() as connection:
        if not vendors.take_probe(connection, vendor, tools.probe_after_s):
            return True
    if not tools.start(line.exchange.vouches()).result():
        return False
    with tools.engine.begin() as connection:
        vendors.probed_well(connection, vendor)
    log.info("%s is well again", vendor)
    return True
