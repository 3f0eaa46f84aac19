"""How fast a file becomes a request on record: read, validated, sealed, fingerprinted, copied."""

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from pydantic_core import from_json
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from adapters.vendors.insider import Insider
from bench import naive
from bench.beside import with_driver
from bench.people import write_ndjson
from bench.rates import spread
from bench.results import Bound, Row
from bench.stand import Stand
from domain.requests import Kind
from intake.files.reader import read_people
from ledger.delivery.vendors import announce
from ledger.sealing import MasterKeys, generate_master_key
from ledger.session import connect, migrate
from tasks.submission import Submission
from tasks.submit import submit

PEOPLE, NAIVE_PEOPLE = 200_000, 20_000
REQUIRED = (Bound("ours", least=60_000), Bound("ratio", least=8))
MASTERS = MasterKeys.parse(generate_master_key())


def intake(stand: Stand, *, quick: bool) -> Iterator[Row]:
    """Through the reader that `consent submit` uses, beside one ORM object a line. No worker runs."""
    number, times = (PEOPLE // 2, 1) if quick else (PEOPLE, 3)
    whole, part = stand.folder / "people.ndjson", stand.folder / "few.ndjson"
    write_ndjson(whole, number)
    write_ndjson(part, NAIVE_PEOPLE)
    with stand.database("bench_intake") as url:
        naively, rates = [], []
        for _ in range(times):
            stand.await_rest()
            naively.append(_orm(url, part))
            rates.append(_submit(url, whole, number))
    note = f"{number:,} lines of NDJSON: user_id, email, phone_number; one process"
    if not quick:
        note += f"; median of {times}, spread {spread(rates):.2f} x"
    yield Row(
        "intake",
        "Intake: file to sealed record",
        "people/s",
        median(rates),
        median(naively),
        "ORM, unsealed and unchecked",
        REQUIRED,
        note,
    )


def _submit(url: str, path: Path, number: int) -> float:
    engine = connect(url, pool_size=1)
    migrate(engine)
    with engine.begin() as connection:
        announce(connection, {"insider": Insider.chunk_people})
    try:
        began = time.perf_counter()
        with path.open("rb") as file:
            submit(
                Submission(Kind.ERASURE),
                read_people(file),
                engine=engine,
                masters=MASTERS,
                wake=lambda _: None,
            )
        return number / (time.perf_counter() - began)
    finally:
        engine.dispose()


def _orm(url: str, path: Path) -> float:
    engine = create_engine(with_driver(url))
    naive.Base.metadata.create_all(engine)
    try:
        began = time.perf_counter()
        with path.open("rb") as file, Session(engine) as session:
            for line in file:
                session.add(naive.Delivery(vendor="insider", **from_json(line)))
            session.commit()
        return NAIVE_PEOPLE / (time.perf_counter() - began)
    finally:
        naive.Base.metadata.drop_all(engine)
        engine.dispose()
