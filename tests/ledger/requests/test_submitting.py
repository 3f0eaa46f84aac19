"""Recording a request: as a whole, or not at all."""

import tracemalloc
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.noticed import Noticed
from domain.requests import Kind, Subject
from intake.files.reader import UnusableInputError, read_people
from ledger.contexts import key_context
from ledger.delivery.chunks import Lease, Purpose
from ledger.delivery.pending import open_people, pending
from ledger.desk.reports import status_of
from ledger.sealing import MasterKeys, SealingKey, UnsealError, generate_master_key
from tasks.submission import SubmitError
from tasks.submit import Receipt
from tests import shifted_clock
from tests.ledger.conftest import Desk, people

PRODUCER_TABLES = ("requests", "subjects", "sessions", "chunks", "outcomes", "tallies")


def left_behind(desk: Desk) -> dict[str, int]:
    counts = {table: desk.one(f"SELECT count(*) FROM {table}") for table in PRODUCER_TABLES}  # noqa: S608 - our own names
    return {table: count for table, count in counts.items() if count}


def opened(desk: Desk, request_id: int = 1, vendor: str | None = None) -> list[tuple[int, Subject]]:
    """Everybody of a request, as a delivery would see them."""
    ((public_id, data_key),) = desk.rows(
        "SELECT public_id, wrapped FROM requests JOIN data_keys ON request_id = id WHERE id = :id", id=request_id
    )
    lease = Lease(
        id=uuid4(),
        chunk_id=0,
        request_id=request_id,
        vendor_id=desk.one("SELECT id FROM vendors WHERE name = :name", name=vendor) if vendor else 0,
        vendor=vendor or "",
        kind=Kind.ERASURE,
        first_line=1,
        last_line=10**6,
        round=1,
        purpose=Purpose.DELIVER,
        starts=1,
        lost=0,
        setbacks=(),
        options=b"",
        key=SealingKey(desk.masters.open(data_key, key_context(public_id))),
    )
    with desk.engine.begin() as connection:
        found = pending(connection, lease, awaits="pending", with_sessions=vendor is not None)
    return [(person.line, person.subject) for person in open_people(lease, found)]


def test_no_transaction_waits_for_the_first_people_of_a_file(desk: Desk) -> None:
    """PostgreSQL would end it: a file of faults, or a slow sender, has none to copy in for longer than that."""
    waiting: list[int] = []

    def one_by_one() -> Iterator[Subject]:
        for one in people(3):
            waiting.append(
                desk.one("""
                SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND state LIKE 'idle in transaction%'""")
            )
            yield one

    desk.submit(one_by_one())
    assert waiting == [0, 0, 0]
    assert len(opened(desk)) == 3


def test_everything_is_on_record(desk: Desk) -> None:
    desk.announce(insider=10, algonomy=4)
    receipt = desk.submit(people(23))
    assert (receipt.repeated, receipt.recorded.people, receipt.recorded.duplicates) == (False, 23, 0)
    assert opened(desk) == list(enumerate(people(23), start=1))
    spans = desk.rows("SELECT vendors.name, first_line, last_line FROM chunks JOIN vendors ON vendor_id = vendors.id")
    assert sorted(spans) == [
        *(("algonomy", first, min(first + 3, 23)) for first in range(1, 24, 4)),
        ("insider", 1, 10),
        ("insider", 11, 20),
        ("insider", 21, 23),
    ]
    assert desk.woken == ["algonomy", "insider"]
    with desk.engine.begin() as connection:
        status = status_of(connection, receipt.recorded.public_id)
    assert status is not None
    assert (status.kind, status.status, status.subjects) == ("erasure", "running", 23)
    assert status.vendors == {"algonomy": {"pending": 23}, "insider": {"pending": 23}}


def test_more_than_one_block_of_copy(desk: Desk) -> None:
    many = people(3_000)
    desk.submit(iter(many))
    assert [subject for _, subject in opened(desk)] == many


