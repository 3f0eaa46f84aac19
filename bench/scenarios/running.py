"""Whether very many running requests, and volumes of the past, make a step of a chunk slower: compared in turn with an
empty ledger, by the processor time of this process and of its PostgreSQL backend, so that other work does not count."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection, Engine, text

from adapters.registry import ADAPTERS
from bench.cpu import spent_with
from bench.past import write_past
from bench.people import people
from bench.results import Bound, Row
from bench.stand import BenchError, Stand
from domain.outcomes import Outcome
from domain.requests import Kind
from ledger.delivery import chunks, outcomes, wishes
from ledger.delivery.claiming import claim
from ledger.delivery.outcomes import Settled
from ledger.delivery.vendors import all_vendors, announce
from ledger.keys import fingerprinter
from ledger.people.involved import requests_of
from ledger.people.prints import Prints
from ledger.requests.closing import close_settled
from ledger.sealing import MasterKeys, generate_master_key
from ledger.session import connect, migrate
from tasks.submission import Submission
from tasks.submit import submit

T = TypeVar("T")

CROWD, VOLUMES, PAST = 10_000, 20, 2_000_000
"""Running requests of one person, due at every vendor; volumes; and the settled deliveries in them."""
VENDOR, WINDOW = "dfinery", 8
ROUNDS, WARM = 40, 24
"""A plan is kept once a statement was run ten times on a connection; there are two."""
CAMPAIGN = ADAPTERS[VENDOR].chunk_people * (ROUNDS + WARM)
SAME, LOOK_UP = Bound("ratio", most=1.2), Bound("ratio", most=2.0)
"""1.2 was asked for. A look-up reads 60 blocks of filters, where an empty ledger has none (docs/decisions/0036)."""
STEPS = {
    "claim": "Claim what is due",
    "compare": f"Compare a chunk of {ADAPTERS[VENDOR].chunk_people} with other wishes",
    "compare one": "Compare a request of one person with other wishes",
    "settle": "Settle a request, and look for what else has changed",
    "look up": "Look up a person",
}


class _Took(NamedTuple):
    """Seconds: of processors, and until the answer was there."""

    cpu: float
    wall: float


@dataclass
class _Ledger:
    """A ledger, and what each step took in it."""

    engine: Engine
    masters: MasterKeys = field(default_factory=lambda: MasterKeys.parse(generate_master_key()), repr=False)
    took: dict[str, list[_Took]] = field(default_factory=dict)
    backend: int = 0
    """The process of PostgreSQL that answers in this round."""
    asked: list[int] = field(default_factory=list)
    """The chunks of the campaign."""

    def submit(self, number: int) -> None:
        """A request of so many people."""
        submit(Submission(Kind.OPT_OUT), people(number), engine=self.engine, masters=self.masters, wake=lambda _: None)

    def timed(self, step: str, work: Callable[[], T]) -> T:
        """Do it, and record what it took."""
        began, before = time.perf_counter(), spent_with(self.backend)
        result = work()
        ended = time.perf_counter()
        self.took.setdefault(step, []).append(_Took(spent_with(self.backend) - before, ended - began))
        return result

    def start(self) -> None:
        """Submit the campaign, and do what autovacuum does within the minute."""
        self.submit(CAMPAIGN)
        with self.engine.begin() as connection:
            self.asked = list(connection.execute(_CAMPAIGN, {"vendor": VENDOR}).scalars())
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM (ANALYZE) requests, chunks, subjects"))

    def go_round(self) -> None:
        """Do each step once, and commit, as programs do: after a rollback the driver prepares its statements anew, and
        the figures would be of planning them."""
        with self.engine.connect() as connection:
            self.backend = connection.execute(_BACKEND).scalar_one()
            claimed = self.timed("claim", lambda: claim(connection, VENDOR, WINDOW))
            connection.commit()
            connection.execute(_UNCLAIM, {"ids": [one.chunk_id for one in claimed]})
            connection.commit()
            self._deliver(connection, self.asked.pop(), "compare")
            prints = Prints(fingerprinter(connection, self.masters)).identifiers(next(people(1)))
            self.timed("look up", lambda: requests_of(connection, prints))
            connection.commit()
            self.submit(1)
            self._deliver(connection, connection.execute(_NEWEST, {"vendor": VENDOR}).scalar_one(), "compare one")

    def _deliver(self, connection: Connection, chunk_id: int, step: str) -> None:
        connection.execute(_QUEUE, {"id": chunk_id})
        held = chunks.lease(connection, chunk_id, lease_s=60, holder="bench", masters=self.masters)
        if held is None:
            raise BenchError("nothing to lease")
        connection.commit()
        lines = list(range(held.first_line, held.last_line + 1))
        found = self.timed(step, lambda: wishes.find_others(connection, held, lines, self.masters))
        if found.matches:
            raise BenchError("nobody is in two requests")
        outcomes.append(connection, held, [Settled(lines, Outcome.ACCEPTED, None, 1)], used_sessions=False)
        chunks.close(connection, held)
        connection.commit()

        def settle() -> None:
            close_settled(connection, held.request_id)
            close_settled(connection)
            connection.commit()

        self.timed("settle", settle)

    def ms(self, step: str) -> _Took:
        """The medians, in milliseconds."""
        cpu, wall = zip(*self.took[step], strict=True)
        return _Took(median(cpu) * 1000, median(wall) * 1000)


_BACKEND = text("SELECT pg_backend_pid()")
_CAMPAIGN = text("""
    SELECT chunks.id FROM chunks JOIN vendors ON vendors.id = vendor_id
    WHERE name = :vendor AND request_id = (SELECT max(id) FROM requests) ORDER BY chunks.id
