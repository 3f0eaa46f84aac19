"""Filters tell which volumes a person may be in, so that a lookup need not read all volumes."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, text

from bench.plans import statements_of
from domain.requests import Subject
from ledger import filter_building, volumes
from ledger.filter_building import build_filters
from ledger.keys import fingerprinter
from ledger.people.involved import requests_of
from ledger.people.prints import Prints
from ledger.person_filters import Prints as Sought
from ledger.person_filters import joined, ranges_with
from ledger.session import migrate
from tests.ledger.conftest import Desk, people
from tests.ledger.test_volumes import (  # noqa: F401 - fixtures
    copy_ledger,
    database,
    long_ago,
    shelf,
    turn_over,
)

STRANGER: Subject = {"user_id": "nobody", "email": "nobody@else.example", "phone_number": "+821099999999"}


def prints_of(desk: Desk, subject: Subject) -> Sought:
    with desk.engine.begin() as connection:
        return Prints(fingerprinter(connection, desk.masters)).identifiers(subject)


def searched(desk: Desk, subject: Subject) -> set[int]:
    """The volumes in which a look-up of this person reads."""
    prints = prints_of(desk, subject)
    with desk.engine.connect() as connection:
        with statements_of(desk.engine) as heard:
            requests_of(connection, prints)
        plans = [
            str(connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", bound).scalar_one())
            for statement, bound in list(heard)
        ]
    return {int(volume) for plan in plans for volume in re.findall(r"'Relation Name': 'subjects_(\d+)'", plan)}


def lines_of(desk: Desk, subject: Subject) -> list[int]:
    prints = prints_of(desk, subject)
    with desk.engine.connect() as connection:
        return [found.line for found in requests_of(connection, prints)]


@contextmanager
def killed_after(desk: Desk, statements: int) -> Iterator[None]:
    """As if the process died before it sends the next one."""
    left = statements

    class KilledError(BaseException):
        pass

    def kill(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise KilledError

    event.listen(desk.engine, "before_cursor_execute", kill)
    try:
        with pytest.raises(KilledError):
            yield
    finally:
        event.remove(desk.engine, "before_cursor_execute", kill)


@pytest.fixture
def filled(shelf: Desk) -> Desk:  # noqa: F811 - the fixture
    """Three volumes that have ended, with 40 people in each, and a present one with none of them."""
    everyone = people(120)
    for first in range(0, 120, 40):
        shelf.submit(everyone[first : first + 40])
        turn_over(shelf)
    shelf.submit([{"user_id": "somebody else"}])
    return shelf


def test_a_look_up_asks_the_volumes_that_can_hold_the_person_and_no_others(filled: Desk) -> None:
    assert searched(filled, STRANGER) == {1, 2, 3, 4}, "while nothing is known of them"
    assert build_filters(filled.engine, ended_for_s=0) == [1, 2, 3]
    assert build_filters(filled.engine, ended_for_s=0) == []
    assert searched(filled, STRANGER) == {4}
    everyone = people(120)
    for number in (0, 39, 40, 79, 80, 119):
        for one in (everyone[number], *({name: value} for name, value in everyone[number].items())):
            assert lines_of(filled, one) == [number % 40 + 1]
            assert searched(filled, one) == {number // 40 + 1, 4}


def test_nobody_is_missed_and_few_are_sought_in_vain(filled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody on record is found, with filters of several blocks, read and written in many steps."""
    monkeypatch.setattr(filter_building, "STEP_PEOPLE", 7)
    monkeypatch.setattr(filter_building, "STEP_BLOCKS", 3)
    monkeypatch.setattr(filter_building, "BITS_A_PRINT", 700)
    build_filters(filled.engine, ended_for_s=0)
    assert filled.one("SELECT min(filter_blocks) FROM volumes WHERE ended_at IS NOT NULL") > 6
    missed, in_vain = filled.rows("""
        SELECT count(*) FILTER (WHERE volumes.id = its.volume AND NOT held),
            count(*) FILTER (WHERE volumes.id <> its.volume AND held)
        FROM (SELECT CAST(split_part(CAST(CAST(subjects.tableoid AS regclass) AS text), '_', 2) AS integer) AS volume,
                  print
              FROM subjects CROSS JOIN unnest(ARRAY[user_print, email_print, phone_print]) AS print
              WHERE print IS NOT NULL) AS its
        CROSS JOIN volumes
        CROSS JOIN LATERAL (
            SELECT filter_may_hold(bits, print) AS held FROM person_filters
            WHERE person_filters.filter = volumes.filter AND block = filter_block(print, filter_blocks)) AS told
    """)[0]
    assert missed == 0
    assert in_vain < 5, "of 720"


