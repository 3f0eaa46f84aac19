"""The whole stack on one machine: services, migrations, workers, beat, web and Flower, kept running by one command."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import gethostname
from types import FrameType
from typing import TypeVar

from config.collector import freeze_what_exists
from config.data_folder import ForeignFolderError, check_ours
from config.flower import PASSWORD_FILE, USER
from config.log_copy import make_copy_folder
from config.master_keys import are_given
from config.settings import PREFIX, Settings
from config.signing import keep_signing_key
from config.stack import find_stack, keep_master_key, keep_producer_key, note_stack
from domain.counted import counted
from ledger.delivery.restored import TO_DO
from ledger.sealing import generate_master_key
from local.folder_lock import FolderLock
from local.postgres import Postgres
from local.prepared import prepare_ledger
from local.processes import ProcessSpec, Supervisor, stop_leftovers
from local.readiness import Keep, Say, await_redis, await_web, await_workers
from local.redis_server import Redis
from local.services import ServiceError, free_port
from local.signing_pair import keep_signing_pair
from tasks.sealed import generate_producer_key

TICK_S = 0.1
WORKERS_STOP_S = 8.0
OWNER_URL = f"{PREFIX}DATABASE_OWNER_URL"
"""Of no process that serves: this one migrates."""
ServiceT = TypeVar("ServiceT", Postgres, Redis)


@dataclass(frozen=True)
class Plan:
    """What to run."""

    settings: Settings
    workers: int
    flower: bool = True
    web: bool = False


def stop_event() -> threading.Event:
    """From now on SIGTERM and Ctrl-C set this, and do nothing else."""
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    return stopping


def run(
    plan: Plan,
    say: Say,
    stopping: threading.Event,
    once_ready: Callable[[], None] = lambda: None,
    each_time: Callable[[], None] = lambda: None,
) -> None:
    """Run the stack until `stopping` is set (`stop_event`), then stop it in order. `each_time`: called about ten times
    a second, once the stack is ready.

    Raises local.services.ServiceError, local.folder_lock.FolderInUseError, config.stack.NoStackError,
    ledger.failures.LedgerError, config.settings.SettingsError, and ledger.sealing.UnsealError for the master keys of
    another ledger.
    """
    with running(plan, say, forks=True) as keep:
        once_ready()
        while not stopping.wait(TICK_S):
            keep()
            each_time()
        say("stopping")


@contextmanager
def running(plan: Plan, say: Say, *, forks: bool = False) -> Iterator[Keep]:
    """A running stack, stopped on exit. `forks`: fork its Python processes from this one, so that they share what is
    loaded here; for a process without other threads. Raises as `run` does."""
    settings = plan.settings
    data_dir = settings.data_dir.absolute()
    try:
        check_ours(data_dir)
    except ForeignFolderError as error:
        raise ServiceError(str(error)) from None
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as stack:
        lock = FolderLock(data_dir / "up.lock", "A stack")
        lock.acquire()
        stack.callback(lock.release)
        for name in stop_leftovers(data_dir):
            say(f"ended what an earlier run left behind: {name}")
        services = _start_services(settings, data_dir, stack, say)
        found = find_stack(settings)
        await_redis(found, say)
        prepared = prepare_ledger(settings, found)
        if forks:
            _load_for_all()
        supervisor = Supervisor(data_dir, forks=forks)
        workers = [f"worker-{number}" for number in range(1, plan.workers + 1)]
        stack.callback(lambda: supervisor.stop(["web", "take-in", "beat", "flower"], workers, within=WORKERS_STOP_S))
        web_port = _web_port(settings) if plan.web else None
        for spec in _processes(plan, workers, web_port, _environment(settings, data_dir)):
            supervisor.start(spec)

        def keep() -> None:
            for service in services:
                if not service.is_running:
                    say(f"{service.title} ended; starting it again")
                    service.start()
            for death in supervisor.tick():
                say(f"{death.name} ended (code {death.returncode}); starting it again")

        await_workers(found, plan.workers, keep)
        web = ""
        if web_port is not None:
            await_web(web_port, keep)
            web = f"; console and API on http://127.0.0.1:{web_port}"
        flower = f"; flower on {_flower(settings, data_dir)}" if plan.flower else ""
        vendors = ", ".join(settings.adapters()) or "none switched on"
        if plan.web and not prepared.has_users:
            say("nobody can sign in to the console yet; the first user: consent user add NAME --role admin")
        if prepared.is_restored:
            say(f"this ledger was restored from a backup, and every vendor is held: {TO_DO}")
        for name in prepared.lacking:
            say(f"{name} is on and has no credentials here: its deliveries wait for others, see `consent vendor off`")
        say(f"ready: {counted(plan.workers, 'worker')}; vendors: {vendors}{web}{flower}; state in {data_dir}")
        yield keep


def _start_services(settings: Settings, data_dir: Path, stack: ExitStack, say: Say) -> list[Postgres | Redis]:
    """Start the embedded services that the settings do not replace, and record their addresses."""
    services: list[Postgres | Redis] = []
    urls = {"database_url": settings.database_url or "", "redis_url": settings.redis_url or ""}
    if settings.database_url is None:
        postgres = stack.enter_context(_announced(Postgres(data_dir), say))
        urls |= {"database_url": postgres.app_url, "database_owner_url": postgres.url}
        services.append(postgres)
    if settings.redis_url is None:
        redis = Redis(data_dir)
        urls["redis_url"] = stack.enter_context(_announced(redis, say)).url
        services.append(redis)
    if not are_given(settings):
        keep_master_key(data_dir, generate_master_key())
    if settings.producer_keys is None:
        keep_producer_key(data_dir, generate_producer_key())
    keep_signing_pair(settings.opendsr, data_dir)
    keep_signing_key(settings)
    make_copy_folder(settings)
    note_stack(data_dir, **urls, redis_ca=settings.redis_ca)
    return services


@contextmanager
def _announced(service: ServiceT, say: Say) -> Iterator[ServiceT]:
    began = time.monotonic()
    with service:
        say(f"{service.title} answers after {time.monotonic() - began:.1f} s")
        yield service


def _environment(settings: Settings, data_dir: Path) -> dict[str, str]:
    # Two arenas: with one for each of a worker's threads, malloc keeps tens of MB.
    ours = {"CONSENT_DATA_DIR": str(data_dir), "PYTHONUNBUFFERED": "1"}
    others = {name: value for name, value in os.environ.items() if name.upper() != OWNER_URL}
    return {"MALLOC_ARENA_MAX": "2", **others, **ours}


def _processes(plan: Plan, workers: list[str], web_port: int | None, env: Mapping[str, str]) -> Iterator[ProcessSpec]:
    start = [sys.executable, "-m", "worker.start"]
    for name in workers:
        yield ProcessSpec(name, [*start, "worker", f"{name}@{gethostname()}"], env)
    yield ProcessSpec("beat", [*start, "beat"], env)
    yield ProcessSpec("take-in", [sys.executable, "-m", "cli", "take-in"], env)
    if web_port is not None:
        yield ProcessSpec("web", [sys.executable, "-m", "cli", "web", "--port", str(web_port)], env)
    if plan.flower:
        yield ProcessSpec("flower", [*start, "flower"], env)


def _flower(settings: Settings, data_dir: Path) -> str:
    """Where it is, and how to get in."""
    below = settings.flower_prefix.strip("/")
    whose = "" if settings.flower_basic_auth else f" (user {USER}, password in {data_dir / PASSWORD_FILE})"
    return f"http://127.0.0.1:{settings.flower_port}/{below}{whose}"


def _load_for_all() -> None:
    import local.loaded  # noqa: F401, PLC0415 - a stack that does not fork needs nothing of it

    freeze_what_exists()


def _web_port(settings: Settings) -> int:
    """The port in the settings, or any free one for 0. Raises ServiceError where it is taken."""
    port = free_port(settings.web_port or None)
    if settings.web_port not in (0, port):
        taken = f"port {settings.web_port} is taken by another program"
        raise ServiceError(f"{taken}: set CONSENT_WEB_PORT to another one (0: any), or use --no-web")
    return port
