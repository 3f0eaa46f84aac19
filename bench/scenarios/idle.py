"""The cost of an idle stack: `consent up` as anybody starts it, with web and Flower."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
from redis import Redis

from bench.results import Bound, Row
from bench.stand import BenchError, Stand
from config.settings import Settings
from config.stack import find_stack
from local.services import free_port

READY_S, RESTS_AFTER_S = 60.0, 12.0
MOST_CPU_S, MOST_MB, MOST_COMMANDS = 1.5, 400, 15
BEFORE = "before beat's and the workers' clocks were mended"


@dataclass(frozen=True)
class Cost:
    """What has been spent so far, and what is held now."""

    cpu_s: float
    memory_mb: float
    commands: int


def idle(stand: Stand, *, quick: bool) -> Iterator[Row]:
    """A minute of a whole stack with services of its own."""
    seconds = 20 if quick else 60
    with _stack(stand) as (process, redis):
        time.sleep(RESTS_AFTER_S)
        before = _cost(process, redis)
        time.sleep(seconds)
        after = _cost(process, redis)
    what = "An idle stack (2 workers, beat, web, Flower, PostgreSQL, Redis)"
    cpu_s = (after.cpu_s - before.cpu_s) / seconds * 60
    commands = (after.commands - before.commands - 1) / seconds
    note = f"all processes of `consent up`, over {seconds} s"
    yield Row("idle_cpu", f"{what}: processor time a minute", "s", cpu_s, 5.4, BEFORE, _most(MOST_CPU_S), note)
    yield Row("idle_memory", f"{what}: memory", "MB", after.memory_mb, 650, BEFORE, _most(MOST_MB), "PSS")
    yield Row("idle_redis", f"{what}: Redis", "commands/s", commands, 74, BEFORE, _most(MOST_COMMANDS))


def _most(figure: float) -> Bound:
    return Bound("ours", most=figure)


@contextmanager
def _stack(stand: Stand) -> Iterator[tuple[psutil.Process, Redis]]:
    folder = stand.folder / "idle"
    folder.mkdir()
    ours: Mapping[str, str] = {
        "CONSENT_DATA_DIR": str(folder),
        "CONSENT_FLOWER_PORT": str(free_port(None)),
        "CONSENT_WEB_PORT": "0",
        **stand.vendor.environment(),
    }
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CONSENT_")}
    command = [sys.executable, "-c", "from local.main import main; main()", "up", "--workers", "2"]
    log = folder / "up.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, env={**clean, **ours}, stdout=out, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + READY_S
        while b"ready" not in log.read_bytes():
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchError("the idle stack did not start")
            time.sleep(0.1)
        with Redis.from_url(find_stack(Settings(data_dir=folder)).redis_url) as redis:
            yield psutil.Process(process.pid), redis
    finally:
        process.terminate()
        process.wait(30)


def _cost(process: psutil.Process, redis: Redis) -> Cost:
    everybody = [process, *process.children(recursive=True)]
    return Cost(
        sum(sum(one.cpu_times()[:4]) for one in everybody),
        sum(one.memory_full_info().pss for one in everybody) / 2**20,
        int(redis.info("stats")["total_commands_processed"]),
    )
