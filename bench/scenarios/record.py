"""Whether anything gets slower as the record grows: the steps of a chunk in an empty ledger and in one with a large
past, in turn."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Engine, text

from adapters.registry import ADAPTERS
from bench.past import write_past
from bench.people import people
from bench.plans import large_scans, rows_scanned, statements_of
from bench.results import Bound, Row
from bench.stand import BenchError, Stand
from domain.outcomes import Outcome
from domain.requests import Kind
from ledger.delivery import chunks, outcomes, wishes
from ledger.delivery.claiming import claim
from ledger.delivery.outcomes import Settled
from ledger.delivery.pending import open_people, pending
from ledger.delivery.vendors import all_vendors, announce
from ledger.desk.reports import status_of
from ledger.keys import fingerprinter
from ledger.people.involved import requests_of
from ledger.people.prints import Prints
from ledger.requests.closing import close_settled
from ledger.sealing import MasterKeys, generate_master_key
from ledger.session import connect, migrate
from tasks.submission import Submission
from tasks.submit import submit

T = TypeVar("T")

PAST = int(float(os.environ.get("BENCH_PAST", "5e6")))
"""Deliveries of the past. Five million take about half a minute to write."""
PEOPLE = int(float(os.environ.get("BENCH_PEOPLE", "1e5")))
"""People of the request that is delivered in the large ledger, to five vendors."""
FEW = 30_000
VENDOR = "dfinery"
CHUNKS = 50
"""Delivered in each ledger, in turn."""
MOST_SCANNED = 1_000
"""Rows of the record read by scans of whole tables. The prepared volume is nearly empty and may be scanned."""
SAME = Bound("ratio", most=1.25)
"""Claims must not be slower; this much is noise of a busy machine."""


@dataclass
class Ledger:
    """A ledger with one running request, and how long each step took in it so far, in seconds."""

    engine: Engine
    masters: MasterKeys = field(default_factory=lambda: MasterKeys.parse(generate_master_key()), repr=False)
    took: dict[str, list[float]] = field(default_factory=dict)

    def start(self, number: int) -> UUID:
        """Submit the request that is to be delivered, and do what autovacuum does within the minute."""
        request_id = self._submit(Kind.OPT_OUT, number)
        with self.engine.begin() as connection:
            connection.execute(text("ANALYZE chunks, requests"))
        return request_id

    def _submit(self, kind: Kind, number: int) -> UUID:
        receipt = submit(
            Submission(kind), people(number), engine=self.engine, masters=self.masters, wake=lambda _: None
        )
        return receipt.recorded.public_id

    def chunk(self, request_id: UUID) -> None:
        """Deliver one chunk, with nobody at the other end, and ask people's questions meanwhile."""
        with self.engine.connect() as connection:

            def timed(step: str, work: Callable[[], T]) -> T:
                began = time.perf_counter()
                result = work()
                connection.commit()
                self.took.setdefault(step, []).append(time.perf_counter() - began)
                return result

            (claimed,) = timed("claim", lambda: claim(connection, VENDOR, 1))
            held = timed(
                "lease",
                lambda: chunks.lease(connection, claimed.chunk_id, lease_s=60, holder="bench", masters=self.masters),
            )
            if held is None:
                raise BenchError("nothing to lease")
            opened = timed(
                "open",
                lambda: open_people(held, pending(connection, held, awaits="pending", with_sessions=False)),
            )
            lines = [person.line for person in opened]
            timed("overlap", lambda: wishes.find_others(connection, held, lines, self.masters))

            def record() -> None:
                chunks.renew(connection, held, 60)
                outcomes.append(connection, held, [Settled(lines, Outcome.ACCEPTED, None, 1)], used_sessions=False)
                chunks.close(connection, held)

            timed("record", record)
            timed("settle", lambda: close_settled(connection, held.request_id))
            timed("status", lambda: status_of(connection, request_id))
            prints = Prints(fingerprinter(connection, self.masters)).identifiers(opened[0].subject)
            timed("look up", lambda: requests_of(connection, prints))
        began = time.perf_counter()
        self._submit(Kind.ERASURE, 1)
        self.took.setdefault("submit one", []).append(time.perf_counter() - began)

    def ms(self, *steps: str) -> float:
        """The medians of these steps, added up."""
        return sum(median(self.took[step]) for step in steps) * 1000


DELIVERY = ("claim", "lease", "open", "overlap", "record", "settle")


def record(stand: Stand, *, quick: bool) -> Iterator[Row]:
    """Both ledgers in turn; then the plans in the large one."""
    past, number = (PAST // 10, FEW) if quick else (PAST, PEOPLE)
    with stand.database("bench_small") as small_url, stand.database("bench_large") as large_url:
        small, large = Ledger(_ledger(small_url)), Ledger(_ledger(large_url))
        try:
            began = time.perf_counter()
            with large.engine.connect() as connection:
                vendors = all_vendors(connection)
            written = write_past(large.engine, vendors, past)
            wrote_s = time.perf_counter() - began
            in_small, in_large = small.start(FEW), large.start(number)
            large.engine.dispose()  # a connection reports its statistics when it closes
            scanned = -rows_scanned(large.engine)
            with statements_of(large.engine) as heard:
                for _ in range(CHUNKS):
                    small.chunk(in_small)
                    large.chunk(in_large)
            large.engine.dispose()
            scanned += rows_scanned(large.engine)
            faults = large_scans(large.engine, heard)
            if faults or scanned > MOST_SCANNED:
                raise BenchError(f"reads tables from end to end, {scanned:,} rows: {'; '.join(faults)}")
        finally:
            small.engine.dispose()
            large.engine.dispose()
    beside = f"beside {written:,} deliveries of the past"
    steps = "; ".join(f"{step} {large.ms(step):.1f} ({small.ms(step):.1f})" for step in large.took)
    empty = f"{FEW * len(vendors):,}"
    note = f"medians of {CHUNKS} in turn, ms: {steps}; the past took {wrote_s:.0f} s to write"
    what = f"Chunk of {ADAPTERS[VENDOR].chunk_people} {beside}"
    yield Row("record", what, "ms", large.ms(*DELIVERY), small.ms(*DELIVERY), "empty", SAME, note)
    yield Row("record-claim", f"Claim {beside}", "ms", large.ms("claim"), small.ms("claim"), "empty", SAME)
    what = f"Status of {number * len(vendors):,} deliveries {beside}"
    yield Row("record-status", what, "ms", large.ms("status"), small.ms("status"), empty, SAME)


def _ledger(url: str) -> Engine:
    engine = connect(url, pool_size=2)
    migrate(engine)
    with engine.begin() as connection:
        announce(connection, {name: adapter.chunk_people for name, adapter in ADAPTERS.items()})
    return engine
