"""A worker takes what others leave."""

import os
import subprocess
import sys

from worker.priority import AUTOGROUP, NICENESS

GIVE_WAY = """
import os, threading
from worker.priority import AUTOGROUP, give_way
give_way()
later = []
thread = threading.Thread(target=lambda: later.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id())))
thread.start()
thread.join()
print(later[0], AUTOGROUP.read_text().split()[-1] if AUTOGROUP.exists() else "none")
"""


def lowered(*, own_session: bool) -> list[str]:
    argv = [sys.executable, "-c", GIVE_WAY]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, start_new_session=own_session)
    return done.stdout.split()


def test_its_threads_and_its_session_are_lowered() -> None:
    niceness = str(os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
    assert lowered(own_session=True) == [niceness, niceness if AUTOGROUP.exists() else "none"]


def test_a_session_of_others_is_left_alone() -> None:
    niceness = str(os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
    before = AUTOGROUP.read_text().split()[-1] if AUTOGROUP.exists() else "none"
    assert lowered(own_session=False) == [niceness, before]
