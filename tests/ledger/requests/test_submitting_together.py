"""Small requests that come at the same time: recorded together, each with its own answer."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError, OperationalError

from domain.requests import Kind, Subject
from ledger.requests import small_requests
from ledger.session import one_by_one, rows_of
from tasks.known import look_up
from tasks.submission import NO_GUARDS, Guards, Submission, SubmitError
from tasks.submit import Offer, Receipt, submit_few
from tests.ledger.conftest import Desk, people
from tests.ledger.requests.test_submitting import left_behind, opened

SOON = datetime(2026, 5, 25, tzinfo=UTC)


@pytest.fixture(autouse=True)
def vendors(desk: Desk) -> None:
    desk.announce(insider=10, akinon=4)


def offer(subjects: list[Subject], *, kind: Kind = Kind.OPT_OUT, **more: Any) -> Offer:
    return Offer(Submission(kind, **more), subjects)


def together(desk: Desk, *offers: Offer, guards: Guards = NO_GUARDS) -> list[Receipt | SubmitError | None]:
    return submit_few(
        offers,
        engine=desk.engine,
        masters=desk.masters,
        wake=desk.woken.extend,
        guards=guards,
        known=look_up(desk.engine, desk.masters),
    )


def test_each_stands_as_if_it_had_come_alone(desk: Desk) -> None:
    everybody = people(40)
    parts = [everybody[:1], everybody[1:30], everybody[30:]]
    receipts = together(
        desk,
        offer(parts[0], kind=Kind.ERASURE, submitted_by="key:shop", effective_at=SOON),
        offer(
            [*parts[1], parts[1][0]], vendors=("insider",), idempotency_key="k", options={"insider": {"whole": ["a"]}}
        ),
        offer(parts[2]),
    )
    assert [receipt.recorded[1:4] for receipt in receipts if isinstance(receipt, Receipt)] == [
        (1, 0, False),
        (29, 1, False),
        (10, 0, False),
    ]
    assert [[subject for _, subject in opened(desk, number)] for number in (1, 2, 3)] == parts
    assert desk.rows(
        "SELECT CAST(kind AS text), CAST(status AS text), submitted_by, idempotency_print IS NULL,"
        " effective_at = :soon, subjects"
        " FROM requests ORDER BY id",
        soon=SOON,
    ) == [
        ("erasure", "running", "key:shop", True, True, 1),
        ("opt_out", "running", "unknown", False, False, 29),
        ("opt_out", "running", "unknown", True, False, 10),
    ]
    assert desk.rows(
        "SELECT request_id, name, count(*), max(last_line) FROM chunks JOIN vendors ON vendors.id = vendor_id"
        " GROUP BY 1, 2 ORDER BY 1, 2"
    ) == [(1, "akinon", 1, 1), (1, "insider", 1, 1), (2, "insider", 3, 30), (3, "akinon", 3, 10), (3, "insider", 1, 10)]
    noted = desk.rows("SELECT target FROM audit_entries WHERE deed = 'submit'")
    assert sorted(target for (target,) in noted) == sorted(
        str(receipt.recorded.public_id) for receipt in receipts if isinstance(receipt, Receipt)
    )


def test_one_that_cannot_be_taken_leaves_the_others(desk: Desk) -> None:
    refused, taken = together(desk, offer(people(1), vendors=("acme",)), offer(people(2)))
    assert isinstance(refused, SubmitError)
    assert isinstance(taken, Receipt)
    assert desk.one("SELECT count(*) FROM requests") == 1


def test_what_needs_more_is_left_to_submit(desk: Desk) -> None:
    with_session: Subject = {**people(1)[0], "vendors": {"akinon": {"session_id": "s"}}}
    asked = [
        offer([]),
        offer([with_session]),
        offer(people(4)),
        offer(people(1), not_before=datetime.now(UTC) + timedelta(days=60)),
    ]
    assert together(desk, *asked, guards=Guards(confirm_above=3)) == [None] * 4
    assert left_behind(desk) == {}


def test_a_key_that_is_taken_is_left_to_submit(desk: Desk) -> None:
    desk.submit(people(1), idempotency_key="taken")
    taken, first, again = together(
        desk,
        offer(people(1), idempotency_key="taken"),
        offer(people(2), idempotency_key="new"),
        offer(people(2), idempotency_key="new"),
    )
    assert taken is None
    assert [isinstance(receipt, Receipt) for receipt in (first, again)].count(True) == 1
    assert desk.one("SELECT count(*) FROM requests") == 2
    assert desk.one("SELECT count(*) FROM subjects") == 3


def test_processes_that_are_given_the_same_keys_do_not_lock_each_other_out(desk: Desk) -> None:
    keys = [f"k{number}" for number in range(20)]

    def side(turn: int, ordered: list[str]) -> list[Receipt | SubmitError | None]:
        return together(desk, *(offer(people(1), idempotency_key=f"{turn}-{key}") for key in ordered))

    with ThreadPoolExecutor(2) as both:
        for turn in range(10):
            one, other = both.submit(side, turn, keys), both.submit(side, turn, keys[::-1])
            receipts = [receipt for receipt in (*one.result(), *other.result()) if receipt is not None]
            assert len(receipts) == len(keys)
    assert desk.one("SELECT count(*) FROM requests") == 10 * len(keys)


def test_one_that_postgresql_refuses_leaves_the_others(desk: Desk) -> None:
    poison = offer(people(1), submitted_by="nul\0")
    assert together(desk, offer(people(1)), poison, offer(people(2))) == [None] * 3
    assert left_behind(desk) == {}
    with pytest.raises(DataError):
        together(desk, poison)


def test_what_postgresql_says_is_told_alike_however_it_was_asked(desk: Desk) -> None:
    divides = text("SELECT 1 / CAST(:by AS integer)")
    with one_by_one(desk.engine) as connection:
        with pytest.raises(DataError):
            rows_of(connection, divides, {"by": 0})
        assert rows_of(connection, divides, {"by": 1}) == [(1,)]
    with desk.engine.begin() as connection, pytest.raises(DataError):  # as behind a pooler
        rows_of(connection, divides, {"by": 0})
    with one_by_one(desk.engine) as connection, pytest.raises(OperationalError) as lost:
        rows_of(connection, text("SELECT pg_terminate_backend(pg_backend_pid())"), {})
    assert lost.value.connection_invalidated
    with one_by_one(desk.engine) as connection:
        assert rows_of(connection, divides, {"by": 1}) == [(1,)]


def test_nobody_is_woken_for_what_begins_later(desk: Desk) -> None:
    together(desk, offer(people(1), not_before=datetime.now(UTC) + timedelta(hours=1)))
    together(desk, offer(people(1)), guards=Guards({Kind.OPT_OUT: 60.0}))
    assert desk.woken == []
    assert desk.one("SELECT bool_and(chunks.due_at = not_before) FROM chunks JOIN requests ON request_id = requests.id")
    together(desk, offer(people(1), not_before=SOON))
    assert desk.woken == ["akinon", "insider"]


def test_nothing_of_a_person_is_shown(desk: Desk) -> None:
    one = offer(people(1), idempotency_key="secret")
    assert repr(one) == "Offer(people=1)"
    assert "jane" not in repr(small_requests.Small(None, people(1)))