def test_memory_does_not_grow_with_the_request(desk: Desk) -> None:
    desk.announce(insider=1_000)

    def peak(number: int) -> int:
        some = people(1)[0]
        tracemalloc.start()
        desk.submit({**some, "user_id": f"Jane-{place}", "email": None} for place in range(number))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    few = peak(2_000)
    assert peak(20_000) < few + 100_000  # 5 bytes for each one more


@pytest.mark.parametrize("sent", [0, 1, 2_500])
def test_people_who_break_off_leave_nothing(desk: Desk, sent: int) -> None:
    def broken() -> Iterator[Subject]:
        yield from people(sent)
        raise LookupError("a line that cannot be read")

    with pytest.raises(LookupError):
        desk.submit(broken(), idempotency_key="k")
    assert left_behind(desk) == {}
    assert desk.woken == []
    assert not desk.submit(people(2), idempotency_key="k").repeated


def test_a_request_for_nobody_is_refused(desk: Desk) -> None:
    with pytest.raises(SubmitError, match="there is nobody in it"):
        desk.submit([])
    assert left_behind(desk) == {}


@pytest.mark.parametrize("dropped_at_once", [1, 2, 10_000])
def test_duplicates_collapse_to_the_first_line(
    desk: Desk, dropped_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.people.adding._DROPPED_AT_ONCE", dropped_at_once)
    first, second = people(2)
    again: Subject = {"user_id": first["user_id"], "email": "JANE-00001@private.example ", "vendors": {}}
    again |= {"phone_number": first["phone_number"]}
    receipt = desk.submit([first, second, first, again, second, first])
    assert (receipt.recorded.people, receipt.recorded.duplicates) == (2, 4)
    assert opened(desk) == [(1, first), (2, second)]


def test_who_differs_in_anything_is_somebody_else(desk: Desk) -> None:
    base = people(1)[0]
    different: list[Subject] = [
        base,
        {**base, "user_id": "Jane-00001"},
        {**base, "email": None},
        {**base, "vendors": {"algonomy": {"user_id": "x"}}},
        {**base, "vendors": {"algonomy": {"user_id": "y"}}},
        {"user_id": base["user_id"]},
        {"email": "straße@example.org"},
        {"email": "strasse@example.org"},
    ]
    assert desk.submit(different).recorded.people == len(different)


def test_duplicates_are_one_requests_own(desk: Desk) -> None:
    for _ in range(2):
        assert desk.submit(people(3)).recorded.people == 3


def test_sessions_are_sealed_apart_and_opened_for_their_vendor_only(desk: Desk) -> None:
    desk.announce(insider=10, akinon=10)
    block = {"session_id": "hush-1", "csrf_token": "hush-2"}
    mine: Subject = {"user_id": "u", "vendors": {"akinon": dict(block), "algonomy": {"user_id": "x"}}}
    desk.submit([mine, people(1)[0], mine])
    kept: Subject = {"user_id": "u", "vendors": {"algonomy": {"user_id": "x"}}}
    assert desk.one("SELECT count(*) FROM sessions") == 1
    assert opened(desk) == [(1, kept), (2, people(1)[0])]
    assert opened(desk, vendor="akinon")[0] == (1, mine)


def test_without_that_vendor_a_session_stays_with_the_person_and_is_not_kept_apart(desk: Desk) -> None:
    mine: Subject = {"user_id": "u", "vendors": {"akinon": {"session_id": "s"}}}
    desk.submit([mine])
    assert desk.one("SELECT count(*) FROM sessions") == 0


def test_the_same_submission_again_is_the_same_request(desk: Desk) -> None:
    first = desk.submit(people(5), idempotency_key="k", options={"insider": {"whole": ["name"]}})
    again = desk.submit(iter(people(5)), idempotency_key="k", options={"insider": {"whole": ["name"]}})
    assert again == Receipt(first.recorded, repeated=True)
    assert desk.one("SELECT count(*) FROM requests") == 1
    assert desk.one("SELECT count(*) FROM subjects") == 5


@pytest.mark.parametrize(
    ("subjects", "more"),
    [
        (people(4), {}),
        (people(6), {}),
        (list(reversed(people(5))), {}),
        ([*people(4), {**people(5)[4], "email": None}], {}),
        (people(5), {"kind": Kind.OPT_OUT}),
        (people(5), {"vendors": ("insider",)}),
        (people(5), {"options": {"insider": {"whole": ["name"]}}}),
    ],
)
def test_another_submission_under_the_same_key_is_refused(desk: Desk, subjects: Any, more: dict[str, Any]) -> None:
    desk.announce(insider=10, algonomy=4)
    desk.submit(people(5), idempotency_key="k")
    with pytest.raises(SubmitError, match="already stands for another request") as told:
        desk.submit(subjects, idempotency_key="k", **more)
    assert "jane" not in str(told.value)
    assert desk.one("SELECT count(*) FROM requests") == 1


def test_without_a_key_every_submission_is_a_new_one(desk: Desk) -> None:
    ids = {desk.submit(people(1)).recorded.public_id for _ in range(3)}
    assert len(ids) == 3


def test_many_at_once_under_one_key_make_one_request(desk: Desk, in_threads: Callable[..., list[Any]]) -> None:
    receipts = in_threads(6, lambda: desk.submit(people(300), idempotency_key="k"))
    assert all(isinstance(receipt, Receipt) for receipt in receipts), receipts
    assert all(receipt.recorded == receipts[0].recorded for receipt in receipts)
    assert sorted(receipt.repeated for receipt in receipts) == [False] + [True] * 5
    assert desk.one("SELECT count(*) FROM subjects") == 300


def test_others_at_once_under_one_key_are_refused(desk: Desk, in_threads: Callable[..., list[Any]]) -> None:
    sizes = iter([50, 60, 70, 80])
    results = in_threads(4, lambda: desk.submit(people(next(sizes)), idempotency_key="k"))
    receipts = [result for result in results if isinstance(result, Receipt)]
    assert len(receipts) == 1
    assert sum(isinstance(result, SubmitError) for result in results) == 3
    assert desk.one("SELECT count(*) FROM subjects") == receipts[0].recorded.people


def test_a_key_is_free_again_when_its_submission_failed(desk: Desk, in_threads: Callable[..., list[Any]]) -> None:
    def breaking() -> Receipt:
        def some() -> Iterator[Subject]:
            yield from people(10)
            raise LookupError

        return desk.submit(some(), idempotency_key="k")

    assert all(isinstance(result, LookupError) for result in in_threads(3, breaking))
    assert desk.submit(people(1), idempotency_key="k").repeated is False


def test_no_vendor_is_switched_on(desk: Desk) -> None:
    desk.switch_off("insider")
    with pytest.raises(SubmitError, match="no vendor is switched on"):
        desk.submit(people(1))


@pytest.mark.parametrize("vendors", [("acme",), ("insider", "acme"), ("algonomy",), ("jane@private.example",)])
def test_an_unknown_or_switched_off_vendor_is_told_with_the_known_ones(desk: Desk, vendors: tuple[str, ...]) -> None:
    desk.announce(insider=10, algonomy=4, dfinery=4)
    desk.switch_off("algonomy")
    with pytest.raises(SubmitError) as told:
        desk.submit(people(1), vendors=vendors)
    assert str(told.value) == "unknown or switched-off vendor; known are dfinery, insider"
    assert left_behind(desk) == {}


def test_only_the_vendors_named(desk: Desk) -> None:
    desk.announce(insider=10, algonomy=4, dfinery=4)
    desk.submit(people(1), vendors=("dfinery", "insider", "dfinery"))
    assert desk.woken == ["dfinery", "insider"]
    assert desk.one("SELECT count(*) FROM chunks") == 2


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"acme": {}}, "options are given by vendor; known are"),
        ({"insider": {"whole": []}}, "options.insider.whole: "),
        ({"insider": {"whole": ["gdpr_optin"]}}, "options.insider.whole.0: "),
        ({"insider": {"nothing_of_ours": 1}}, "options.insider.nothing_of_ours: "),
        ({"insider": "jane@private.example"}, "options.insider"),
        ({"insider": {"jane@private.example": "jane"}}, "options.insider"),
        ({"insider": {"partial": {"jane@private.example": ["jane"]}}}, "options.insider.partial"),
    ],
)
def test_bad_options_are_told_by_their_place_and_never_quoted(desk: Desk, options: Any, told: str) -> None:
    with pytest.raises(SubmitError) as error:
        desk.submit(people(1), options=options)
    assert str(error.value).startswith(told)
    assert "jane" not in str(error.value)
    assert left_behind(desk) == {}


