"""Sending due chunks to the workers: fairly between requests, and never more than a vendor's window."""

import logging

from ledger import chunks
from tasks.queues import BrokerError
from tasks.toolbox import Toolbox

log = logging.getLogger(__name__)


def dispatch(vendor: str, tools: Toolbox) -> int:
    """Queue the due chunks of a vendor; returns how many. Running twice at once, or for nothing, is harmless."""
    line = tools.lines.get(vendor)
    if line is None:
        return 0
    with tools.engine.begin() as connection:
        claimed = chunks.claim(connection, vendor, line.adapter.settings.chunks_in_flight)
    try:
        tools.send_deliver(vendor, claimed)
    except BrokerError:
        # The chunks fall due again by themselves, and are dispatched when Redis is back.
        log.warning("redis is away: %d chunks for %s wait", len(claimed), vendor)
        return 0
    return len(claimed)
