"""The sandbox as a process: started again on its port where it has ended."""

from pathlib import Path

import psutil

from local.sandbox import sandbox


def test_one_that_has_ended_is_started_again_where_it_was(tmp_path: Path) -> None:
    with sandbox(tmp_path, faults="none", seed=1) as vendors:
        vendors.seed([{"user_id": "u-1"}])
        assert not vendors.restart()
        (process,) = (
            one for one in psutil.Process().children() if f"--ready-file={tmp_path}/sandbox.port" in one.cmdline()
        )
        process.kill()
        psutil.wait_procs([process])
        assert vendors.restart()
        assert vendors.facts() == []  # what it held is gone
        vendors.seed([{"user_id": "u-1"}])
        assert vendors.facts() != []
        assert not vendors.restart()
