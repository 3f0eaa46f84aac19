"""Outcomes of a chunk, appended by COPY where they are many: the same record as one by one, and a small log."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text

from domain.outcomes import Outcome, Reason
from domain.requests import Subject
from ledger.delivery import chunks, outcomes
from ledger.delivery.claiming import claim
from ledger.delivery.outcomes import COPY_FROM, Settled
from ledger.desk import status
from tests.ledger.conftest import Desk, people

MANY = 4_000
WAL_BYTES = 175
"""Of write-ahead log for a delivery, at most: 125 are usual, and pages logged after a checkpoint come on top."""


def hold(desk: Desk, vendor: str = "insider") -> chunks.Lease:
    with desk.engine.begin() as connection:
        (claimed,) = claim(connection, vendor, 1)
        held = chunks.lease(connection, claimed.chunk_id, lease_s=60, holder="test", masters=desk.masters)
    assert held is not None
    return held


def record(desk: Desk, held: chunks.Lease, *groups: Settled, used_sessions: bool = False) -> None:
    with desk.engine.begin() as connection:
        outcomes.append(connection, held, groups, used_sessions=used_sessions)


def many(lines: Sequence[int], outcome: Outcome = Outcome.ACCEPTED) -> Settled:
    assert len(lines) >= COPY_FROM
    return Settled(lines, outcome, None, 1)


@pytest.fixture
def held(desk: Desk) -> chunks.Lease:
    """The chunk of a request of a hundred people."""
    desk.announce(insider=MANY)
    desk.submit(people(100))
    return hold(desk)


def test_groups_are_recorded_person_by_person(desk: Desk, held: chunks.Lease) -> None:
    record(
        desk,
        held,
        many(range(1, 51)),
        Settled([60, 55], Outcome.REFUSED, Reason.REJECTED, 3),
        Settled([], Outcome.ABSENT, None, 1),
        Settled([52], Outcome.NEEDS_ACTION, Reason.SESSION_EXPIRED, 2),
    )
    assert desk.outcomes() == {
        **{("insider", line): ("accepted", None, 1) for line in range(1, 51)},
        ("insider", 55): ("refused", "rejected", 3),
        ("insider", 60): ("refused", "rejected", 3),
        ("insider", 52): ("needs_action", "session_expired", 2),
    }
    assert desk.one("SELECT max(abs(extract(epoch FROM now() - settled_at))) < 60 FROM outcomes")
    desk.assert_tallies_add_up()


def test_one_by_one_makes_the_same_record(desk: Desk, held: chunks.Lease) -> None:
    ends = (Settled([], Outcome.ACCEPTED, None, 1), Settled([], Outcome.REFUSED, Reason.REJECTED, 2))
    with desk.engine.begin() as connection:
        settled = [ends[line % 2]._replace(lines=[line]) for line in range(1, 101)]
        outcomes.append(connection, held, settled, used_sessions=False)
    assert desk.outcomes() == {
        ("insider", line): ("refused", "rejected", 2) if line % 2 else ("accepted", None, 1) for line in range(1, 101)
    }
    desk.assert_tallies_add_up()


def test_whoever_is_on_record_stays_so_and_the_others_are_added(desk: Desk, held: chunks.Lease) -> None:
    record(desk, held, many(range(1, 41)))
    record(desk, held, many(range(31, 61), Outcome.REFUSED))
    assert desk.outcomes() == {
        ("insider", line): ("accepted" if line <= 40 else "refused", None, 1) for line in range(1, 61)
    }
    desk.assert_tallies_add_up()


def test_a_later_round_moves_the_tallies(desk: Desk, held: chunks.Lease) -> None:
    record(desk, held, many(range(1, 51)))
    with desk.engine.begin() as connection:
        chunks.close(connection, held)
        chunks.open_verification(connection, held, 0.0)
    again = hold(desk)
    assert again.round == 2
    record(desk, again, many(range(1, 41), Outcome.VERIFIED))
    record(desk, again, many(range(31, 51), Outcome.NEEDS_ACTION))
    assert desk.rows("SELECT CAST(outcome AS text), deliveries FROM tallies ORDER BY tallies.outcome") == [
        ("accepted", 0),
        ("verified", 40),
        ("needs_action", 10),
    ]
    desk.assert_tallies_add_up()


def test_sessions_of_many_are_deleted_with_their_outcomes(desk: Desk) -> None:
    desk.announce(akinon=MANY)
    sessions: list[Subject] = [{**one, "vendors": {"akinon": {"session_id": "s"}}} for one in people(40)]
    desk.submit(sessions)
    record(desk, hold(desk, "akinon"), many(range(1, 31)), used_sessions=True)
    assert desk.rows("SELECT count(*), min(line) FROM sessions") == [(10, 31)]


def test_what_is_rolled_back_was_never_counted(desk: Desk, held: chunks.Lease) -> None:
    with desk.engine.connect() as connection:
        outcomes.append(connection, held, [many(range(1, 51))], used_sessions=False)
    assert desk.outcomes() == {}
    assert desk.rows("SELECT * FROM tallies") == []


def test_the_log_of_a_delivery_is_small(desk: Desk) -> None:
    desk.announce(insider=MANY)
    desk.submit(people(MANY))
    held = hold(desk)
    written = []
    for first in range(1, MANY + 1, 1_000):
        before = desk.one("SELECT pg_current_wal_insert_lsn()")
        record(desk, held, many(range(first, first + 1_000)))
        written.append(desk.one("SELECT pg_current_wal_insert_lsn() - CAST(:before AS pg_lsn)", before=before))
    assert min(written) / 1_000 < WAL_BYTES  # the server writes of its own accord at times


def test_a_status_costs_the_same_for_a_thousand_times_as_many(desk: Desk) -> None:
    with desk.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM requests, tallies, vendors"))  # of what earlier tests have left
    desk.announce(insider=MANY)
    pages = []
    for count in (10, 10_000):
        receipt = desk.submit(people(count))
        while desk.one("SELECT count(*) FROM chunks WHERE state <> 'closed'"):
            held = hold(desk)
            last = min(held.last_line, count)
            record(desk, held, Settled(range(held.first_line, last + 1), Outcome.ACCEPTED, None, 1))
            with desk.engine.begin() as connection:
                chunks.close(connection, held)
        desk.execute("ANALYZE requests, tallies, vendors")
        pages.append(pages_read(desk, status._REQUEST, public_id=receipt.recorded.public_id))
        request_id = desk.one("SELECT max(id) FROM requests")
        pages.append(pages_read(desk, status._TALLIES, id=request_id))
    few, few_tallies, many_, many_tallies = pages
    # A row that was updated may lie in several places, and so may what an index says of it.
    assert max(few + few_tallies, many_ + many_tallies) < 20


def pages_read(desk: Desk, statement: str, **values: Any) -> int:
    """Pages that PostgreSQL looks at to answer this, in memory or not, once it has planned it."""
    explained = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}"
    plan = desk.one(explained, **values)[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
