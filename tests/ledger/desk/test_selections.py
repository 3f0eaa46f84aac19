"""Deeds over a selection: the same as on each request alone, in few statements, and complete even if a process is
killed."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, event, text

from domain.requests import Kind
from ledger.desk import selected
from ledger.desk import selections as recorded
from ledger.sealing import MasterKeys, generate_master_key
from tasks import selections
from tasks.attend import Desk as Attending
from tasks.selections import Criteria, Deed, Done, Order, Progress, UnusableOrderError
from tasks.settle import settle
from tests.ledger.conftest import Desk, people
from tests.ledger.endings import end
from tests.ledger.kept import Restore, kept
from tests.services import empty

BY = "cli:ann"


@pytest.fixture(autouse=True)
def vendors(desk: Desk) -> None:
    desk.announce(insider=10, dfinery=10)


def several(desk: Desk, count: int, *, kind: Kind = Kind.ERASURE, **more: Any) -> list[int]:
    """So many requests of one person each; their numbers."""
    before = desk.one("SELECT COALESCE(max(id), 0) FROM requests")
    for _ in range(count):
        desk.submit(people(1), kind=kind, **more)
    return [id_ for (id_,) in desk.rows("SELECT id FROM requests WHERE id > :before ORDER BY id", before=before)]


def do(desk: Desk, deed: Deed, because: str | None = None, by: str = BY, **criteria: Any) -> Progress:
    """A deed, begun and done to its end."""
    order = Order(deed, Criteria(**criteria), because if because or deed is not Deed.CLOSE else "as agreed")
    standing = selections.begin(desk.engine, order, by)
    while standing.ended_at is None:
        found = selections.step(desk.engine, standing.public_id, desk.woken.extend)
        assert found is not None
        standing = found
    return standing


@contextmanager
def counted(desk: Desk) -> Iterator[list[str]]:
    """The statements that are sent to PostgreSQL meanwhile."""
    sent: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        sent.append(statement)

    event.listen(desk.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(desk.engine, "before_cursor_execute", note)


def tell(desk: Desk) -> dict[str, list[tuple[Any, ...]]]:
    """All that a deed may change, but for moments, who and why."""
    return {
        "requests": desk.rows(
            "SELECT id, CAST(status AS text), closed_at IS NULL, confirmed_by FROM requests ORDER BY 1"
        ),
        "outcomes": desk.rows("""
            SELECT request_id, vendor_id, line, round, attempts, CAST(outcome AS text), reason FROM outcomes
            ORDER BY 1, 2, 3, 4"""),
        "tallies": desk.rows("""
            SELECT request_id, vendor_id, CAST(outcome AS text), deliveries FROM tallies WHERE deliveries > 0
            ORDER BY 1, 2, 3"""),
        "chunks": desk.rows("""
            SELECT request_id, vendor_id, first_line, last_line, round, CAST(state AS text) FROM chunks
            ORDER BY 1, 2, 5, 3"""),
        "notes": desk.rows("SELECT request_id, vendor_id, by, deed FROM notes ORDER BY 1, 2"),
    }


def mixed(desk: Desk) -> None:
    """Requests in every state that matters to a deed."""
    for outcome, reason in (("exhausted", "busy"), ("refused", "rejected"), ("needs_action", "code_sent")):
        end(desk, outcome, reason, several(desk, 2))
        end(desk, outcome, reason, several(desk, 1, kind=Kind.OPT_OUT), vendor="insider")
    end(desk, "unreachable", "no_identifier", several(desk, 1))
    end(desk, "accepted", None, several(desk, 1))
    end(desk, "exhausted", "busy", several(desk, 1, kind=Kind.OPT_IN))
    several(desk, 2)
    waiting = several(desk, 2, submitted_by="key:shop") + several(desk, 1, submitted_by=BY)
    desk.execute("UPDATE requests SET status = 'unconfirmed' WHERE id = ANY(:ids)", ids=waiting)


@pytest.fixture(scope="module")
def masters() -> MasterKeys:
    """The same for all tests, so that what is kept can be opened."""
    return MasterKeys.parse(generate_master_key())


@pytest.fixture(scope="module")
def as_mixed(_migrated: Engine, masters: MasterKeys, _loop: asyncio.AbstractEventLoop) -> Iterator[Restore]:
    """Makes the ledger hold the same mixed requests again."""
    with _migrated.begin() as connection:
        empty(connection)
    desk = Desk(_migrated, masters, _loop)
    desk.announce(insider=10)
    desk.announce(dfinery=10)
    mixed(desk)
    with kept(_migrated) as restore:
        yield restore


ALONE: dict[Deed, Callable[[Attending, Any, Criteria], Any]] = {
    Deed.RETRY: lambda at, one, which: at.retry(one, which.vendor, which.reason),
    Deed.CLOSE: lambda at, one, which: [
        at.close(one, name, which.reason, "as agreed")
        for name in ([which.vendor] if which.vendor else ["dfinery", "insider"])
    ],
    Deed.CANCEL: lambda at, one, which: at.cancel(one),
    Deed.CONFIRM: lambda at, one, which: at.confirm(one, own=which.own),
}
MEANT = {
    Deed.RETRY: "status IN ('running', 'completed', 'completed_with_exceptions')",
    Deed.CLOSE: "status IN ('running', 'completed', 'completed_with_exceptions')",
    Deed.CANCEL: "status IN ('running', 'unconfirmed')",
    Deed.CONFIRM: "status = 'unconfirmed' AND submitted_by <> 'cli:ann'",
}
CHOICES: list[dict[str, Any]] = [
    {},
    {"vendor": "insider"},
    {"reason": "rejected"},
    {"reason": "busy", "vendor": "dfinery", "kind": Kind.OPT_OUT},
]


@pytest.mark.parametrize(
    ("deed", "chosen"),
    [(deed, chosen) for deed, chosen in product(Deed, CHOICES) if "reason" not in chosen or deed in {"retry", "close"}],
)
def test_it_does_to_each_what_is_done_to_one_alone(
    desk: Desk, as_mixed: Restore, deed: Deed, chosen: dict[str, Any]
) -> None:
    as_mixed()
    which = Criteria(**chosen)
    extent = selections.extent(desk.engine, Order(deed, which, "as agreed"), BY)
    together = do(desk, deed, **chosen)
    after = tell(desk)

    as_mixed()
    desk.woken.clear()
    at = Attending(desk.engine, BY, desk.woken.extend)
    kind = f"AND kind = '{which.kind}'" if which.kind else ""
    meant = f"SELECT public_id FROM requests WHERE {MEANT[deed]} {kind} ORDER BY id"  # noqa: S608 - our own words
    for (public_id,) in desk.rows(meant):
        ALONE[deed](at, public_id, which)
    if deed is Deed.CANCEL:
        settle(desk.tools({}))  # which notes that nothing is left
    alone = tell(desk)
    assert after == alone
    assert together.done.requests == len({row[0] for row in alone["notes"]})
    assert extent.requests == together.done.requests
    if deed in {Deed.RETRY, Deed.CLOSE, Deed.CANCEL}:
        assert extent.deliveries == sum(together.done.deliveries.values())
    desk.assert_tallies_add_up()


def test_what_was_received_later_and_who_came_after_it_began_are_left_alone(desk: Desk) -> None:
    old, new = several(desk, 2), several(desk, 2)
    desk.execute("UPDATE requests SET received_at = received_at - interval '1 day' WHERE id = ANY(:ids)", ids=old)
    end(desk, "exhausted", "busy")
    (before,) = desk.rows("SELECT now() - interval '1 hour'")[0]
    assert do(desk, Deed.RETRY, received_before=before).done == Done(2, {"dfinery": 2, "insider": 2})
    assert desk.rows("SELECT DISTINCT request_id FROM notes ORDER BY 1") == [(id_,) for id_ in old]

    begun = selections.begin(desk.engine, Order(Deed.CANCEL, Criteria()), BY)
    late = several(desk, 1)
    while (standing := selections.step(desk.engine, None, desk.woken.extend)) is not None:
        assert standing.public_id == begun.public_id
    assert desk.rows("SELECT id FROM requests WHERE status <> 'cancelled' ORDER BY id") == [
        (new[0],),
        (new[1],),
        (late[0],),
    ]


def test_each_request_and_the_audit_log_tell_who_why_and_which(desk: Desk) -> None:
    end(desk, "exhausted", "busy", several(desk, 2))
    before = datetime.fromisoformat("2030-01-01T00:00:00+00:00")
    closed = do(desk, Deed.CLOSE, "told by phone", vendor="insider", kind=Kind.ERASURE, received_before=before)
    why = "told by phone (selection: vendor insider, kind erasure, received before 2030-01-01T00:00:00+00:00)"
    assert desk.rows("SELECT by, deed, reason FROM notes") == [(BY, "close", why)] * 2
    assert desk.rows("SELECT by, deed, target, allowed, because FROM audit_entries WHERE deed <> 'submit'") == [
        (BY, "close", f"deed {closed.public_id}", True, why)
    ]
    do(desk, Deed.RETRY)
    assert desk.rows("SELECT DISTINCT reason FROM notes WHERE deed = 'retry'") == [("selection: all",)]


def test_the_second_person_rule_holds_for_each(desk: Desk) -> None:
    several(desk, 2, submitted_by=BY)
    several(desk, 3, submitted_by="key:shop")
    desk.execute("UPDATE requests SET status = 'unconfirmed'")
    desk.woken.clear()
    several(desk, 1, submitted_by="user:ann")  # the same person, by another account
    desk.execute("UPDATE requests SET status = 'unconfirmed'")
    assert selections.extent(desk.engine, Order(Deed.CONFIRM, Criteria()), BY)[::2] == (3, 3)
    assert do(desk, Deed.CONFIRM).done == Done(3, own=3)
    assert sorted(set(desk.woken)) == ["dfinery", "insider"]
    left = desk.rows("SELECT submitted_by, count(*) FROM requests WHERE status = 'unconfirmed' GROUP BY 1 ORDER BY 1")
    assert left == [(BY, 2), ("user:ann", 1)]
    assert do(desk, Deed.CONFIRM, own=True).done == Done(3)


@pytest.mark.parametrize(
    ("deed", "criteria", "because", "told"),
    [
        (Deed.CONFIRM, {"reason": "busy"}, None, "no reasons"),
        (Deed.CLOSE, {"reason": "no_identifier"}, "why", "provide an identifier"),
        (Deed.CLOSE, {}, None, "say why"),
        *((deed, {"vendor": "acme"}, "why", "known are dfinery, insider") for deed in Deed),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_recorded(
    desk: Desk, deed: Deed, criteria: dict[str, Any], because: str | None, told: str
) -> None:
    for attempt in (selections.begin, selections.extent):
        with pytest.raises(UnusableOrderError, match=told):
            attempt(desk.engine, Order(deed, Criteria(**criteria), because), BY)
    assert desk.one("SELECT count(*) FROM deeds") == 0
    assert desk.one("SELECT count(*) FROM audit_entries") == 0


@pytest.mark.parametrize("deed", Deed)
def test_a_deed_goes_on_where_a_killed_process_left_it(desk: Desk, deed: Deed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selected, "MOST_REQUESTS", 3)
    ids = several(desk, 8)
    if deed in {Deed.RETRY, Deed.CLOSE}:
        end(desk, "exhausted", "busy")
    if deed is Deed.CONFIRM:
        desk.execute("UPDATE requests SET status = 'unconfirmed'")
    begun = selections.begin(desk.engine, Order(deed, Criteria(), "as agreed"), BY)
    selections.step(desk.engine, begun.public_id, desk.woken.extend)
    with monkeypatch.context() as killed:
        killed.setattr(recorded, "save", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            selections.step(desk.engine, begun.public_id, desk.woken.extend)

    assert selections.carry_on(desk.engine, desk.woken.extend, lambda: False) > 0

    standing = selections.find(desk.engine, begun.public_id)
    assert standing is not None
    assert standing.ended_at is not None
    assert standing.done.requests == 8
    assert sorted({id_ for (id_,) in desk.rows("SELECT request_id FROM notes")}) == ids
    per_request = 2 if deed is Deed.CLOSE else 1  # one for each vendor
    assert desk.one("SELECT count(*) FROM notes") == 8 * per_request
    assert selections.carry_on(desk.engine, desk.woken.extend, lambda: False) == 0
    assert selections.step(desk.engine, begun.public_id, desk.woken.extend) is None
    desk.assert_tallies_add_up()


def _interrupted(*_: Any) -> Any:
    raise KeyboardInterrupt


def test_again_it_finds_nothing_more(desk: Desk) -> None:
    several(desk, 3)
    end(desk, "exhausted", "busy")
    assert do(desk, Deed.RETRY).done.requests == 3
    assert do(desk, Deed.RETRY).done == Done()
    assert do(desk, Deed.CANCEL).done.requests == 3
    assert do(desk, Deed.CANCEL).done == Done()
    assert do(desk, Deed.RETRY).done == Done()


def test_two_at_once_do_it_once(
    desk: Desk, in_threads: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selected, "MOST_REQUESTS", 2)
    several(desk, 12)
    end(desk, "exhausted", "busy")
    begun = selections.begin(desk.engine, Order(Deed.RETRY, Criteria()), BY)

    def work() -> int:
        steps = 0
        while selections.step(desk.engine, begun.public_id, desk.woken.extend) is not None:
            steps += 1
        return steps

    assert sum(in_threads(3, work)) == 7
    standing = selections.find(desk.engine, begun.public_id)
    assert standing is not None
    assert standing.done == Done(12, {"dfinery": 12, "insider": 12})
    assert desk.one("SELECT count(*) FROM notes") == 12


def test_a_transaction_is_bounded_by_people_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selected, "MOST_PEOPLE", 5)
    for count in (2, 3, 9, 1):
        desk.submit(people(count))
    end(desk, "exhausted", "busy")
    begun = selections.begin(desk.engine, Order(Deed.RETRY, Criteria()), BY)
    requests = []
    while (standing := selections.step(desk.engine, begun.public_id, desk.woken.extend)) is not None:
        requests.append(standing.done.requests)
    assert requests == [2, 3, 4]


def test_one_that_was_stopped_stays_so(desk: Desk) -> None:
    several(desk, 2)
    begun = selections.begin(desk.engine, Order(Deed.CANCEL, Criteria()), BY)
    selections.stop(desk.engine, begun.public_id)
    assert selections.step(desk.engine, begun.public_id, desk.woken.extend) is None
    assert desk.one("SELECT count(*) FROM requests WHERE status = 'cancelled'") == 0
    assert selections.find(desk.engine, uuid4()) is None


def copied(desk: Desk, count: int, status: str, outcome: str | None) -> None:
    """So many one-person requests at insider, like the first one there is."""
    values = {"count": count, "status": status, "outcome": outcome}
    with desk.engine.begin() as connection:
        for statement in (
            """INSERT INTO requests (public_id, kind, status, subjects, vendor_ids, options, due_at,
                   submitted_by)
               SELECT gen_random_uuid(), kind, CAST(:status AS request_status), subjects, vendor_ids, options,
                   due_at, 'key:shop'
               FROM requests CROSS JOIN generate_series(2, :count) WHERE id = 1""",
            """INSERT INTO data_keys (request_id, wrapped)
               SELECT id, wrapped FROM data_keys CROSS JOIN requests WHERE request_id = 1 AND id > 1""",
            """INSERT INTO subjects SELECT requests.id, line, sealed, whole_print FROM subjects
               CROSS JOIN requests WHERE request_id = 1 AND requests.id > 1""",
            """INSERT INTO chunks (request_id, vendor_id, first_line, last_line, state)
               SELECT requests.id, vendor_id, 1, 1, CAST(
                   CASE WHEN CAST(:outcome AS text) IS NULL THEN 'waiting' ELSE 'closed' END AS chunk_state)
               FROM chunks CROSS JOIN requests WHERE request_id = 1 AND requests.id > 1""",
            """INSERT INTO outcomes (request_id, vendor_id, line, round, attempts, outcome, reason)
               SELECT request_id, vendor_id, 1, 1, 1, CAST(:outcome AS outcome), 'busy' FROM chunks
               WHERE CAST(:outcome AS text) IS NOT NULL AND request_id > 1""",
            """INSERT INTO tallies SELECT request_id, vendor_id, outcome, 1 FROM outcomes""",
        ):
            connection.execute(text(statement), values)


@pytest.mark.parametrize(
    ("deed", "status", "outcome"),
    [
        (Deed.RETRY, "completed_with_exceptions", "exhausted"),
        (Deed.CLOSE, "completed_with_exceptions", "exhausted"),
        (Deed.CANCEL, "running", None),
        (Deed.CONFIRM, "unconfirmed", None),
    ],
)
def test_two_thousand_requests_cost_few_statements(desk: Desk, deed: Deed, status: str, outcome: str | None) -> None:
    desk.submit(people(1), vendors=("insider",))
    copied(desk, 2_001, status, outcome)
    with counted(desk) as sent:
        standing = do(desk, deed, kind=Kind.ERASURE, **({"vendor": "insider"} if deed is not Deed.CONFIRM else {}))
    assert standing.done.requests == 2_000 + (deed is Deed.CANCEL)
    assert len(sent) < 80, len(sent)
    assert desk.one("SELECT count(*) FROM notes") == standing.done.requests
    with counted(desk) as sweeping:
        settle(desk.tools({}))
    assert len(sweeping) < 60, len(sweeping)
    desk.assert_tallies_add_up()
