"""Warns of requests whose statutory deadline is near."""

import logging

from domain.counted import counted, counted_deliveries
from ledger.desk import reports
from tasks.toolbox import Toolbox

log = logging.getLogger(__name__)


def warn_of_deadlines(tools: Toolbox, days: float = 7.0) -> int:
    """Log a warning for each unfinished request that is due within `days`, or overdue; returns how many."""
    with tools.engine.connect() as connection:
        pressing = reports.at_risk(connection, days)
    for one in pressing:
        log.warning(
            "request %s is due %s: %s pending, %s",
            one.request_id,
            one.due_at.date().isoformat(),
            counted_deliveries(one.pending),
            counted(one.attention, "needs attention", "need attention"),
        )
    return len(pressing)