def test_a_filter_takes_a_few_bytes_for_each_person(filled: Desk) -> None:
    filled.execute("UPDATE requests SET subjects = 40000 WHERE id = 1")  # as if they were so many
    build_filters(filled.engine, ended_for_s=0)
    most = 40_000 * 3 * filter_building.BITS_A_PRINT / 8 + filter_building.BLOCK_BYTES
    assert filled.one("SELECT filter_blocks FROM volumes WHERE id = 1") * filter_building.BLOCK_BYTES <= most


def test_who_comes_to_a_volume_after_it_was_filtered_is_found(filled: Desk) -> None:
    """Completed, taken in late, or written by an older program, which knows of no filters."""
    build_filters(filled.engine, ended_for_s=0)
    user, email, phone = (a_print.hex() for a_print in prints_of(filled, STRANGER) if a_print)
    filled.execute(
        "UPDATE subjects SET email_print = CAST(:email AS uuid) WHERE request_id = 1 AND line = 3", email=email
    )
    assert searched(filled, STRANGER) == {1, 4}
    filled.execute("UPDATE subjects_2 SET phone_print = CAST(:phone AS uuid) WHERE line = 4", phone=phone)
    assert searched(filled, STRANGER) == {1, 2, 4}
    filled.execute(
        """INSERT INTO subjects (request_id, line, sealed, whole_print, user_print)
        SELECT first_request, 41, '', gen_random_uuid(), CAST(:user AS uuid) FROM volumes WHERE id = 3""",
        user=user,
    )
    assert searched(filled, STRANGER) == {1, 2, 3, 4}
    assert lines_of(filled, STRANGER) == [3, 4, 41]


