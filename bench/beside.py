"""Runs the naive design on the same stand, and times it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from celery import Celery
from sqlalchemy import create_engine, func, insert, select, text
from sqlalchemy.engine import Engine

from bench import naive
from bench.cpu import Spent, family, frozen
from bench.people import people
from bench.stand import WORKERS, BenchError, Stand, environment

ENDS_WITHIN_S = 180.0
STOP_S = 10.0


@dataclass(frozen=True)
class Naively:
    """The figures of a run: when each user was delivered (time.time(), 1), CPU seconds and write-ahead log a user."""

    endings: list[tuple[float, int]]
    cpu_s: Spent
    wal_bytes: float


@dataclass
class Naive:
    """The naive design's table and queue. Its workers run only within `workers`."""

    stand: Stand
    engine: Engine
    app: Celery
    _workers: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def queue(self, vendor: str, number: int) -> None:
        """Write `number` deliveries and a message for each."""
        rows = [{**subject, "vendor": vendor, "status": "pending"} for subject in people(number)]
        with self.engine.begin() as connection:
            ids = connection.execute(insert(naive.Delivery).returning(naive.Delivery.id), rows).scalars().all()
        with self.app.producer_or_acquire() as producer:
            for delivery_id in ids:
                self.app.send_task(naive.DELIVER, args=[delivery_id], queue=naive.QUEUE, producer=producer)

    def deliver(self, vendor: str, number: int) -> "Naively":
        """Have `number` users delivered, so many that most are left when the first is done. Needs `workers`."""
        self._begin(vendor, number)
        self.await_done(1)
        began_s, began_bytes, left = self.stand.cpu_s(), self.stand.wal_bytes(), number - self.done()
        self.await_done(number)
        cpu_s, wal_bytes = self.stand.cpu_s().since(began_s), self.stand.wal_bytes() - began_bytes
        with self.engine.begin() as connection:
            moments = connection.execute(select(func.extract("epoch", naive.Delivery.updated_at)))
            return Naively([(float(moment), 1) for (moment,) in moments], cpu_s.scaled(1 / left), wal_bytes / left)

    def warm_up(self, vendor: str, number: int) -> None:
        """Have so many delivered, of which nothing is measured: they may all be done at once. Needs `workers`."""
        self._begin(vendor, number)
        self.await_done(number)

    def _begin(self, vendor: str, number: int) -> None:
        # Queued while the workers are stopped, so that sending messages costs the naive design nothing.
        with self.frozen():
            with self.engine.begin() as connection:
                connection.execute(text(f"TRUNCATE {naive.Delivery.__tablename__}"))
            self.queue(vendor, number)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop the workers, so that what is measured meanwhile has the machine to itself."""
        with frozen(family(self._workers.pid) if self._workers else []):
            yield

    def done(self) -> int:
        """How many deliveries are done."""
        with self.engine.begin() as connection:
            count = select(func.count()).where(naive.Delivery.status == "done")
            return connection.execute(count).scalar_one()

    def await_done(self, number: int) -> None:
        """Wait until this many deliveries are done."""
        deadline = time.monotonic() + ENDS_WITHIN_S
        while time.monotonic() < deadline:
            if self.done() >= number:
                return
            time.sleep(0.1)
        raise BenchError(f"the naive design did not end within {ENDS_WITHIN_S:g} s")

    @contextmanager
    def workers(self) -> Iterator[None]:
        """Prefork worker processes, as many as ours."""
        stand = self.stand
        argv = [sys.executable, "-m", "celery", "--app", "bench.naive", "worker", "--concurrency", str(WORKERS)]
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]
        settings = {
            naive.DATABASE: with_driver(stand.database_url),
            naive.BROKER: _broker(stand),
            naive.VENDOR: stand.vendor.address,
        }
        with (
            (stand.folder / "naive.log").open("ab") as log,
            environment(settings),
            subprocess.Popen([*argv, *quiet], stdout=log, stderr=subprocess.STDOUT) as process,
        ):
            self._workers = process
            try:
                yield
            finally:
                self._workers = None
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(STOP_S)
                process.kill()


@contextmanager
def naive_beside(stand: Stand) -> Iterator[Naive]:
    """The naive design on this stand, its workers not yet started."""
    engine = create_engine(with_driver(stand.database_url))
    with Celery("bench", broker=_broker(stand)) as app:
        app.conf.task_ignore_result = True
        naive.Base.metadata.create_all(engine)
        try:
            yield Naive(stand, engine, app)
        finally:
            naive.Base.metadata.drop_all(engine)
            engine.dispose()


def _broker(stand: Stand) -> str:
    # A database of its own, so that neither flush affects the other; named as Celery writes an address of a Unix
    # socket.
    return stand.redis_url.replace("unix://", "redis+socket://").replace("?db=0", "?virtual_host=1")


def with_driver(url: str) -> str:
    """The same address for SQLAlchemy, by the driver that we use too."""
    return url if "+psycopg" in url else url.replace("postgresql://", "postgresql+psycopg://", 1)