""")
_NEWEST = text("""
    SELECT max(chunks.id) FROM chunks JOIN vendors ON vendors.id = vendor_id
    WHERE name = :vendor AND request_id = (SELECT max(id) FROM requests)
""")
_UNCLAIM = text("UPDATE chunks SET state = 'waiting', due_at = now() WHERE id = ANY(CAST(:ids AS bigint[]))")
_QUEUE = text("UPDATE chunks SET state = 'queued' WHERE id = :id")
_CROWD = text("""
    WITH fresh AS (
        INSERT INTO requests (public_id, kind, status, subjects, vendor_ids, options, due_at)
        SELECT gen_random_uuid(), kind, 'running', 1, vendor_ids, options, due_at
        FROM (SELECT * FROM requests ORDER BY id DESC LIMIT 1) AS like_this, generate_series(1, :crowd)
        RETURNING id, vendor_ids),
    keys AS (
        INSERT INTO data_keys (request_id, wrapped)
        SELECT id, wrapped FROM fresh, (SELECT wrapped FROM data_keys ORDER BY request_id DESC LIMIT 1) AS like_this),
    persons AS (
        INSERT INTO subjects (request_id, line, sealed, whole_print, user_print, email_print, phone_print)
        SELECT id, 1, '', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid() FROM fresh)
    INSERT INTO chunks (request_id, vendor_id, first_line, last_line, due_at)
    SELECT id, vendor_id, 1, 1, now() - interval '1 microsecond' * id
    FROM fresh CROSS JOIN unnest(vendor_ids) AS vendor_id
""")


def running(stand: Stand, *, quick: bool) -> Iterator[Row]:
    """Both ledgers side by side, in turn."""
    crowd, past = (CROWD // 5, PAST // 5) if quick else (CROWD, PAST)
    with stand.database("bench_idle") as empty_url, stand.database("bench_busy") as busy_url:
        empty, busy = _Ledger(_opened(empty_url)), _Ledger(_opened(busy_url))
        try:
            with busy.engine.connect() as connection:
                vendors = all_vendors(connection)
            write_past(busy.engine, vendors, past, VOLUMES)
            busy.submit(1)
            with busy.engine.begin() as connection:
                connection.execute(_CROWD, {"crowd": crowd})
            empty.start()
            busy.start()
            for done in range(WARM + ROUNDS):
                if done == 1:
                    whole_ms = busy.ms("compare").cpu
                if done == WARM:
                    empty.took.clear()
                    busy.took.clear()
                for ledger in (empty, busy):
                    ledger.go_round()
        finally:
            empty.engine.dispose()
            busy.engine.dispose()
    beside = f"beside {crowd:,} running requests, {VOLUMES} volumes of the past"
    for step, what in STEPS.items():
        name = f"running-{step.replace(' ', '-')}"
        with_crowd, alone = busy.ms(step), empty.ms(step)
        bound, note = SAME, f"until the answer is there: {with_crowd.wall:.2f} and {alone.wall:.2f} ms"
        if step == "compare":
            note += f"; the first one, which compares the whole campaign: {whole_ms:.0f} ms of CPU"
        if step == "look up":
            bound, note = LOOK_UP, f"{note}; 1.2 was asked for; 60 blocks of filters are read (docs/decisions/0036)"
        yield Row(name, f"{what} {beside}: CPU", "ms", with_crowd.cpu, alone.cpu, "empty ledger", bound, note)


def _opened(url: str) -> Engine:
    engine = connect(url, pool_size=2)
    migrate(engine)
    with engine.begin() as connection:
        announce(connection, {name: adapter.chunk_people for name, adapter in ADAPTERS.items()})
    return engine