def test_another_master_key_opens_nothing(desk: Desk) -> None:
    desk.submit(people(1))
    desk.masters = MasterKeys.parse(generate_master_key())
    with pytest.raises(UnsealError):
        desk.submit(people(1))
    with pytest.raises(UnsealError):
        opened(desk)


def test_a_new_master_key_beside_the_old_one_opens_everything(desk: Desk) -> None:
    old, new = generate_master_key(), generate_master_key()
    desk.masters = MasterKeys.parse(old)
    first = desk.submit(people(2), idempotency_key="k")
    desk.masters = MasterKeys.parse(f"{new},{old}")
    assert opened(desk) == list(enumerate(people(2), start=1))
    assert desk.submit(people(2), idempotency_key="k") == Receipt(first.recorded, repeated=True)
    later = desk.submit(people(1)).recorded.public_id
    wrapped = desk.one("SELECT wrapped FROM data_keys JOIN requests ON id = request_id WHERE public_id = :id", id=later)
    assert MasterKeys.parse(new).open(wrapped, key_context(UUID(str(later))))


def test_a_person_moved_to_another_line_cannot_be_opened(desk: Desk) -> None:
    desk.submit(people(2))
    desk.execute("UPDATE subjects SET sealed = (SELECT sealed FROM subjects WHERE line = 2) WHERE line = 1")
    with pytest.raises(UnsealError):
        opened(desk)


