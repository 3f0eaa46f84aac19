"""A desk to submit at and deliver from, with the real ledger and stub vendors; and where commands find that ledger."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from adapters.contract import Answer, Verdict
from domain.requests import Kind, Subject
from ledger.delivery import switching
from ledger.delivery.vendors import announce
from ledger.sealing import MasterKeys, generate_master_key
from ledger.session import connect, one_by_one
from tasks.deliver import deliver
from tasks.dispatch import dispatch
from tasks.slots import FairSlots
from tasks.submission import Submission
from tasks.submit import Receipt, submit
from tasks.toolbox import Route, Toolbox
from tests.engines import OfCommands
from tests.row_order import rows_as_promised
from tests.stubs import Answering, StubAdapter, StubExchange

APPLIED = Answer(Verdict.APPLIED)

PASSED = """
    WITH of_steps AS (
        UPDATE steps SET last_good_at = last_good_at - make_interval(secs => :seconds),
            struck_at = struck_at - make_interval(secs => :seconds),
            held_at = held_at - make_interval(secs => :seconds), probe_at = probe_at - make_interval(secs => :seconds)),
    of_vendors AS (
        UPDATE vendors SET held_at = held_at - make_interval(secs => :seconds),
            probe_at = probe_at - make_interval(secs => :seconds))
    UPDATE chunks SET due_at = due_at - make_interval(secs => :seconds), setbacks = CASE WHEN setbacks <> '[]' THEN (
        SELECT jsonb_agg(CASE WHEN jsonb_typeof(older -> -1) = 'object'
            THEN jsonb_set(older, '{-1,since}',
                to_jsonb(CAST(older -> -1 ->> 'since' AS double precision) - :seconds))
            ELSE older END ORDER BY place)
        FROM jsonb_array_elements(setbacks) WITH ORDINALITY AS found (each, place), LATERAL (SELECT
            jsonb_set(jsonb_set(jsonb_set(each,
                '{1}', to_jsonb(CAST(each -> 1 AS double precision) - :seconds)),
                '{2}', to_jsonb(CAST(each -> 2 AS double precision) - :seconds)),
                '{5}', to_jsonb(GREATEST(CAST(each -> 5 AS double precision) - :seconds, 0)))) AS aged (older))
        ELSE setbacks END"""
"""One statement, as tests of hours pass time hundreds of times."""


def people(count: int) -> list[Subject]:
    """So many people, each with a recognisable identifier."""
    return [
        {"user_id": f"jane-{n:05}", "email": f"jane-{n:05}@private.example", "phone_number": f"+8210{n:08}"}
        for n in range(1, count + 1)
    ]


def everybody(answer: Answer) -> Answering:
    return lambda call, batch: [answer] * len(batch)


@dataclass
class Desk:
    """What a test asks of the ledger, in short methods."""

    engine: Engine
    masters: MasterKeys
    loop: asyncio.AbstractEventLoop
    queued: list[tuple[str, int]] = field(default_factory=list)
    woken: list[str] = field(default_factory=list)
    stopping: bool = False

    def announce(self, **chunk_people: int) -> None:
        with self.engine.begin() as connection:
            announce(connection, chunk_people)

    def switch_off(self, vendor: str) -> None:
        with self.engine.begin() as connection:
            assert switching.switch_off(connection, vendor, "cli:test")

    def submit(self, subjects: Iterable[Subject], *, kind: Kind = Kind.ERASURE, **more: Any) -> Receipt:
        return submit(
            Submission(kind, **more), subjects, engine=self.engine, masters=self.masters, wake=self.woken.extend
        )

    def tools(self, exchanges: Mapping[str, StubExchange], **more: Any) -> Toolbox:
        given = {
            "send_deliver": lambda vendor, chunks: self.queued.extend((vendor, chunk.chunk_id) for chunk in chunks),
            "stopping": lambda: self.stopping,
            "holder": "test",
            **more,
        }
        return Toolbox(
            engine=self.engine,
            masters=self.masters,
            routes={name: Route(exchange.adapter, exchange, FairSlots(4)) for name, exchange in exchanges.items()},
            start=lambda work: asyncio.run_coroutine_threadsafe(work, self.loop),
            **given,
        )

    def tools_for(self, answering: Answering, *, vendor: str = "insider", keeps_sessions: bool = False) -> Toolbox:
        """The tools of a worker with one vendor, which answers like this."""
        return self.tools({vendor: StubExchange(answering, StubAdapter(name=vendor, keeps_sessions=keeps_sessions))})

    def work_off(self, tools: Toolbox, *, runs: int = 100) -> int:
        """Dispatch and deliver what is due until nothing is, or so many runs; returns how many there were."""
        for vendor in tools.routes:
            dispatch(vendor, tools)
        for run in range(runs):
            if not self.queued:
                return run
            deliver(self.queued.pop(0)[1], tools)
        return runs

    def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        with one_by_one(self.engine) as connection:
            return rows_as_promised(statement, connection.execute(text(statement), values))

    def execute(self, statement: str, **values: Any) -> None:
        with one_by_one(self.engine) as connection:
            connection.execute(text(statement), values)

    def one(self, statement: str, **values: Any) -> Any:
        ((value,),) = self.rows(statement, **values)
        return value

    def outcomes(self) -> dict[tuple[str, int], tuple[str, str | None, int]]:
        """(vendor, line) to the last outcome, reason and attempts."""
        found = self.rows("""
            SELECT vendors.name, line, CAST(outcome AS text), reason, attempts
            FROM outcomes JOIN vendors ON vendors.id = vendor_id
            ORDER BY vendors.name, line, round""")
        return {(vendor, line): (outcome, reason, attempts) for vendor, line, outcome, reason, attempts in found}

    def make_everything_due(self) -> None:
        """As if time had passed: every waiting chunk is due, also those lost with their worker."""
        self.execute("""
            UPDATE chunks SET due_at = now() - interval '1 second',
                setbacks = COALESCE((SELECT jsonb_agg(jsonb_set(each, '{2}', '0')) FROM jsonb_array_elements(setbacks)
                                     AS each), '[]')
            WHERE state <> 'closed'""")

    def pass_time(self, seconds: float) -> None:
        """As if so many seconds had passed: for resting chunks and people, and for what is known of steps and holds."""
        self.execute(PASSED, seconds=seconds)

    def next_due_s(self) -> float | None:
        """In how many seconds the next chunk is due; None where none is."""
        found = self.one("""
            SELECT CAST(extract(epoch FROM min(due) - now()) AS double precision) FROM (
                SELECT due_at FROM chunks WHERE state <> 'closed' UNION ALL
                SELECT probe_at FROM steps UNION ALL SELECT probe_at FROM vendors) AS found (due)
            WHERE due > now()""")
        return None if found is None else float(found) + 0.01

    def assert_tallies_add_up(self) -> None:
        counted = """
            SELECT request_id, vendor_id, outcome, count(*)
            FROM (SELECT DISTINCT ON (request_id, vendor_id, line) * FROM outcomes
                  ORDER BY request_id, vendor_id, line, round DESC) AS latest
            WHERE outcome <> 'pending' GROUP BY 1, 2, 3"""
        kept = "SELECT request_id, vendor_id, outcome, deliveries FROM tallies WHERE deliveries > 0"
        assert sorted(self.rows(counted)) == sorted(self.rows(kept))


@pytest.fixture(scope="session")
def _loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join(timeout=60)
    loop.close()


@pytest.fixture
def desk(engine: Engine, masters: MasterKeys, _loop: asyncio.AbstractEventLoop) -> Desk:
    """Insider takes ten people in a chunk."""
    desk = Desk(engine, masters, _loop)
    desk.announce(insider=10)
    return desk


@pytest.fixture(scope="session")
def _of_commands(postgres_url: str) -> Iterator[OfCommands]:
    kept = OfCommands(postgres_url)
    yield kept
    kept.close()


@pytest.fixture
def environment(
    engine: Engine,
    postgres_url: str,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    _of_commands: OfCommands,
) -> dict[str, str]:
    """The settings by which commands find this ledger and Redis, with master keys of their own; there are no others."""
    for name in [name for name in os.environ if name.startswith("CONSENT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr("intake.stack.connect", _of_commands.connect)
    settings = {
        "CONSENT_DATA_DIR": str(tmp_path),
        "CONSENT_DATABASE_URL": postgres_url,
        "CONSENT_REDIS_URL": redis_url,
        "CONSENT_MASTER_KEYS": generate_master_key(),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return settings


@pytest.fixture
def connecting_anew(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command connects for itself, as where PostgreSQL decides by the connection what may be done."""
    monkeypatch.setattr("intake.stack.connect", connect)


@pytest.fixture
def in_threads() -> Callable[..., list[Any]]:
    """Runs one function in so many threads at once; returns what each returned or raised."""

    def run(count: int, work: Callable[[], Any]) -> list[Any]:
        together = threading.Barrier(count)
        results: list[Any] = []

        def one() -> None:
            together.wait()
            try:
                results.append(work())
            except Exception as error:  # noqa: BLE001 - handed to the test
                results.append(error)

        threads = [threading.Thread(target=one) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=30)
        return results

    return run
