"""Volumes in the real ledger: opened ahead, turned over, migrated into, dropped when everything in them has expired."""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg.sql import SQL, Identifier
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from adapters.contract import Answer, Verdict
from bench.plans import statements_of
from domain.outcomes import Reason
from domain.requests import Kind, Subject
from ledger import forgetting, volumes
from ledger.delivery import chunks, near_requests, same_people
from ledger.desk import attention
from ledger.desk.deeds import lock_request
from ledger.desk.reports import at_risk, status_of
from ledger.evidence.checking import check_log
from ledger.people.adding import FEW
from ledger.people.involved import requests_of
from ledger.schema import is_migrated
from ledger.sealing import MasterKeys
from ledger.session import connect, driver_of, migrate
from tasks.attend import AttendError
from tasks.attend import Desk as Attending
from tasks.legal_holds import Keeper
from tasks.log import LogKeeper, keep_log
from tasks.retain import keep_forgetting, keep_volumes
from tests.ledger import databases
from tests.ledger.conftest import APPLIED, Desk, everybody, people
from tests.services import BLANK

REJECTED = Answer(Verdict.USER, Reason.REJECTED, certain=True)
MOVED = ("subjects", "sessions", "outcomes")
FULL = 0
"""With this, whatever is in a volume fills it."""


@contextmanager
def database(postgres_url: str, name: str, like: str = "template1") -> Iterator[Engine]:
    """A database of its own."""
    with databases.database(postgres_url, name, like=like) as url:
        engine = connect(url, pool_size=4)
        try:
            yield engine
        finally:
            engine.dispose()


@pytest.fixture
def shelf(postgres_url: str, desk: Desk) -> Iterator[Desk]:
    """A desk of a ledger of its own, for volumes that were dropped stay so."""
    with database(postgres_url, "volumes", like=BLANK) as engine:
        own = Desk(engine, desk.masters, desk.loop)
        own.announce(insider=10)
        yield own


def done(desk: Desk, count: int, *, days_ago: float = 0.0) -> UUID:
    """A request of so many people, delivered and closed so long ago."""
    receipt = desk.submit(people(count), reference=f"ticket {count}")
    desk.work_off(desk.tools_for(everybody(APPLIED)))
    public_id = receipt.recorded.public_id
    age(desk, days_ago)
    return public_id


def age(desk: Desk, days: float) -> None:
    desk.execute(
        "UPDATE requests SET closed_at = closed_at - :days * interval '1 day' WHERE closed_at IS NOT NULL", days=days
    )


def turn_over(desk: Desk, **more: Any) -> int | None:
    with desk.engine.begin() as connection:
        return volumes.turn_over(connection, **{"most_bytes": FULL, **more})


def long_ago(desk: Desk, days: float) -> None:
    """As if every volume that has ended had ended so long ago."""
    desk.execute("UPDATE volumes SET ended_at = now() - :days * interval '1 day' WHERE ended_at IS NOT NULL", days=days)


def tables(desk: Desk, parent: str = "outcomes") -> list[str]:
    return [
        name
        for (name,) in desk.rows(
            "SELECT CAST(CAST(inhrelid AS regclass) AS text) FROM pg_inherits WHERE inhparent = to_regclass(:parent) "
            "ORDER BY 1",
            parent=parent,
        )
    ]


def in_first_two(desk: Desk, parent: str) -> list[int]:
    """How many rows the parts of the first two volumes have."""
    return [desk.one(f"SELECT count(*) FROM {parent}_{volume}") for volume in (1, 2)]  # noqa: S608 - our own names


def test_requests_go_to_the_next_volume_when_one_is_full(shelf: Desk) -> None:
    done(shelf, 12)
    assert turn_over(shelf, most_bytes=1 << 30) is None
    assert turn_over(shelf) == 2
    done(shelf, 7)
    assert in_first_two(shelf, "subjects") == [12, 7]
    assert in_first_two(shelf, "outcomes") == [12, 7]
    assert tables(shelf) == ["outcomes_1", "outcomes_2", "outcomes_3"]
    shelf.assert_tallies_add_up()


def test_an_old_volume_is_turned_over_too(shelf: Desk) -> None:
    done(shelf, 1)
    shelf.execute("UPDATE requests SET received_at = now() - interval '31 days'")
    assert turn_over(shelf, most_bytes=1 << 30, most_days=None) is None
    assert turn_over(shelf, most_bytes=1 << 30, most_days=32) is None
    assert turn_over(shelf, most_bytes=1 << 30, most_days=30) == 2
    assert turn_over(shelf, most_bytes=1 << 30, most_days=30) is None


