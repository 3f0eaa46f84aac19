"""Proofs for one line: of every place in its tree, and without many questions."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest
from sqlalchemy import event, text

from evidence.certificate import Certificate, LineProof, check
from intake.certify import CertifyError, certify, prove_line
from tasks.log import LogKeeper
from tests.ledger.conftest import Desk
from tests.ledger.evidence.test_log import KEY, OTHER, done, faults, keep, log_something

LINES, TILE = 600, 256
MOST_QUESTIONS = 7
"""Each takes half a millisecond on a quiet machine, and a proof may take ten."""


def test_an_earlier_key_that_is_the_newest_again_signs_alone(desk: Desk) -> None:
    """As after a rotation that was taken back, with nothing logged since."""
    request = UUID(done(desk))
    keep(desk)
    keep(desk, OTHER)
    keeper = LogKeeper(desk.engine, desk.masters, lambda: KEY)
    for _ in range(2):
        assert isinstance(check(certify(keeper, request), [KEY.public]), Certificate)
        assert isinstance(check(prove_line(keeper, request, 1).encode(), [KEY.public]), LineProof)
    assert (keep(desk), keep(desk, OTHER), keep(desk)) == (0, 0, 0), "keys that take turns do not have the log grow"
    assert faults(desk) == []


def test_a_checkpoint_that_somebody_broke_is_followed_by_one_that_holds(desk: Desk) -> None:
    request = UUID(done(desk))
    keep(desk)
    as_owner(desk, "UPDATE log_checkpoints SET signed = 'no note'")
    assert "the checkpoint at" in faults(desk)[0]
    assert keep(desk) == 0
    keeper = LogKeeper(desk.engine, desk.masters, lambda: KEY)
    assert isinstance(check(certify(keeper, request), [KEY.public]), Certificate)


TABLES = ("outcome_tiles", "log_tiles", "log_entries")
CHANGES = (
    "DELETE FROM outcome_tiles WHERE number = 0",
    "UPDATE outcome_tiles SET hashes = substring(hashes FROM 1 FOR 64) WHERE number = 0",
    "UPDATE outcome_tiles SET people = substring(people FROM 1 FOR 32) WHERE number = 0",
    "UPDATE outcome_tiles SET hashes = overlay(hashes PLACING '\\x00' FROM 40) WHERE number = 0",
    "UPDATE outcome_tiles SET root = sha256(root) WHERE number = 1",
    "UPDATE log_tiles SET hashes = overlay(hashes PLACING '\\x00' FROM 40)",
    "UPDATE log_entries SET entry = overlay(entry PLACING '\\x39' FROM position('\\x3230'::bytea IN entry))"
    " WHERE type = 'outcomes'",
)


def test_from_changed_rows_no_proof_is_made_that_does_not_hold(desk: Desk) -> None:
    request = UUID(done(desk, 2 * TILE + 1))
    keep(desk)
    log_something(desk, TILE)
    keep(desk)
    keeper = LogKeeper(desk.engine, desk.masters, lambda: KEY)
    for change in CHANGES:
        with put_back(desk):
            as_owner(desk, change)
            with pytest.raises(CertifyError):
                prove_line(keeper, request, 1)
    assert isinstance(check(prove_line(keeper, request, 1).encode(), [KEY.public]), LineProof)


@contextmanager
def put_back(desk: Desk) -> Iterator[None]:
    """Afterwards TABLES are as they were."""
    for table in TABLES:
        desk.execute(f"CREATE TABLE kept_{table} AS TABLE {table}")
    try:
        yield
    finally:
        for table in TABLES:
            again = (f"TRUNCATE {table}", f"INSERT INTO {table} TABLE kept_{table}", f"DROP TABLE kept_{table}")
            as_owner(desk, *again)


def as_owner(desk: Desk, *statements: str) -> None:
    """As somebody does who may do everything to the database: guards and triggers are set aside."""
    with desk.engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_every_line_can_be_proved_with_few_questions(desk: Desk) -> None:
    log_something(desk, TILE)
    keep(desk)
    request = UUID(done(desk, LINES))
    log_something(desk, 10)
    keep(desk)
    keeper = LogKeeper(desk.engine, desk.masters, lambda: KEY)
    asked: list[str] = []
    event.listen(desk.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    for line in (1, 2, TILE, TILE + 1, 2 * TILE, 2 * TILE + 1, LINES):
        asked.clear()
        proof = prove_line(keeper, request, line)
        assert len(asked) <= MOST_QUESTIONS
        proved = check(proof.encode(), [KEY.public])
        assert isinstance(proved, LineProof)
        assert (proved.request, proved.leaf["line"]) == (str(request), line)