@pytest.mark.parametrize(("ahead", "given", "is_taken"), [(-60, 0, True), (60, 30, False), (0, 4, True), (0, 6, False)])
def test_what_is_in_the_future_is_told_by_postgresqls_clock(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, ahead: int, given: int, *, is_taken: bool
) -> None:
    """Like all other dates: this machine's clock may be wrong by so many minutes."""
    shifted_clock.host(monkeypatch, timedelta(minutes=ahead))
    at = desk.one("SELECT now()") + timedelta(minutes=given)
    for name in ("asked_at", "effective_at"):
        for count in (1, 1_001):
            if is_taken:
                desk.submit(people(count), **{name: at})
            else:
                with pytest.raises(SubmitError, match=f"{name} is in the future"):
                    desk.submit(people(count), **{name: at})
    file = b"user_id,asked_at\nu-1,2026-05-25\nu-2,%s\n" % at.isoformat().encode()
    noticed = Noticed()
    if is_taken:
        desk.submit([{"user_id": "u-1"}, {"user_id": "u-2", "asked_at": at}])
        desk.submit(read_people(BytesIO(file), noticed), noticed=noticed)
    else:
        with pytest.raises(SubmitError, match="asked_at of person 2 is in the future"):
            desk.submit([{"user_id": "u-1"}, {"user_id": "u-2", "asked_at": at}])
        with pytest.raises(UnusableInputError) as refused:
            desk.submit(read_people(BytesIO(file), noticed), noticed=noticed)
        assert [(one.line, one.field) for one in refused.value.faults] == [(3, "asked_at")]
    assert bool(desk.one("SELECT count(*) FROM requests")) == is_taken
