"""Carries out a plan's faults on a running stack: processes killed and frozen, services cut off, vendors out of
order."""

import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, cast

import psutil
import psycopg
import redis

from config.settings import Settings
from config.stack import Stack as Addresses
from config.stack import find_stack
from local.processes import spawn
from local.sandbox import Sandbox
from tasks.queues import CONTROL_QUEUE, DELIVER, DISPATCH, SUBMIT, SUBMIT_QUEUE, WakeUp, queue_of
from tests.bad_messages import random_junk
from tests.chaos.plan import VENDORS, Fault, Kind
from tests.flows.conftest import Stack
from tests.redis_servers import Proxy, Server

FULL = """
CREATE FUNCTION chaos_full() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file: no space left on device' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER chaos_full BEFORE INSERT ON outcomes FOR EACH STATEMENT EXECUTE FUNCTION chaos_full();
"""
ROOMY = """
DROP TRIGGER IF EXISTS chaos_full ON outcomes;
DROP FUNCTION IF EXISTS chaos_full();
"""
READ_ONLY = "ALTER ROLE CURRENT_USER SET default_transaction_read_only = on"
WRITABLE = "ALTER ROLE CURRENT_USER RESET default_transaction_read_only"
CUT = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE usename = current_user AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


STOP_S = 15.0
WRONG_BY_S = 3600.0
BAD_MESSAGES = 50


class StackEndedError(AssertionError):
    """`consent up` has ended without being asked to."""


