"""The benchmarks' environment: embedded PostgreSQL and Redis, the loopback vendor, our stack and the naive one."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from celery import Celery
from sqlalchemy import Engine, make_url, text

from bench.cpu import Spent, frozen, spent_by_children
from bench.loopback import Loopback, loopback
from config.settings import Settings
from config.stack import find_stack
from domain.requests import Kind, Subject
from ledger.sealing import MasterKeys
from ledger.session import connect
from local.postgres import Postgres
from local.private_files import read_private
from local.redis_server import Redis
from local.stack import Plan, running
from tasks.sending import sender, wake
from tasks.submission import Submission
from tasks.submit import Receipt, submit

WORKERS = 2
"""Worker processes, ours and the naive ones alike."""
KEEP_EVERY_S = 0.1
CLOSES_WITHIN_S = 300.0
RESTS_WITHIN_S, REST_S, AT_REST = 5.0, 0.25, 0.08
"""At rest: at most this share of one core is used, over this many seconds."""


class BenchError(Exception):
    """A benchmark did not run properly, so its figures would mean nothing."""


@dataclass(frozen=True)
class Stand:
    """Services and a vendor that all benchmarks of one run share."""

    folder: Path
    database_url: str
    redis_url: str
    vendor: Loopback
    engine: Engine
    """For questions to the server, such as how much it has written."""

    def cpu_s(self) -> Spent:
        """CPU time so far of everything that runs for this benchmark, except the vendor and this process."""
        return spent_by_children(without=self.vendor.pid)

    def wal_bytes(self) -> int:
        """How much write-ahead log has been written so far, by all databases of this stand."""
        with self.engine.begin() as connection:
            return int(connection.execute(_WAL).scalar_one())

    def page_images(self) -> int:
        """How many whole pages that log holds so far: the first change of a page after a checkpoint logs all of it."""
        with self.engine.begin() as connection:
            return int(connection.execute(_PAGE_IMAGES).scalar_one())

    def await_rest(self) -> None:
        """Wait until what the last run left behind (autovacuum, a checkpoint, ending processes) is done, or 5 s."""
        deadline = time.monotonic() + RESTS_WITHIN_S
        while time.monotonic() < deadline:
            before = self.cpu_s().total
            time.sleep(REST_S)
            if self.cpu_s().total - before < AT_REST * REST_S:
                return

    @contextmanager
    def database(self, name: str) -> Iterator[str]:
        """An empty database beside that of the stack; its address."""
        engine = connect(self.database_url, pool_size=1).execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
            try:
                yield make_url(self.database_url).set(database=name).render_as_string(hide_password=False)
            finally:
                connection.execute(text(f"DROP DATABASE {name}"))
        engine.dispose()

    @contextmanager
    def ours(self, extra: Mapping[str, str] | None = None, *, database_url: str | None = None) -> Iterator["Ours"]:
        """Our stack with fresh worker processes. `extra`: more settings, as environment variables.

        `database_url`: an empty database rather than the one that scenarios share.
        """
        ledger_url = database_url or self.database_url
        services = {
            "CONSENT_DATABASE_URL": ledger_url,
            "CONSENT_REDIS_URL": self.redis_url,
            "CONSENT_DATA_DIR": str(self.folder / "stack"),
            "CONSENT_LOG_LEVEL": "WARNING",
            # Otherwise what one scenario had accepted would be read back, a minute later, during another.
            "CONSENT_VERIFY_AFTER_S": "86400",
        }
        with ExitStack() as stack:
            stack.enter_context(environment({**services, **self.vendor.environment(), **(extra or {})}))
            settings = Settings.load()
            keep = stack.enter_context(running(Plan(settings, WORKERS, flower=False), _say_nothing))
            engine = connect(ledger_url, pool_size=2)
            stack.callback(engine.dispose)
            app = stack.enter_context(sender(self.redis_url))
            keys = MasterKeys.parse(find_stack(settings).master_keys)
            yield Ours(engine, keys, app, keep, settings.data_dir.absolute())


@dataclass
class Ours:
    """Our running stack."""

    engine: Engine
    masters: MasterKeys
    app: Celery
    keep: Callable[[], None]
    """To be called about ten times a second: it restarts workers that died."""
    data_dir: Path
    _kept_at: float = field(default=0.0, init=False)

    def submit(
        self, kind: Kind, vendors: Iterable[str], people: Iterable[Subject], *, not_before: datetime | None = None
    ) -> Receipt:
        """Submit as every way in does."""
        return submit(
            Submission(kind, tuple(vendors), not_before=not_before),
            people,
            engine=self.engine,
            masters=self.masters,
            wake=lambda names: wake(self.app, names),
        )

    def await_close(self, request_id: UUID, each_time: Callable[[], None] = lambda: None) -> float:
        """Wait until a request has closed, with any status; returns when, in seconds of time.time()."""
        deadline = time.monotonic() + CLOSES_WITHIN_S
        while time.monotonic() < deadline:
            self.pause(KEEP_EVERY_S)
            each_time()
            with self.engine.begin() as connection:
                closed_at: float | None = connection.execute(_CLOSED_AT, {"id": request_id}).scalar_one()
            if closed_at is not None:
                return closed_at
        raise BenchError(f"a request has not closed within {CLOSES_WITHIN_S:g} s")

    def pause(self, seconds: float) -> None:
        """Wait, while the stack is kept running."""
        time.sleep(seconds)
        if time.monotonic() - self._kept_at >= KEEP_EVERY_S:
            self._kept_at = time.monotonic()
            self.keep()

    def endings(self, request_id: UUID) -> list[tuple[float, int]]:
        """When deliveries were recorded as accepted (time.time()), and how many at that moment."""
        with self.engine.begin() as connection:
            return [(moment, count) for moment, count in connection.execute(_ENDINGS, {"id": request_id})]

    def database_bytes(self) -> int:
        """How much the ledger takes on disk, indexes and all."""
        with self.engine.begin() as connection:
            return int(connection.execute(_SIZE).scalar_one())

    def worker_pids(self) -> list[int]:
        """The worker processes now running."""
        return [row["pid"] for row in self._processes() if row["name"].startswith("worker-")]

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop workers and beat, so that what is measured meanwhile has the machine to itself."""
        with frozen([row["pid"] for row in self._processes()]):
            yield

    def _processes(self) -> list[dict[str, Any]]:
        return read_private(self.data_dir / "processes.json") or []


