"""Deliver one chunk to its vendor: lease it, run what it is for, settle its request, look for what is due next."""

import logging

from adapters.clock import monotonic
from ledger.delivery import cancelling, chunks
from ledger.delivery.chunks import Lease, LeaseLostError, Purpose
from tasks.delivery import Delivery
from tasks.dispatch import dispatch
from tasks.recheck import Recheck
from tasks.run import OverdueError
from tasks.settle import settle
from tasks.toolbox import Toolbox
from tasks.verify import Verification

log = logging.getLogger(__name__)

NOT_OURS = "left alone: not queued, or another worker has it"
LEFT_TO_OTHERS_S = 30.0
"""A chunk of a vendor that this process does not serve is queued again after this, by processes that do."""


def deliver(chunk_id: int, tools: Toolbox) -> str:
    """Do a chunk's work and record it. Returns what it came to, in one line. A chunk that is no longer queued is left
    alone. One of a vendor that this process does not serve is queued again for others."""
    asked = monotonic()
    with tools.engine.begin() as connection:
        lease = chunks.lease(
            connection,
            chunk_id,
            lease_s=tools.lease_s,
            holder=tools.holder,
            masters=tools.masters,
            served=tools.routes.keys(),
        )
        if lease is None:
            chunks.leave_to_others(connection, chunk_id, tools.routes.keys(), delay_s=LEFT_TO_OTHERS_S)
            return NOT_OURS
        route = tools.routes[lease.vendor]
        run = _run_of(lease)(lease, route, tools, began=asked)
        run.read(connection)
    try:
        _see_through(run)
    except LeaseLostError:
        log.warning("chunk %d is no longer ours", chunk_id)
    if run.cancelled:
        with tools.engine.begin() as connection:
            cancelling.cancel_rest(connection, lease.request_id)
    settle(tools, lease.request_id)
    dispatch(lease.vendor, tools)
    return run.came_to()


def _run_of(lease: Lease) -> "type[Delivery | Verification]":
    if lease.purpose is Purpose.DELIVER:
        return Delivery
    return Recheck if lease.sampled else Verification


def _see_through(run: "Delivery | Verification") -> None:
    try:
        run.run()
    except OverdueError:
        run.decided = True  # it stays leased, as after a crash, and is claimed again when the lease is over
        log.error("chunk %d has not ended in time: it is left until its lease is over", run.lease.chunk_id)
    finally:
        if not run.decided:
            run.give_up()
