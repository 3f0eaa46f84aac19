"""Workers give way to whoever is waited for at this moment: the web process, PostgreSQL, an operator's shell."""

import os
from contextlib import suppress
from pathlib import Path

NICENESS = 10
"""A tenth of the weight of others, where there is not enough for all; alone, a worker is as fast as ever. With it,
requests to the API beside a campaign on two cores took half as long at the p99 (docs/performance.md)."""
AUTOGROUP = Path("/proc/self/autogroup")


def give_way() -> None:
    """Lower the priority of this thread and of all that are started from now on."""
    os.nice(NICENESS)
    # Linux may weigh sessions before it weighs processes, and niceness counts within one only. A session that others
    # share is not ours to lower.
    if os.getsid(0) == os.getpid():
        with suppress(OSError):
            AUTOGROUP.write_text(str(os.getpriority(os.PRIO_PROCESS, 0)))
