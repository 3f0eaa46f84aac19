"""CPU time by what a process is: worker, PostgreSQL, Redis, beat."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Spent:
    """CPU seconds, or figures derived from them."""

    worker: float = 0.0
    postgres: float = 0.0
    redis: float = 0.0
    other: float = 0.0
    """Beat, and whatever else was started."""

    @property
    def total(self) -> float:
        """All of it."""
        return sum(self.parts().values())

    def parts(self) -> dict[str, float]:
        """By kind of process."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def scaled(self, factor: float) -> "Spent":
        """Each part times `factor`."""
        return Spent(**{name: value * factor for name, value in self.parts().items()})

    def since(self, before: "Spent") -> "Spent":
        """What came after `before`."""
        return Spent(**{name: value - getattr(before, name) for name, value in self.parts().items()})


def spent_by_children(*, without: int) -> Spent:
    """CPU time of the processes that we have started, each with its own ended children, except for one."""
    so_far = Spent()
    for process in psutil.Process().children(recursive=True):
        if process.pid == without:
            continue
        with suppress(psutil.NoSuchProcess):
            kind = kind_of(process.name(), process.cmdline())
            so_far = replace(so_far, **{kind: getattr(so_far, kind) + sum(process.cpu_times()[:4])})
    return so_far


def spent_with(backend: int) -> float:
    """CPU seconds of this process and of a PostgreSQL backend, each counted by the kernel to the nanosecond."""
    told = Path(f"/proc/{backend}/schedstat").read_text(encoding="ascii")
    return time.process_time() + int(told.split()[0]) / 1e9


def kind_of(name: str, command: list[str]) -> str:
    """Which part of `Spent` a process belongs to."""
    if name == "postgres":
        return "postgres"
    if name.startswith(("redis", "valkey")):
        return "redis"
    return "worker" if "worker" in command else "other"


def family(pid: int) -> list[int]:
    """A process and all that it started."""
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


@contextmanager
def frozen(pids: list[int]) -> Iterator[None]:
    """Stop these processes for a while, so that they take no CPU time."""
    processes = [psutil.Process(pid) for pid in pids]
    try:
        for process in processes:
            process.suspend()
        yield
    finally:
        for process in processes:
            with suppress(psutil.NoSuchProcess):  # one that died must not leave the others stopped
                process.resume()