_WAL = text("SELECT pg_current_wal_lsn() - CAST('0/0' AS pg_lsn)")
_PAGE_IMAGES = text("SELECT wal_fpi FROM pg_stat_wal")
_SIZE = text("SELECT pg_database_size(current_database())")
_CLOSED_AT = text("SELECT CAST(extract(epoch FROM closed_at) AS double precision) FROM requests WHERE public_id = :id")
_ENDINGS = text("""
    SELECT CAST(extract(epoch FROM settled_at) AS double precision), count(*)
    FROM outcomes JOIN requests ON requests.id = outcomes.request_id
    WHERE public_id = :id AND outcome = 'accepted'
    GROUP BY settled_at ORDER BY settled_at
""")


@contextmanager
def stand() -> Iterator[Stand]:
    """A stand in a folder of its own, removed afterwards."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="consent-bench-")))
        vendor = stack.enter_context(loopback())  # first: the others keep off its core
        postgres = stack.enter_context(Postgres(folder))
        redis = stack.enter_context(Redis(folder))
        engine = connect(postgres.url, pool_size=1)
        stack.callback(engine.dispose)
        yield Stand(folder, postgres.url, redis.url, vendor, engine)


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set these environment variables for a while, for us and for what we start; remove all other settings of ours."""
    before = dict(os.environ)
    for name in before:
        if name.startswith("CONSENT_"):
            del os.environ[name]
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _say_nothing(_: str) -> None:
    """A benchmark shows its figures, not its set-up."""