def test_turning_over_disturbs_nobody_who_is_writing(shelf: Desk) -> None:
    turned = []

    many = people(3 * FEW)

    def while_it_is_written() -> Iterator[Subject]:
        yield from many[: 2 * FEW]  # the first of them are read before a transaction begins
        turned.append(turn_over(shelf))
        yield from many[2 * FEW :]

    shelf.submit(while_it_is_written())
    shelf.submit(people(3))
    assert turned == [2]
    assert in_first_two(shelf, "subjects") == [len(many), 3]


def test_many_turn_over_once(shelf: Desk, in_threads: Callable[..., list[Any]]) -> None:
    done(shelf, 3)
    shelf.execute("UPDATE requests SET received_at = now() - interval '31 days'")
    turned = in_threads(4, lambda: turn_over(shelf, most_bytes=1 << 30, most_days=30))
    assert sorted(turned, key=str) == [2, None, None, None]


@pytest.mark.parametrize("volume", [1, 2])
@pytest.mark.parametrize("statement", ["UPDATE {} SET attempts = 9", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_outcomes_of_every_volume_are_guarded(desk: Desk, statement: str, volume: int) -> None:
    desk.execute(
        """INSERT INTO outcomes (request_id, vendor_id, round, line, attempts, outcome)
           SELECT first_request, 1, 1, 1, 1, 'accepted' FROM volumes WHERE id = :volume""",
        volume=volume,
    )
    with pytest.raises(DBAPIError, match="append-only"):
        desk.execute(statement.format(f"outcomes_{volume}"))


def test_a_volume_is_dropped_when_all_in_it_has_expired(shelf: Desk, in_threads: Callable[..., list[Any]]) -> None:
    old = [done(shelf, 12), done(shelf, 1)]
    turn_over(shelf)
    young = done(shelf, 5)
    age(shelf, 10)
    assert volumes.drop_expired(shelf.engine, 9) == []  # it has only now ended
    long_ago(shelf, 10)
    assert volumes.drop_expired(shelf.engine, 11) == []
    told = in_threads(3, lambda: volumes.drop_expired(shelf.engine, 9))
    assert sorted(told) == [[], [], [volumes.Dropped(1, requests=2, unresolved=0)]]
    assert tables(shelf) == ["outcomes_2", "outcomes_3"]
    assert tables(shelf, "subjects") == ["subjects_2", "subjects_3"]
    assert shelf.one("SELECT count(*) FROM pg_class WHERE relname LIKE '%\\_1'") == 0
    assert shelf.rows("SELECT count(*) FROM chunks") == [(1,)]
    assert shelf.rows("SELECT count(*) FROM request_references") == [(1,)], "what a request was called may be somebody"
    with shelf.engine.begin() as connection:
        standing = [status_of(connection, public_id) for public_id in (*old, young)]
    assert [(found.status, found.vendors, found.dropped) for found in standing if found] == [
        ("completed", {"insider": {"pending": 0, "accepted": count}}, dropped)
        for count, dropped in ((12, True), (1, True), (5, False))
    ]


def test_hashes_of_lines_go_with_their_volume_and_the_log_stays(shelf: Desk) -> None:
    done(shelf, 3, days_ago=3)
    turn_over(shelf, most_bytes=0)
    long_ago(shelf, 3)
    keeper = LogKeeper(shelf.engine, shelf.masters, lambda: None)
    keep_log(keeper)
    assert shelf.one("SELECT count(*) FROM outcome_tiles") == 1
    assert [one.requests for one in volumes.drop_expired(shelf.engine, 1)] == [1]
    assert shelf.one("SELECT count(*) FROM outcome_tiles") == 0
    keep_log(keeper)
    assert shelf.rows("SELECT type FROM log_entries ORDER BY index DESC LIMIT 1") == [("request.forgotten",)]
    with shelf.engine.connect() as connection:
        assert check_log(connection, []).faults == []


def test_what_is_open_or_young_keeps_its_volume(shelf: Desk) -> None:
    done(shelf, 3)
    shelf.submit(people(4))
    turn_over(shelf)
    age(shelf, 10)
    long_ago(shelf, 10)
    assert volumes.drop_expired(shelf.engine, 9) == []
    shelf.work_off(shelf.tools_for(everybody(APPLIED)))
    assert volumes.drop_expired(shelf.engine, 9) == []  # one of two is young
    age(shelf, 10)
    shelf.execute("UPDATE chunks SET state = 'waiting', purpose = 'verify' WHERE id = 1")
    assert volumes.drop_expired(shelf.engine, 9) == []
    shelf.execute("UPDATE chunks SET state = 'closed'")
    assert [one.id for one in volumes.drop_expired(shelf.engine, 9)] == [1]


def test_what_a_legal_hold_withholds_keeps_its_volume(shelf: Desk) -> None:
    keeper = Keeper(shelf.engine, shelf.masters, "cli:ann", shelf.woken.extend)
    hold = keeper.add(people(1)[0], Reason.LITIGATION, "case 12")
    done(shelf, 2, days_ago=10)
    assert turn_over(shelf) == 2
    long_ago(shelf, 10)
    assert volumes.drop_expired(shelf.engine, 9) == []
    keeper.release(hold)
    shelf.work_off(shelf.tools_for(everybody(APPLIED)))
    assert shelf.one("SELECT count(*) FROM outcomes WHERE outcome = 'accepted'") == 2, "it is sent when that ends"
    age(shelf, 10)
    assert [one.id for one in volumes.drop_expired(shelf.engine, 9)] == [1]


def test_nobody_is_left_to_be_kept_when_their_volume_is_dropped(shelf: Desk) -> None:
    """Of a request whose other people were forgotten, and whose key was still to be replaced."""
    done(shelf, 12, days_ago=10)
    turn_over(shelf)
    long_ago(shelf, 10)
    with shelf.engine.begin() as connection:
        forgetting.forget_but(connection, shelf.one("SELECT id FROM requests"), [3])
    keep_forgetting(shelf.engine)
    assert [one.id for one in volumes.drop_expired(shelf.engine, 9)] == [1]
    keep_forgetting(shelf.engine)
    assert shelf.one("SELECT count(*) FROM forgetting") == 0, "else no older fingerprint key would ever go"
    assert shelf.one("SELECT count(*) FROM spared_lines") == 0


def refuse_everybody(desk: Desk) -> None:
    """Nobody else was served lately, so each of them is asked several times before they are refused."""
    tools = desk.tools_for(everybody(REJECTED))
    while desk.work_off(tools):
        desk.make_everything_due()
    assert desk.one("SELECT count(*) FROM outcomes WHERE outcome = 'refused'")


def test_a_retry_at_that_moment_keeps_the_volume(shelf: Desk) -> None:
    receipt = shelf.submit(people(2))
    refuse_everybody(shelf)
    turn_over(shelf)
    age(shelf, 10)
    long_ago(shelf, 10)
    dropped: list[Any] = []
    dropping = threading.Thread(target=lambda: dropped.extend(volumes.drop_expired(shelf.engine, 9)))
    with shelf.engine.begin() as connection:
        request = lock_request(connection, receipt.recorded.public_id)
        assert request is not None
        dropping.start()  # finds it expired, and waits for us
        wait_for_a_lock(shelf)
        attention.reopen(connection, request, attention.Selection(reason="rejected"))
    dropping.join(timeout=30)
    assert dropped == []
    shelf.work_off(shelf.tools_for(everybody(APPLIED)))
    assert [outcome for outcome, _, _ in shelf.outcomes().values()] == ["accepted", "accepted"]


def wait_for_a_lock(desk: Desk) -> None:
    """Until somebody waits for a row that is locked."""
    for _ in range(500):
        if desk.one("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


def test_the_dropped_are_forgotten(shelf: Desk, masters: MasterKeys) -> None:
    receipt = shelf.submit(people(2), idempotency_key="once")
    refuse_everybody(shelf)
    turn_over(shelf)
    age(shelf, 10)
    long_ago(shelf, 10)
    shelf.execute("UPDATE requests SET due_at = now()")
    attending = Attending(shelf.engine, "test", shelf.woken.extend)
    assert [one.unresolved for one in volumes.drop_expired(shelf.engine, 9)] == [2]
    with pytest.raises(AttendError, match="forgotten"):
        attending.retry(receipt.recorded.public_id, None, "rejected")
    with shelf.engine.begin() as connection:
        assert at_risk(connection, 7) == []  # nothing can be done about it any more
        assert requests_of(connection, (b"\0" * 16, None, None)) == []
    again = shelf.submit(people(2), idempotency_key="once")
    assert not again.repeated


def test_who_reads_is_waited_for_and_nobody_else_is_held_up(shelf: Desk) -> None:
    done(shelf, 3)
    turn_over(shelf)
    age(shelf, 10)
    long_ago(shelf, 10)
    patient = connect(shelf.engine.url.render_as_string(hide_password=False), pool_size=2, patience_s=0.3)
    with shelf.engine.begin() as reader:
        reader.execute(text("SELECT count(*) FROM outcomes"))
        assert [one.id for one in volumes.drop_expired(patient, 9)] == [1]
        assert shelf.one("SELECT to_regclass('subjects_1')") is None
        assert shelf.one("SELECT to_regclass('outcomes_1')") is not None
        done(shelf, 4)
    assert volumes.drop_expired(patient, 9) == []
    assert shelf.one("SELECT to_regclass('outcomes_1')") is None
    patient.dispose()


def test_without_a_retention_nothing_is_dropped(shelf: Desk, caplog: pytest.LogCaptureFixture) -> None:
    done(shelf, 3)
    turn_over(shelf)
    age(shelf, 4000)
    long_ago(shelf, 4000)
    keep_volumes(shelf.engine, None)
    assert tables(shelf) == ["outcomes_1", "outcomes_2", "outcomes_3"]
    with caplog.at_level(logging.INFO, logger="tasks.retain"):
        keep_volumes(shelf.engine, 3999)
    assert tables(shelf) == ["outcomes_2", "outcomes_3"]
    assert "volume 1" in caplog.text


def copy_ledger(source: Engine, target: Engine) -> None:
    """Fill an earlier ledger's tables with what they hold of a later one."""
    with source.begin() as later, target.begin() as earlier:
        for table in ("keys", "vendors", "requests", "subjects", "chunks", "outcomes", "tallies"):
            named = text("SELECT column_name FROM information_schema.columns WHERE table_name = :table")
            theirs, ours = ([*one.execute(named, {"table": table}).scalars()] for one in (earlier, later))
            columns = SQL(", ").join(Identifier(name) for name in theirs if name in ours)
            copy_out = SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(columns, Identifier(table))
            copy_in = SQL("COPY {} ({}) FROM STDIN").format(Identifier(table), columns)
            with (
                driver_of(later).cursor().copy(copy_out) as rows,
                driver_of(earlier).cursor().copy(copy_in) as into,
            ):
                for row in rows:
                    into.write(row)
        has_table = earlier.execute(text("SELECT to_regclass('data_keys') IS NOT NULL")).scalar_one()
        keep = (
            "INSERT INTO data_keys (request_id, wrapped) VALUES (:id, :wrapped)"
            if has_table
            else "UPDATE requests SET data_key = :wrapped WHERE id = :id"
        )
        for key in later.execute(text("SELECT request_id AS id, wrapped FROM data_keys")):
            earlier.execute(text(keep), key._asdict())
        for table in ("vendors", "requests", "chunks"):
            earlier.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"))  # noqa: S608 - our own names


def test_a_ledger_from_before_volumes_keeps_everything(postgres_url: str, desk: Desk) -> None:
    desk.announce(insider=10)
    public_id = done(desk, 25)
    desk.submit(people(30))
    with database(postgres_url, "earlier") as engine:
        migrate(engine, "0001")
        earlier = Desk(engine, desk.masters, desk.loop)
        copy_ledger(desk.engine, engine)
        before = {name: earlier.rows(f"TABLE {name} ORDER BY 1, 2, 3") for name in MOVED}
        migrate(engine)
        assert {name: earlier.rows(f"TABLE {name} ORDER BY 1, 2, 3") for name in MOVED} == before
        assert earlier.rows(
            """SELECT CAST(CAST(indrelid AS regclass) AS text), count(*), bool_and(relispartition) FROM pg_index
            JOIN pg_class ON pg_class.oid = indexrelid
            WHERE indrelid IN (CAST('subjects_1' AS regclass), CAST('outcomes_1' AS regclass)) GROUP BY 1 ORDER BY 1"""
        ) == [("outcomes_1", 2, True), ("subjects_1", 4, True)]  # those that were there, and not built anew beside them
        with engine.begin() as connection:
            assert is_migrated(connection)
            found = status_of(connection, public_id)
        assert found is not None
        assert found.vendors == {"insider": {"pending": 0, "accepted": 25}}
        assert earlier.one("SELECT count(*) FROM data_keys") == 2
        assert earlier.rows("SELECT id FROM requests WHERE forget_from = closed_at") == [(1,)]
        assert earlier.one("SELECT count(*) FROM retention_periods WHERE as_before AND days IS NULL") == 4
        earlier.work_off(earlier.tools_for(everybody(APPLIED)))
        assert turn_over(earlier) == 2
        done(earlier, 5)
        earlier.assert_tallies_add_up()
        assert in_first_two(earlier, "outcomes") == [55, 5]


def test_what_waits_in_an_earlier_outbox_still_waits_for_the_same_receivers(postgres_url: str, desk: Desk) -> None:
    desk.announce(insider=10)
    desk.submit(people(2))
    with database(postgres_url, "earlier") as engine:
        migrate(engine, "0005")
        earlier = Desk(engine, desk.masters, desk.loop)
        earlier.execute("INSERT INTO webhooks (name, style, host) VALUES ('crm', 'standard', 'crm.example')")
        copy_ledger(desk.engine, engine)
        earlier.execute("INSERT INTO webhooks (request_id, style, host) SELECT id, 'opendsr', 'shop' FROM requests")
        earlier.execute("UPDATE requests SET status = 'completed'")
        migrate(engine)
        earlier.execute("UPDATE requests SET status = 'cancelled'")
        assert earlier.rows(
            """SELECT own, name, CAST(status AS text) FROM outbox JOIN webhooks ON webhooks.id = webhook_id
            ORDER BY own, outbox.id"""
        ) == [
            (False, "crm", "running"),
            (False, "crm", "completed"),
            (False, "crm", "cancelled"),
            (True, None, "completed"),
            (True, None, "cancelled"),
        ]


def test_what_was_to_begin_later_still_does(postgres_url: str, desk: Desk) -> None:
    desk.announce(insider=10)
    begins = datetime.now(UTC) + timedelta(days=1)
    desk.submit(people(15), not_before=begins)
    desk.submit(people(15))
    with database(postgres_url, "earlier") as engine:
        migrate(engine, "0005")
        earlier = Desk(engine, desk.masters, desk.loop)
        copy_ledger(desk.engine, engine)
        earlier.execute("UPDATE chunks SET due_at = now()")
        migrate(engine)
        due = dict(earlier.rows("SELECT request_id, max(due_at) FROM chunks GROUP BY request_id"))
        assert due[1] == begins
        assert due[2] < datetime.now(UTC)


def test_a_reason_that_meant_no_connection_says_so_afterwards(postgres_url: str, desk: Desk) -> None:
    """`unreachable` names an outcome now; an earlier ledger is migrated although its outcomes are append-only."""
    desk.announce(insider=10)
    desk.submit(people(3))
    with database(postgres_url, "earlier") as engine:
        migrate(engine, "0008")
        earlier = Desk(engine, desk.masters, desk.loop)
        copy_ledger(desk.engine, engine)
        earlier.execute("""INSERT INTO outcomes (request_id, vendor_id, round, line, attempts, outcome, reason)
            VALUES (1, 1, 1, 1, 15, 'exhausted', 'unreachable'), (1, 1, 1, 2, 1, 'refused', 'rejected'),
                (1, 1, 1, 3, 0, 'not_applicable', 'no_identifier')""")
        earlier.execute("UPDATE vendors SET held_at = now(), held_reason = 'unreachable'")
        migrate(engine)
        assert earlier.outcomes() == {
            ("insider", 1): ("exhausted", "no_connection", 15),
            ("insider", 2): ("refused", "rejected", 1),
            ("insider", 3): ("not_applicable", "no_identifier", 0),
        }
        assert earlier.one("SELECT held_reason FROM vendors") == "no_connection"
        with pytest.raises(DBAPIError, match="append-only"):
            earlier.execute("UPDATE outcomes SET reason = 'busy'")
        earlier.execute("""INSERT INTO outcomes (request_id, vendor_id, round, line, attempts, outcome, reason)
            VALUES (1, 1, 2, 3, 0, 'unreachable', 'no_identifier')""")


def test_a_volume_that_cannot_matter_is_not_searched_for_other_wishes(
    shelf: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where very many other requests are running, a person is looked for in those volumes that can have a newer wish,
    or one that is not done."""
    monkeypatch.setattr(near_requests, "FEW", 0)
    done(shelf, 1)
    turn_over(shelf)
    long_ago(shelf, 2)
    shelf.submit([{"user_id": "somebody else"}], kind=Kind.OPT_OUT)
    shelf.submit(people(1), kind=Kind.OPT_OUT)
    shelf.execute("UPDATE chunks SET state = 'queued' WHERE state = 'waiting' AND purpose = 'deliver'")
    chunk_id = shelf.one("SELECT max(id) FROM chunks WHERE purpose = 'deliver'")
    with statements_of(shelf.engine) as heard, shelf.engine.begin() as connection:
        lease = chunks.lease(connection, chunk_id, lease_s=60, holder="test", masters=shelf.masters)
        assert lease is not None
        heard.clear()
        same_people.same_people(connection, lease, [1])
        plans = [
            str(connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", bound).scalar_one())
            for statement, bound in list(heard)
        ]
    searched = {name for plan in plans for name in re.findall(r"'Relation Name': '(subjects_\d+)'", plan)}
    assert "subjects_2" in searched
    assert "subjects_1" not in searched
