"""The loopback vendor in benchmarks: started, asked what arrived, slowed down, ended."""

import os
import subprocess
import sys
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import psutil

ANSWER_S = 10.0


@dataclass(frozen=True)
class Loopback:
    """A running loopback vendor."""

    port: int
    pid: int

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def reset(self, *, latency_s: float = 0.0) -> None:
        """Forget what arrived; from now on answer after `latency_s`."""
        httpx.get(f"{self.address}/bench/reset", params={"latency_s": latency_s}, timeout=ANSWER_S).raise_for_status()

    def moments(self) -> list[float]:
        """When each request since the last reset arrived, in seconds of time.monotonic()."""
        answer = httpx.get(f"{self.address}/bench/moments", timeout=ANSWER_S)
        answer.raise_for_status()
        return array("d", answer.content).tolist()

    def cpu_s(self) -> float:
        """CPU time it took so far."""
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)

    def environment(self) -> dict[str, str]:
        """Settings that switch our adapters on against this vendor, with limits that do not bind."""
        of_each = {
            "INSIDER": ("", {"PARTNER_NAME": "bench", "REQUEST_TOKEN": "bench"}),
            "DFINERY": ("/api/v1", {"API_TOKEN": "bench"}),
            "ALGONOMY": ("/profile-command/v1", {"CLIENT_ID": "bench", "CLIENT_SECRET": "bench"}),
        }
        shared = {"REQUESTS_PER_MINUTE": "6000000"}
        # Small requests go the way of large ones: lookups are measured separately.
        of_each["INSIDER"][1].update(PROFILE_UNITS_PER_MINUTE="15000000", LOOK_FIRST_UP_TO="0")
        return {
            f"CONSENT_{vendor}__{name}": value
            for vendor, (path, credentials) in of_each.items()
            for name, value in {"BASE_URL": self.address + path, **credentials, **shared}.items()
        }


def cores_for(cores: set[int]) -> tuple[int, set[int]]:
    """The vendor's core, the last one, and those of everybody else: the others where there are at least two more, else
    all."""
    core = max(cores)
    return core, cores - {core} if len(cores) > 2 else cores


@contextmanager
def loopback() -> Iterator[Loopback]:
    """A loopback vendor in a process of its own, pinned to the machine's last core.

    What is started within this keeps off that core, if the machine has enough cores.
    """
    every = os.sched_getaffinity(0)
    core, others = cores_for(every)
    argv = [sys.executable, "-m", "bench.vendor", "--core", str(core)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        os.sched_setaffinity(0, others)
        try:
            assert process.stdout is not None  # noqa: S101 - for the type checker: it was asked for
            yield Loopback(int(process.stdout.readline()), process.pid)
        finally:
            os.sched_setaffinity(0, every)
            process.terminate()
