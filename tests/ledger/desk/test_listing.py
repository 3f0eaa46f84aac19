"""Lists of deliveries: those of one outcome are found where they are, and are those of the whole list with it."""

from collections.abc import Iterable, Iterator

import pytest
from sqlalchemy import Connection, Engine, text

from domain.outcomes import Outcome
from domain.requests import Kind, Subject
from ledger.delivery.vendors import announce
from ledger.desk import listing
from ledger.desk.listing import Numbers, joined
from ledger.desk.reports import Row
from ledger.sealing import MasterKeys
from tasks.submission import Submission
from tasks.submit import submit

PEOPLE, CHUNK = 2_000, 100
PENDING, RETRIED, CLOSED = (150, 1900), 507, 1007


@pytest.fixture
def connection(engine: Engine, masters: MasterKeys) -> Iterator[Connection]:
    """A ledger in which a request of many people has come far at one vendor."""
    with engine.begin() as connection:
        announce(connection, {"insider": CHUNK, "dfinery": CHUNK})
    people: list[Subject] = [{"user_id": f"u-{n}"} for n in range(PEOPLE)]
    submit(Submission(Kind.OPT_OUT), people, engine=engine, masters=masters, wake=lambda _: None)
    failed = range(7, PEOPLE, 500)
    done = [line for line in range(1, PEOPLE + 1) if line not in {*failed, *PENDING}]
    with engine.begin() as connection:
        settle(connection, done, "accepted")
        settle(connection, failed, "exhausted")
        settle(connection, [RETRIED], "pending", round_=2)
        settle(connection, [CLOSED], "cancelled", round_=2)
        connection.execute(_CLOSE, {"open": [*PENDING, RETRIED]})
        connection.execute(text("ANALYZE subjects, outcomes"))
        yield connection


def settle(connection: Connection, lines: Iterable[int], outcome: str, round_: int = 1) -> None:
    """As a worker does at insider."""
    connection.execute(_SETTLE, {"lines": list(lines), "outcome": outcome, "round": round_})


_SETTLE = text("""
    WITH appended AS (
        INSERT INTO outcomes (request_id, vendor_id, round, line, attempts, outcome)
        SELECT 1, id, :round, line, 1, CAST(:outcome AS outcome)
        FROM vendors, unnest(CAST(:lines AS integer[])) AS line WHERE name = 'insider'
        RETURNING vendor_id, outcome)
    INSERT INTO tallies
    SELECT 1, vendor_id, outcome, count(*) FROM appended WHERE outcome <> 'pending' GROUP BY vendor_id, outcome
""")
_CLOSE = text("""
    UPDATE chunks SET state = 'closed'
    WHERE vendor_id = (SELECT id FROM vendors WHERE name = 'insider') AND NOT EXISTS (
        SELECT FROM unnest(CAST(:open AS integer[])) AS line WHERE line BETWEEN first_line AND last_line)
""")


def numbers(connection: Connection) -> Numbers:
    public_id = connection.execute(text("SELECT public_id FROM requests")).scalar_one()
    found = listing.numbers_of(connection, public_id)
    assert found is not None
    return found


def page(connection: Connection, outcome: str | None, limit: int, after: tuple[str, int] = ("", 0)) -> list[Row]:
    return listing.deliveries_page(connection, numbers(connection), outcome=outcome, after=after, limit=limit)


def test_those_of_one_outcome_are_those_of_all_that_have_it(connection: Connection) -> None:
    whole = page(connection, None, 3 * PEOPLE)
    assert [row.line for row in whole] == [*range(1, PEOPLE + 1)] * 2
    for outcome in ("pending", *Outcome):
        having = [row for row in whole if row.outcome == outcome]
        assert page(connection, outcome, 3 * PEOPLE) == having, outcome
        found: list[Row] = []
        while rows := page(connection, outcome, 333, (found[-1].vendor, found[-1].line) if found else ("", 0)):
            found += rows
        assert found == having, outcome
    assert [row.line for row in whole if row.vendor == "insider" and row.outcome == "pending"] == [
        PENDING[0],
        RETRIED,
        PENDING[1],
    ]


def test_a_page_costs_what_it_holds(connection: Connection) -> None:
    scans = text("SELECT sum(idx_scan) FROM pg_stat_xact_all_tables WHERE relname ~ '^(outcomes|subjects)_'")
    at = numbers(connection)._replace(vendors={"insider": numbers(connection).vendors["insider"]})
    for outcome, limit in (("exhausted", 1_000), ("cancelled", 1_000), ("accepted", 10), ("pending", 1_000)):
        before = connection.execute(scans).scalar_one()
        rows = listing.deliveries_page(connection, at, outcome=outcome, after=("", 0), limit=limit)
        assert 0 < len(rows) <= 10
        assert connection.execute(scans).scalar_one() - before < 4 * CHUNK, outcome


def test_spans_are_joined_where_they_touch() -> None:
    assert list(joined([])) == []
    assert list(joined([(1, 5), (2, 3), (6, 9), (11, 12), (11, 20), (22, 22)])) == [(1, 9), (11, 20), (22, 22)]
