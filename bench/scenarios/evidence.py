"""What evidence costs: hashing, a certificate, a proof, a check; each beside a bare SHA-256 tree of as many leaves."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Engine, text

from bench.people import people
from bench.results import Bound, Row
from bench.stand import Stand
from domain.requests import Kind
from evidence.keys import SigningKey
from evidence.merkle import leaf_hash, root_of
from intake.certify import certify, prove_line
from ledger.delivery.vendors import announce
from ledger.evidence import outcome_trees
from ledger.evidence.checking import check_log
from ledger.evidence.lines import requests_of
from ledger.sealing import MasterKeys, generate_master_key
from ledger.session import connect, migrate
from tasks.log import LogKeeper, order
from tasks.submission import Submission
from tasks.submit import submit

PEOPLE, FEW = 1_000_000, 20_000
VENDORS = {"akinon": 1_000, "algonomy": 1_000, "b2core": 1_000, "dfinery": 1_000, "insider": 1_000}
PROOFS = 20


def evidence(stand: Stand, *, quick: bool) -> Iterator[Row]:
    """One request that has closed, and a log with as many entries."""
    number = FEW if quick else PEOPLE
    bare_s = _took(lambda: root_of([leaf_hash(b"%d" % leaf * 8) for leaf in range(number)]))[0]
    with stand.database("bench_evidence") as url:
        engine = connect(url)
        migrate(engine)
        masters = MasterKeys.parse(generate_master_key())
        key = SigningKey(bytes(32))
        keeper = LogKeeper(engine, masters, lambda: key)
        request = _closed(engine, masters, number)
        hashing_s, _ = _took(lambda: _hash(engine, masters))
        order(keeper)
        certificate_s, _ = _took(lambda: certify(keeper, request))
        proof_s = _took(lambda: [prove_line(keeper, request, 1 + line) for line in range(PROOFS)])[0] / PROOFS
        with engine.begin() as connection:
            connection.execute(_LOG, {"number": number})
        order(keeper)
        with engine.connect() as connection:
            check_s, checked = _took(lambda: check_log(connection, [key.public]))
        engine.dispose()
    if checked.faults:
        raise AssertionError(checked.faults[0])
    beside = f"a SHA-256 tree of {number:,} leaves, in memory"
    yield Row(
        "evidence_hashing",
        f"Hashing the outcomes of a request, {number:,} people x {len(VENDORS)} vendors",
        "s",
        hashing_s,
        bare_s,
        beside,
        Bound("ratio", most=20),
        f"in the background, once it has closed; people are opened for it; {1e6 * hashing_s / number:.1f} µs a person",
    )
    yield Row(
        "evidence_certificate",
        f"Certificate of a request of {number:,} people x {len(VENDORS)} vendors",
        "s",
        certificate_s,
        bare_s,
        beside,
        (Bound("ratio", most=1), Bound("ours", most=5)),
    )
    yield Row(
        "evidence_proof",
        f"Proof for one of {number:,} people",
        "ms",
        1_000 * proof_s,
        1_000 * bare_s,
        beside,
        (Bound("ratio", most=1), Bound("ours", most=10)),
    )
    yield Row(
        "evidence_check",
        f"Check of a log of {number:,} entries",
        "s",
        check_s,
        bare_s,
        beside,
        (Bound("ratio", most=5), Bound("ours", most=5)),
    )


def _took(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    done = work()
    return time.perf_counter() - began, done


def _closed(engine: Engine, masters: MasterKeys, number: int) -> Any:
    with engine.begin() as connection:
        announce(connection, VENDORS)
    receipt = submit(
        Submission(Kind.ERASURE, tuple(VENDORS)), people(number), engine=engine, masters=masters, wake=lambda _: None
    )
    with engine.begin() as connection:
        connection.execute(_SETTLE)
        connection.execute(_CLOSE)
    return receipt.recorded.public_id


def _hash(engine: Engine, masters: MasterKeys) -> None:
    with engine.begin() as connection:
        due = outcome_trees.take_due(connection, 1, 1)
        for request in requests_of(connection, due):
            outcome_trees.make(connection, request, masters)


_SETTLE = text("""
    INSERT INTO outcomes (request_id, vendor_id, round, line, attempts, outcome)
    SELECT subjects.request_id, vendors.id, 1, line, 1, 'accepted' FROM vendors, subjects ORDER BY 1, 2, 4
""")
_CLOSE = text("""
    WITH closed AS (UPDATE chunks SET state = 'closed')
    UPDATE requests SET status = 'completed', closed_at = now()
""")
_LOG = text("""
    INSERT INTO log_pending (type, facts)
    SELECT 'bench', jsonb_build_object('number', n, 'kind', 'erasure', 'by', 'cli:bench', 'status', 'completed')
    FROM generate_series(1, :number) AS n
""")
