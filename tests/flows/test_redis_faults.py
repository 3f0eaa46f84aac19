"""A worker and beat survive every fault of Redis, and continue when it is over."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from celery import Celery, beat, signals
from celery.worker import WorkController, state
from kombu.exceptions import OperationalError

from tasks import broker, redis_connections
from tasks.broker import Amqp, Transport
from tasks.redis_connections import broker_settings
from tasks.sending import sender
from tests.redis_servers import Proxy, Server, redis_server

WITHIN_S = 60.0
TICK = "test.tick"
OURS = (
    signals.worker_init,
    signals.worker_ready,
    signals.beat_init,
    signals.celeryd_after_setup,
    signals.worker_shutting_down,
    signals.worker_shutdown,
)


def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """As ever, but for how long is waited for Redis, so that a test need not; and nothing of another test's app."""
    for name in ("CONNECT_S", "ANSWER_S", "HEALTH_S"):
        monkeypatch.setattr(redis_connections, name, 1.0)
    monkeypatch.setattr(broker, "PAUSES", {"interval_start": 0.1, "interval_step": 0.2, "interval_max": 0.5})
    for signal in OURS:
        monkeypatch.setattr(signal, "receivers", [])


@dataclass
class Pair:
    """A worker and a beat, with all of their machinery, in threads of this process."""

    worker: WorkController
    beat: beat.Service
    threads: list[threading.Thread]
    taken: list[float]
    """When the worker took up a message."""

    def check_alive(self) -> None:
        """Neither has ended."""
        assert [thread.name for thread in self.threads if not thread.is_alive()] == []

    def works(self, app: Celery) -> bool:
        """Whether beat's messages are processed, and the worker answers."""
        self.check_alive()
        before = len(self.taken)
        try:
            answered = app.control.ping(timeout=1.0, limit=1)
        except (OperationalError, *Transport.connection_errors):
            return False
        return bool(answered) and len(self.taken) > before


@contextmanager
def pair(url: str) -> Iterator[Pair]:
    app = Celery("consent", amqp=Amqp, set_as_current=False)
    taken: list[float] = []
    app.conf.update(
        **broker_settings(url, must_write=True),
        task_ignore_result=True,
        task_acks_late=True,
        task_default_queue="consent.control",
        worker_enable_remote_control=True,
        beat_schedule={"tick": {"task": TICK, "schedule": 0.1}},
    )

    @app.task(name=TICK)
    def tick() -> None:
        taken.append(time.monotonic())

    app.finalize()
    options = {"without_gossip": True, "without_mingle": True, "task_events": True, "send_task_events": True}
    worker = WorkController(app=app, hostname="w@test", pool="threads", concurrency=4, **options)
    service = beat.Service(app, max_interval=0.1, scheduler_cls="celery.beat:Scheduler")
    threads = [threading.Thread(target=one.start, name=type(one).__name__, daemon=True) for one in (worker, service)]
    for thread in threads:
        thread.start()
    try:
        yield Pair(worker, service, threads, taken)
    finally:
        state.should_stop = 0
        service.stop()
        for thread in threads:
            thread.join(30)
        state.should_stop = None


def role_change(server: Server, proxy: Proxy) -> Callable[[], object]:
    server.client().replicaof("127.0.0.1", "1")
    return lambda: server.client().replicaof("NO", "ONE")


def maxmemory(server: Server, proxy: Proxy) -> Callable[[], object]:
    server.client().config_set("maxmemory", "1")
    return lambda: server.client().config_set("maxmemory", "0")


def rights(*taken: str, given: tuple[str, ...]) -> Callable[[Server, Proxy], Callable[[], object]]:
    def befall(server: Server, proxy: Proxy) -> Callable[[], object]:
        server.client().execute_command("ACL", "SETUSER", "worker", *taken)
        server.client().execute_command("CLIENT", "KILL", "USER", "worker")
        return lambda: server.client().execute_command("ACL", "SETUSER", "worker", *given)

    return befall


def another_type(server: Server, proxy: Proxy) -> Callable[[], object]:
    """Somebody has put something else where Kombu keeps what is under way."""
    server.client().delete("unacked")
    server.client().set("unacked", "junk")
    return lambda: server.client().delete("unacked")


def gone(server: Server, proxy: Proxy) -> Callable[[], object]:
    server.stop()
    return lambda: (server.start(), give_rights(server))


def silence(server: Server, proxy: Proxy) -> Callable[[], object]:
    proxy.swallow()
    return proxy.mend


def give_rights(server: Server) -> None:
    server.client().execute_command("ACL", "SETUSER", "worker", "on", ">pw", "allkeys", "allchannels", "+@all")


FAULTS = {
    "role change": role_change,
    "maxmemory": maxmemory,
    "no write": rights("-@write", given=("+@all",)),
    "no channels": rights("resetchannels", given=("allchannels",)),
    "no keys": rights("resetkeys", given=("allkeys",)),
    "another password": rights("resetpass", ">another", given=(">pw",)),
    "another type": another_type,
    "gone": gone,
    "silence": silence,
}


@pytest.mark.timeout(280)
def test_worker_and_beat_live_through_whatever_befalls_redis(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    with ExitStack() as stack:
        server = stack.enter_context(redis_server(tmp_path))
        give_rights(server)
        proxy = stack.enter_context(Proxy(server.port))
        both = stack.enter_context(pair(f"redis://worker:pw@127.0.0.1:{proxy.port}/0"))
        app = stack.enter_context(sender(server.url))
        until(lambda: both.works(app), "the worker did not begin")
        for name, befall in FAULTS.items():
            end = befall(server, proxy)
            until(lambda: at_rest(both), f"it goes on in spite of: {name}")
            end()
            until(lambda: both.works(app), f"it does not go on after: {name}")
            both.check_alive()


def at_rest(both: Pair) -> bool:
    """Whether nothing was processed for some ticks, so that the fault has arrived."""
    both.check_alive()
    return time.monotonic() - both.taken[-1] > 0.5