@dataclass
class Acts:
    """The faults done to a stack, and those that are still to be undone."""

    stack: Stack
    vendors: Sandbox
    addresses: Addresses
    owner_url: str
    """The ledger as who migrates it: the programs cannot make its tables refuse something."""
    began: float = field(default_factory=time.monotonic)
    done: list[str] = field(default_factory=list)
    """One line a fault: when, what, and at which process or vendor. Never a person."""
    own_redis: Server | None = None
    """A Redis that the stack is given instead of its own, reached through `proxy`."""
    proxy: Proxy | None = None
    costly: int = 0
    """How many of them may have lost answers."""
    _ends: list[tuple[float, str, Callable[[], None]]] = field(default_factory=list)

    @classmethod
    def upon(cls, stack: Stack, vendors: Sandbox, own_redis: Server | None, proxy: Proxy | None) -> "Acts":
        """Ready to begin."""
        settings = Settings(data_dir=stack.folder / "data")
        addresses, owner_url = find_stack(settings), find_stack(settings, as_owner=True).database_url
        if own_redis is not None:
            addresses = replace(addresses, redis_url=own_redis.url)  # not by way of the proxy
        return cls(stack, vendors, addresses, owner_url, own_redis=own_redis, proxy=proxy)

    def do(self, fault: Fault, *, costs: bool) -> None:
        """Do one fault, and note it."""
        self.check_alive()
        told = getattr(self, f"_{fault.kind}")(fault)
        self.costly += costs
        self._note(f"{fault.kind} {told}".strip())

    def sleep(self, seconds: float) -> None:
        """Wait, and end the faults that are over meanwhile."""
        until = time.monotonic() + seconds
        while (now := time.monotonic()) < until:
            self.end_due(now)
            time.sleep(min(0.05, max(0.0, until - now)))

    def end_all(self) -> None:
        """Wait until no fault lasts any more."""
        while self._ends:
            self.sleep(0.2)

    def end_due(self, now: float) -> None:
        """End the faults that are over by `now`, one at a time: ending one may end others, which it waits for."""
        while end := next((end for end in self._ends if end[0] <= now), None):
            self._ends.remove(end)
            end[2]()
            self._note(end[1])

    def check_alive(self) -> None:
        """Raises StackEndedError."""
        if self.stack.process is None or self.stack.process.poll() is not None:
            raise StackEndedError("`consent up` has ended by itself; see up.log")

    def _note(self, what: str) -> None:
        self.done.append(f"{time.monotonic() - self.began:6.1f} s  {what}")

    def _later(self, seconds: float, told: str, end: Callable[[], None]) -> None:
        self._ends.append((time.monotonic() + seconds, told, end))

    def _children(self, *words: str) -> list[psutil.Process]:
        """The processes that `up` started, with one of `words` as their name or as a word of their command line."""
        assert self.stack.process is not None
        found = []
        for child in psutil.Process(self.stack.process.pid).children():
            try:
                if child.name() in words or set(words) & set(child.cmdline()[:6]):
                    found.append(child)
            except psutil.NoSuchProcess:
                continue
        return sorted(found, key=lambda child: child.pid)

    def _kill_child(self, luck: float, *words: str) -> str:
        children = self._children(*words)
        if not children:
            return "(it was not there)"
        victim = children[int(luck * len(children))]
        try:
            victim.kill()
        except psutil.NoSuchProcess:
            return "(it was gone)"
        return f"{victim.pid}"

    def _kill_worker(self, fault: Fault) -> str:
        return self._kill_child(fault.luck, "worker")

    def _kill_beat(self, fault: Fault) -> str:
        return self._kill_child(fault.luck, "beat")

    def _kill_redis(self, fault: Fault) -> str:
        if self.own_redis is not None:
            self.own_redis.stop()
            self._later(0.5, "redis is back", self.own_redis.start_again)
            return ""
        return self._kill_child(fault.luck, "redis-server", "valkey-server")

    def _kill_postgres(self, fault: Fault) -> str:
        return self._kill_child(fault.luck, "postgres")

    def _read_only(self, fault: Fault) -> str:
        told = self._in_postgres(READ_ONLY) or self._in_postgres(CUT)
        if not told:
            self._later(fault.seconds, "PostgreSQL takes writes again", self.make_writable)
        return told

    def make_writable(self) -> None:
        """Repeat until it has worked: PostgreSQL may be away."""
        deadline = time.monotonic() + 60
        while self._in_postgres(WRITABLE) and time.monotonic() < deadline:
            time.sleep(0.2)

    def end_now(self) -> None:
        """End the faults that still last: `consent up` needs working services."""
        self.end_due(float("inf"))

    def _kill_stack(self, fault: Fault) -> str:
        self.end_now()
        self.stack.down(signal.SIGKILL)
        return f"and up again after {self._up():.1f} s"

    def _end_stack(self, fault: Fault) -> str:
        self.end_now()
        began = time.monotonic()
        code = self.stack.down(signal.SIGTERM)
        took = time.monotonic() - began
        assert code == 0, f"`consent up` ended with {code} on SIGTERM"
        assert took < STOP_S, f"`consent up` took {took:.1f} s to stop"
        return f"in {took:.1f} s, and up again after {self._up():.1f} s"

    def _up(self) -> float:
        began = time.monotonic()
        self.stack.up()
        return time.monotonic() - began

    def _flush_redis(self, fault: Fault) -> str:
        return self._in_redis(lambda client: client.flushall())

    def _silent_drop(self, fault: Fault) -> str:
        if self.proxy is None:
            return "(no proxy: this run has a Redis of the stack's own)"
        self.proxy.swallow()
        self._later(fault.seconds, "bytes come through again", self.proxy.mend)
        return f"for {fault.seconds:.1f} s"

    def _role_change(self, fault: Fault) -> str:
        return self._change_redis(
            fault,
            # an address where nobody listens, so that nothing is copied over the data
            lambda client: client.replicaof("127.0.0.1", "1"),
            lambda client: client.replicaof("NO", "ONE"),
        )

    def _full_redis(self, fault: Fault) -> str:
        return self._change_redis(
            fault,
            lambda client: client.config_set("maxmemory", "1"),
            lambda client: client.config_set("maxmemory", "256mb"),
        )

    def _change_redis(
        self, fault: Fault, begin: Callable[[redis.Redis], Any], end: Callable[[redis.Redis], Any]
    ) -> str:
        """Change Redis for a while. If it was restarted meanwhile, it is already as it should be."""
        told = self._in_redis(begin)
        if not told:
            self._later(fault.seconds, f"{fault.kind} is over", lambda: self._surely_in_redis(end))
        return told or f"for {fault.seconds:.1f} s"

    def _surely_in_redis(self, do: Callable[[redis.Redis], Any]) -> None:
        """Repeat until it has worked: Redis may be away."""
        deadline = time.monotonic() + 60
        while self._in_redis(do) and time.monotonic() < deadline:
            self.end_due(time.monotonic())
            time.sleep(0.2)

    def _in_redis(self, do: Callable[[redis.Redis], Any]) -> str:
        try:
            with redis.Redis.from_url(self.addresses.redis_url, socket_timeout=2.0) as client:
                do(client)
        except redis.RedisError as error:
            return f"(not done: {type(error).__name__})"
        return ""

    def _bad_messages(self, fault: Fault) -> str:
        """Junk of every kind on all queues, and over the channel of remote control."""
        random = Random(f"junk:{fault.luck}")
        good = {CONTROL_QUEUE: (DISPATCH, ["insider"]), SUBMIT_QUEUE: (SUBMIT, ["c2VhbGVk"])}
        good |= {queue_of(name): (DELIVER, [1]) for name in VENDORS}
        good |= {WakeUp(DISPATCH, name).queue: (DISPATCH, [name]) for name in VENDORS}
        try:
            with redis.Redis.from_url(self.addresses.redis_url, socket_timeout=2.0) as client:
                for queue, (task, args) in good.items():
                    items = random_junk(random, BAD_MESSAGES, task, args, queue)
                    client.lpush(queue, *items)
                    for item in items[:5]:
                        client.publish("/0.celery.pidbox", item)
        except redis.RedisError:
            return "(it was away)"
        return f"{BAD_MESSAGES} on each of {len(good)} queues"

    def _cut_connections(self, fault: Fault) -> str:
        return self._in_postgres(CUT)

    def _full_disk(self, fault: Fault) -> str:
        told = self._in_postgres(f"SET lock_timeout = '2s'; {ROOMY}{FULL}", self.owner_url)
        if not told:
            self._later(fault.seconds, "the disk has room again", self.make_room)
        return told

    def make_room(self) -> None:
        """Repeat until it has worked: PostgreSQL may be away."""
        deadline = time.monotonic() + 60
        while self._in_postgres(f"SET lock_timeout = '5s'; {ROOMY}", self.owner_url) and time.monotonic() < deadline:
            time.sleep(0.2)

    def _in_postgres(self, statement: str, url: str | None = None) -> str:
        try:
            with self.connect(url) as connection:
                connection.execute(cast("psycopg.abc.Query", statement))
        except psycopg.Error as error:
            return f"(not done: {type(error).__name__})"
        return ""

    def connect(self, url: str | None = None) -> psycopg.Connection:
        """A connection of our own, as the programs have them unless another address is given. Raises
        psycopg.OperationalError."""
        url = (url or self.addresses.database_url).replace("+psycopg", "")
        ours = "-c default_transaction_read_only=off"  # whatever the role's setting is at the moment
        return psycopg.connect(url, autocommit=True, connect_timeout=3, options=ours)

    def _freeze_worker(self, fault: Fault) -> str:
        return self._freeze(fault, "worker")

    def _freeze_beat(self, fault: Fault) -> str:
        return self._freeze(fault, "beat")

    def _wrong_beat(self, fault: Fault) -> str:
        offset_s = (WRONG_BY_S if fault.luck < 0.5 else -WRONG_BY_S) * (0.1 + fault.luck)
        words = ["--app", "worker.app", "beat", "--scheduler", "celery.beat:Scheduler", "--pidfile="]
        command = [sys.executable, "-m", "tests.shifted_clock", str(offset_s), *words]
        beat = spawn(command, self.stack.environment, self.stack.folder / "wrong-beat.log")

        def stop() -> None:
            beat.kill()
            beat.wait()

        self._later(fault.seconds, f"ended the wrong beat {beat.pid}", stop)
        return f"{beat.pid}, {offset_s:+.0f} s, for {fault.seconds:.1f} s"

    def _freeze_redis(self, fault: Fault) -> str:
        return self._freeze(fault, "redis-server", "valkey-server")

    def _freeze(self, fault: Fault, *words: str) -> str:
        if self.own_redis is not None and "redis-server" in words:
            assert self.own_redis.process is not None
            children = [psutil.Process(self.own_redis.process.pid)]
        children = self._children(*words)
        if not children:
            return "(it was not there)"
        victim = children[int(fault.luck * len(children))]

        def thaw() -> None:
            if victim.is_running():
                victim.resume()

        try:
            victim.suspend()
        except psutil.NoSuchProcess:
            return "(it was gone)"
        self._later(fault.seconds, f"thawed {victim.pid}", thaw)
        return f"{victim.pid} for {fault.seconds:.1f} s"

    def _vendor_out(self, fault: Fault) -> str:
        how = "drop" if fault.luck < 0.5 else "unavailable"
        self.vendors.call("POST", f"/vendors/{fault.vendor}/outage", {"seconds": fault.seconds, "kind": how})
        return f"{fault.vendor} for {fault.seconds:.1f} s ({how})"


assert all(hasattr(Acts, f"_{kind}") for kind in Kind)