def test_a_filter_that_was_not_finished_rules_nobody_out(filled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the process was killed, the next call finishes the work."""
    monkeypatch.setattr(filter_building, "BITS_A_PRINT", 700)
    monkeypatch.setattr(filter_building, "STEP_BLOCKS", 3)
    one = people(1)[0]
    for statements in range(1, 30, 4):
        filled.execute("UPDATE volumes SET filter_blocks = NULL; UPDATE turns SET due_at = now()")
        with killed_after(filled, statements):
            build_filters(filled.engine, ended_for_s=0)
        assert lines_of(filled, one) == [1]
    filled.execute("UPDATE turns SET due_at = now()")
    build_filters(filled.engine, ended_for_s=0)
    assert searched(filled, STRANGER) == {4}
    assert lines_of(filled, one) == [1]
    assert filled.one("SELECT count(*) FROM person_filters") == filled.one("SELECT sum(filter_blocks) FROM volumes")


def test_a_block_that_is_missing_rules_nobody_out(filled: Desk) -> None:
    build_filters(filled.engine, ended_for_s=0)
    filled.execute("DELETE FROM person_filters")
    assert searched(filled, STRANGER) == {1, 2, 3, 4}


def test_one_process_filters_at_a_time(filled: Desk, in_threads: Callable[..., list[Any]]) -> None:
    built = in_threads(3, lambda: build_filters(filled.engine, ended_for_s=0))
    assert sorted(volume for each in built for volume in each) == [1, 2, 3]
    assert filled.one("SELECT count(*) FROM person_filters") == filled.one("SELECT sum(filter_blocks) FROM volumes")


def test_a_volume_that_is_being_written_to_is_left_to_the_next_call(
    filled: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filter_building, "_WAIT_BRIEFLY", text("SET LOCAL lock_timeout = '50ms'"))
    writing, go_on = threading.Event(), threading.Event()

    def late() -> Iterator[Subject]:
        yield from people(1_100)
        writing.set()
        assert go_on.wait(30)
        yield STRANGER

    with filled.engine.connect() as connection:  # an upload that began before the volume ended
        connection.execute(text("UPDATE subjects_2 SET line = line WHERE line = 1"))
        assert build_filters(filled.engine, ended_for_s=0) == [1, 3]
        connection.rollback()
    assert build_filters(filled.engine, ended_for_s=0) == [2]
    upload = threading.Thread(target=lambda: filled.submit(late()))
    upload.start()
    try:
        assert writing.wait(30)
        turn_over(filled)
        assert build_filters(filled.engine, ended_for_s=0) == []
    finally:
        go_on.set()
        upload.join(timeout=30)
    assert build_filters(filled.engine, ended_for_s=0) == [4]
    assert lines_of(filled, STRANGER) == [1_101]


def test_volumes_are_filtered_when_they_have_ended_for_a_while(filled: Desk) -> None:
    assert build_filters(filled.engine) == []
    long_ago(filled, 1)
    assert build_filters(filled.engine) == [1, 2, 3]


def test_nothing_is_left_of_a_filter_when_its_volume_is_dropped(filled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of what came late; in bounded steps."""
    monkeypatch.setattr(filter_building, "BITS_A_PRINT", 700)
    monkeypatch.setattr(filter_building, "STEP_BLOCKS", 3)
    build_filters(filled.engine, ended_for_s=0)
    filled.execute("UPDATE subjects SET email_print = gen_random_uuid() WHERE request_id = 1 AND line < 10")
    filled.execute("UPDATE chunks SET state = 'closed' WHERE request_id = 1")
    filled.execute("UPDATE requests SET status = 'completed', closed_at = now() - interval '10 days' WHERE id = 1")
    long_ago(filled, 10)
    deleted: list[int] = []

    def note(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if "person_filters" in statement or "late_prints" in statement:
            deleted.append(cursor.rowcount)

    event.listen(filled.engine, "after_cursor_execute", note)
    try:
        assert [gone.id for gone in volumes.drop_expired(filled.engine, 9)] == [1]
    finally:
        event.remove(filled.engine, "after_cursor_execute", note)
    assert max(deleted) <= 3
    assert filled.rows("SELECT filter, filter_blocks FROM volumes WHERE id = 1") == [(None, None)]
    assert filled.one("SELECT count(*) FROM late_prints") == 0
    assert filled.one("SELECT count(*) FROM person_filters") == filled.one("SELECT sum(filter_blocks) FROM volumes")


def begin_second_volume(earlier: Desk) -> None:
    """As programs of that time did, whose users owned the tables."""
    for statement in (
        "SELECT setval('requests_id_seq', past_request, false) FROM volumes WHERE id = 1",
        "SELECT open_volume(CAST(3 AS smallint), past_request, past_request + (CAST(1 AS bigint) << 32)) "
        "FROM volumes WHERE id = 2",
        "UPDATE volumes SET ended_at = now() WHERE id = 1",
    ):
        earlier.execute(statement)


def test_an_earlier_ledger_gets_filters_for_what_has_ended(postgres_url: str, desk: Desk) -> None:
    desk.announce(insider=10)
    desk.submit(people(25))
    with database(postgres_url, "earlier") as engine:
        migrate(engine, "0022")
        earlier = Desk(engine, desk.masters, desk.loop)
        copy_ledger(desk.engine, engine)
        begin_second_volume(earlier)
        migrate(engine)
        assert lines_of(earlier, people(25)[24]) == [25]
        assert build_filters(engine, ended_for_s=0) == [1]
        assert lines_of(earlier, people(25)[24]) == [25]
        assert searched(earlier, STRANGER) == {2}


def test_a_person_of_whom_nothing_is_given_is_nowhere(filled: Desk) -> None:
    build_filters(filled.engine, ended_for_s=0)
    with filled.engine.connect() as connection:
        assert requests_of(connection, (None, None, None)) == []
        assert len(ranges_with(connection, (None, None, None))) == 1


@pytest.mark.parametrize(
    ("ranges", "most", "expected"),
    [
        ([], None, []),
        ([(1, 4), (4, 9)], None, [(1, 9)]),
        ([(1, 4), (5, 9)], None, [(1, 4), (5, 9)]),
        ([(1, 4), (5, 9), (9, 10)], None, [(1, 4), (5, 10)]),
        ([(1, 4), (6, 9), (10, 12)], 2, [(1, 4), (6, 12)]),
        ([(1, 4), (6, 9), (10, 12)], 1, [(1, 12)]),
    ],
)
def test_ranges_that_touch_are_one(
    ranges: list[tuple[int, int]], most: int | None, expected: list[tuple[int, int]]
) -> None:
    assert joined(ranges, most) == expected
