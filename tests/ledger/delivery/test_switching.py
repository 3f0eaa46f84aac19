"""Which vendors are on: stored in the ledger and changed by a person, and not by processes that start or stop."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.contract import Answer, Call, Person, Verdict
from domain.outcomes import Reason
from domain.requests import Kind
from ledger.delivery import chunks, switching, vendors
from ledger.delivery.chunks import LeaseLostError
from ledger.desk.reports import status_of
from tasks import attend, retire
from tasks.deliver import deliver
from tasks.dispatch import dispatch
from tasks.settle import settle
from tasks.submission import SubmitError
from tasks.toolbox import Toolbox
from tests.examples import examples
from tests.ledger.conftest import APPLIED, Desk, everybody, people
from tests.stubs import StubAdapter, StubExchange

NAMES = ("algonomy", "dfinery", "insider")
BY = "cli:ann"
EXPIRED = Answer(Verdict.ACTION, Reason.SESSION_EXPIRED)


def switch(desk: Desk, vendor: str, *, on: bool) -> None:
    with desk.engine.begin() as connection:
        assert (switching.switch_on if on else switching.switch_off)(connection, vendor, BY)


def enabled(desk: Desk) -> list[str]:
    with desk.engine.connect() as connection:
        return [vendor.name for vendor in vendors.all_vendors(connection) if vendor.enabled]


def tools_of(desk: Desk, *names: str, handed: list[str] | None = None) -> Toolbox:
    """The tools of a process that has the credentials of these vendors."""
    exchanges = {name: StubExchange(everybody(APPLIED), StubAdapter(name=name)) for name in names}
    return desk.tools(exchanges, hand_over=[].append if handed is None else handed.append)


def test_a_process_that_lacks_a_vendor_takes_it_from_no_request(desk: Desk) -> None:
    desk.announce(insider=10, dfinery=10)
    desk.announce(insider=10)  # a worker that was started without Dfinery's credentials
    desk.announce()
    public_id = desk.submit(people(3)).recorded.public_id
    insiders, both = tools_of(desk, "insider"), tools_of(desk, "insider", "dfinery")

    desk.work_off(insiders)
    settle(insiders)
    with desk.engine.connect() as connection:
        found = status_of(connection, public_id)
        assert switching.lacking(connection, ["insider"]) == ["dfinery"]
        assert switching.lacking(connection, ["insider", "dfinery"]) == []
    assert found is not None
    assert (found.status, found.vendors["dfinery"]) == ("running", {"pending": 3})

    desk.work_off(both)
    settle(both)
    assert desk.one("SELECT CAST(status AS text) FROM requests") == "completed"


def test_a_vendor_that_a_person_switched_off_stays_off_whoever_starts(desk: Desk) -> None:
    desk.announce(insider=10, dfinery=10)
    desk.submit(people(1))
    switch(desk, "dfinery", on=False)
    desk.announce(insider=10, dfinery=10)
    assert enabled(desk) == ["insider"]
    with pytest.raises(SubmitError, match="switched-off vendor; known are insider"):
        desk.submit(people(1), vendors=("dfinery",))
    tools = tools_of(desk, "insider", "dfinery")
    assert (dispatch("dfinery", tools), dispatch("insider", tools)) == (0, 1)
    switch(desk, "dfinery", on=True)
    assert dispatch("dfinery", tools) == 1, "what was pending waited"
    assert desk.rows("SELECT by, deed, target FROM audit_entries WHERE deed LIKE 'vendor%' ORDER BY id") == [
        (BY, "vendor off", "dfinery"),
        (BY, "vendor on", "dfinery"),
    ]


def test_a_vendor_of_nobody_is_neither_switched_nor_retired(desk: Desk) -> None:
    with desk.engine.begin() as connection:
        assert not switching.switch_on(connection, "acme", BY)
        assert not switching.switch_off(connection, "acme", BY)
    with pytest.raises(retire.NoSuchVendorError):
        retire.retire(desk.engine, "acme", BY, "gone")
    assert desk.one("SELECT count(*) FROM audit_entries") == 0


def test_a_ledger_of_before_in_which_a_start_switched_a_vendor_off_has_it_on_again(desk: Desk) -> None:
    desk.execute("UPDATE vendors SET enabled = false")
    desk.announce(insider=10)
    assert enabled(desk) == ["insider"]


def test_a_chunk_of_a_vendor_that_a_process_lacks_comes_to_no_harm(desk: Desk) -> None:
    desk.announce(insider=10, dfinery=10)
    desk.submit(people(3), vendors=("dfinery",))
    both, insiders = tools_of(desk, "insider", "dfinery"), tools_of(desk, "insider")
    assert dispatch("dfinery", both) == 1
    kept = "SELECT lease, holder, starts, lost, setbacks FROM chunks"
    before = desk.rows(kept)
    for _ in range(3):
        deliver(desk.queued[0][1], insiders)
    assert desk.rows(kept) == before
    desk.queued.clear()
    desk.make_everything_due()
    desk.work_off(both)
    assert {outcome for outcome, _, _ in desk.outcomes().values()} == {"accepted"}


def test_a_dispatch_is_handed_to_those_who_serve_the_vendor_and_to_nobody_where_none_does(desk: Desk) -> None:
    desk.announce(insider=10, dfinery=10)
    handed: list[str] = []
    insiders, both = tools_of(desk, "insider", handed=handed), tools_of(desk, "insider", "dfinery")
    assert (dispatch("dfinery", insiders), handed) == (0, []), "nobody has ever looked for its chunks"
    dispatch("dfinery", both)
    assert (dispatch("dfinery", insiders), handed) == (0, ["dfinery"])
    desk.execute("UPDATE vendors SET served_at = now() - interval '2 minutes'")
    assert (dispatch("dfinery", insiders), handed) == (0, ["dfinery"])
    with desk.engine.connect() as connection:
        assert [vendor.served for vendor in vendors.all_vendors(connection)] == [False, False]
    dispatch("dfinery", both)
    with desk.engine.connect() as connection:
        served = {vendor.name: vendor.served for vendor in vendors.all_vendors(connection)}
    assert served == {"dfinery": True, "insider": False}


@dataclass
class Model:
    """What the ledger should say, whichever processes start and stop."""

    ever: set[str] = field(default_factory=set)
    off: set[str] = field(default_factory=set)
    running: list[frozenset[str]] = field(default_factory=list)

    def on(self) -> list[str]:
        return sorted(self.ever - self.off)


ACTS = st.one_of(
    st.tuples(st.just("start"), st.frozensets(st.sampled_from(NAMES))),
    st.tuples(st.just("stop"), st.integers(0, 3)),
    st.tuples(st.just("off"), st.sampled_from(NAMES)),
    st.tuples(st.just("on"), st.sampled_from(NAMES)),
    st.tuples(st.just("retire"), st.sampled_from(NAMES)),
    st.tuples(st.just("submit"), st.none()),
    st.tuples(st.just("work"), st.integers(0, 3)),
)


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ACTS, max_size=14))
def test_processes_of_any_vendors_start_and_stop_in_any_order(
    desk: Desk, emptied: Callable[[], None], acts: list[tuple[str, object]]
) -> None:
    emptied()
    desk.queued.clear()
    model, meant = Model(), dict[int, list[str]]()
    for act, what in acts:
        _act(desk, model, meant, act, what)
        assert enabled(desk) == model.on()
    recorded = desk.rows("""
        SELECT id, (SELECT array_agg(name ORDER BY name) FROM vendors WHERE vendors.id = ANY(vendor_ids))
        FROM requests ORDER BY id""")
    assert recorded == sorted(meant.items()), "a request has the vendors that were on when it came, and keeps them"
    # In the end somebody has every credential, and every vendor is on: everything closes.
    desk.announce(**dict.fromkeys(NAMES, 10))
    for name in NAMES:
        switch(desk, name, on=True)
    desk.make_everything_due()
    desk.work_off(tools_of(desk, *NAMES))
    settle(tools_of(desk, *NAMES))
    assert {status for (status,) in desk.rows("SELECT CAST(status AS text) FROM requests")} <= {"completed"}
    ended = desk.rows("SELECT DISTINCT CAST(outcome AS text), reason FROM outcomes")
    assert set(ended) <= {("accepted", None), ("cancelled", "vendor_retired")}
    desk.assert_tallies_add_up()


def _act(desk: Desk, model: Model, meant: dict[int, list[str]], act: str, what: object) -> None:
    if act == "start":
        assert isinstance(what, frozenset)
        desk.announce(**dict.fromkeys(what, 10))
        model.ever |= what
        model.running.append(what)
    elif act == "stop" and isinstance(what, int) and what < len(model.running):
        model.running.pop(what)
    elif act == "submit" and model.on():
        somebody = people(2 * len(meant) + 2)[-2:]  # others each time: nobody waits for a delivery of their own
        public_id = desk.submit(somebody, kind=Kind.OPT_OUT).recorded.public_id
        meant[desk.one("SELECT id FROM requests WHERE public_id = :id", id=public_id)] = model.on()
    elif act == "work" and isinstance(what, int) and what < len(model.running):
        desk.work_off(tools_of(desk, *model.running[what]), runs=5)
    elif isinstance(what, str) and what in model.ever:
        if act == "retire":
            retire.retire(desk.engine, what, BY, "the contract has ended")
        else:
            switch(desk, what, on=act == "on")
        (model.off.discard if act == "on" else model.off.add)(what)


# retired for good


@contextmanager
def leased(desk: Desk, chunk_id: int) -> Iterator[chunks.Lease]:
    with desk.engine.begin() as connection:
        lease = chunks.lease(connection, chunk_id, lease_s=60, holder="test", masters=desk.masters)
    assert lease is not None
    yield lease


def statuses(desk: Desk) -> list[str]:
    return [status for (status,) in desk.rows("SELECT CAST(status AS text) FROM requests ORDER BY id")]


def test_what_is_pending_at_a_retired_vendor_is_cancelled_and_requests_close(desk: Desk) -> None:
    desk.announce(insider=10, dfinery=10)
    desk.submit(people(25))
    desk.submit(people(5), vendors=("dfinery",))
    desk.work_off(tools_of(desk, "insider"))

    retired = retire.retire(desk.engine, "dfinery", BY, "the contract has ended")

    assert retired == retire.Retired(pending=30, waiting=0)
    assert statuses(desk) == ["completed", "completed"]
    ends = {(vendor, *end) for (vendor, _), end in desk.outcomes().items()}
    assert ends == {("insider", "accepted", None, 1), ("dfinery", "cancelled", "vendor_retired", 0)}
    assert desk.rows("SELECT by, target, allowed, because FROM audit_entries WHERE deed = 'vendor retire'") == [
        (BY, "dfinery", True, "the contract has ended")
    ]
    desk.assert_tallies_add_up()
    desk.announce(insider=10, dfinery=10)
    assert enabled(desk) == ["insider"], "its credentials do not bring it back"
    again = [retire.retire(desk.engine, "dfinery", BY, "again") for _ in range(2)]
    since = desk.one("SELECT retired_at FROM vendors WHERE name = 'dfinery'")
    assert again == [retire.Retired(0, 0, before=since)] * 2
    with desk.engine.begin() as connection:
        switching.switch_on(connection, "dfinery", BY)
    assert retire.retire(desk.engine, "dfinery", BY, "once more").before is None


def test_what_needs_a_person_at_a_retired_vendor_is_cancelled_too(desk: Desk) -> None:
    desk.announce(insider=10, dfinery=10)
    ends = (EXPIRED, Answer(Verdict.USER, Reason.REJECTED), Answer(Verdict.UNREACHABLE, Reason.NO_IDENTIFIER), APPLIED)

    def by_line(call: Call, batch: list[Person]) -> list[Answer]:
        return [ends[(person.line - 1) % 4] for person in batch]

    exchanges = {name: StubExchange(by_line, StubAdapter(name=name)) for name in ("insider", "dfinery")}
    desk.submit(people(4))
    desk.submit(people(8)[4:], vendors=("dfinery",))
    desk.work_off(desk.tools(exchanges))
    assert statuses(desk) == ["completed_with_exceptions"] * 2

    assert retire.retire(desk.engine, "dfinery", BY, "gone") == retire.Retired(pending=0, waiting=6)

    assert statuses(desk) == ["completed_with_exceptions", "completed"], "what waits at Insider waits still"
    latest = desk.rows("""
        SELECT DISTINCT ON (request_id, line) line, CAST(outcome AS text), reason FROM outcomes
        JOIN vendors ON vendors.id = vendor_id WHERE name = 'dfinery' ORDER BY request_id, line, round DESC""")
    assert (
        latest
        == [
            (1, "cancelled", "vendor_retired"),
            (2, "cancelled", "vendor_retired"),
            (3, "cancelled", "vendor_retired"),
            (4, "accepted", None),
        ]
        * 2
    )
    assert desk.rows("SELECT DISTINCT by, deed, reason FROM notes") == [(BY, "vendor retire", "gone")]
    desk.assert_tallies_add_up()


def test_a_worker_that_is_at_it_stops_and_what_it_leaves_is_swept(desk: Desk) -> None:
    desk.announce(insider=10)
    desk.submit(people(3))
    tools = tools_of(desk, "insider")
    dispatch("insider", tools)
    with leased(desk, desk.queued.pop()[1]) as lease:
        assert retire.retire(desk.engine, "insider", BY, "gone").pending == 0
        with desk.engine.begin() as connection:
            assert not chunks.renew(connection, lease, 60.0).stands, "its run is told to stop"
            chunks.put_back(connection, lease, delay_s=0.0, setbacks=[])
    settle(tools)
    settle(tools)
    assert statuses(desk) == ["completed"]
    assert set(desk.outcomes().values()) == {("cancelled", "vendor_retired", 0)}


def test_a_worker_that_vanished_at_a_retired_vendor_may_have_reached_it(desk: Desk) -> None:
    desk.announce(insider=10)
    desk.submit(people(1))
    tools = tools_of(desk, "insider")
    dispatch("insider", tools)
    with leased(desk, desk.queued.pop()[1]) as lease:
        retire.retire(desk.engine, "insider", BY, "gone")
        desk.make_everything_due()
        settle(tools)
        with desk.engine.begin() as connection, pytest.raises(LeaseLostError):
            chunks.renew(connection, lease, 60.0)
    assert set(desk.outcomes().values()) == {("cancelled", "lease_lost", 0)}
    assert statuses(desk) == ["completed"]


def test_what_is_accepted_at_a_retired_vendor_stays_so_and_is_read_back_no_more(desk: Desk) -> None:
    desk.announce(insider=10)
    desk.submit(people(1))
    desk.work_off(tools_of(desk, "insider"))
    desk.execute("""
        INSERT INTO chunks (request_id, vendor_id, first_line, last_line, round, purpose)
        SELECT request_id, vendor_id, first_line, last_line, 2, 'verify' FROM chunks""")
    retire.retire(desk.engine, "insider", BY, "gone")
    assert desk.one("SELECT count(*) FROM chunks WHERE state <> 'closed'") == 0
    assert set(desk.outcomes().values()) == {("accepted", None, 1)}


def test_a_retry_at_a_retired_vendor_finds_nothing_and_on_takes_it_back(desk: Desk) -> None:
    desk.announce(insider=10)
    public_id = desk.submit(people(1)).recorded.public_id
    desk.work_off(desk.tools_for(everybody(EXPIRED)))
    retire.retire(desk.engine, "insider", BY, "gone")
    assert attend.Desk(desk.engine, BY, lambda _: None).retry(public_id, None, None).deliveries == {}
    switch(desk, "insider", on=True)
    desk.submit(people(1))
    desk.work_off(tools_of(desk, "insider"))
    assert statuses(desk) == ["completed", "completed"]


def test_retiring_while_requests_come_in_leaves_nothing_open(desk: Desk) -> None:
    desk.announce(insider=10, dfinery=10)
    somebody = iter(people(5_000))
    over = threading.Event()
    refused: list[str] = []

    def submit_on() -> None:
        while not over.is_set():
            try:
                desk.submit([next(somebody), next(somebody)])
            except SubmitError as error:
                refused.append(str(error))

    submitting = threading.Thread(target=submit_on)
    submitting.start()
    try:
        retire.retire(desk.engine, "dfinery", BY, "gone")
    finally:
        over.set()
        submitting.join(60)
    tools = tools_of(desk, "insider")
    while desk.one("SELECT count(*) FROM chunks WHERE state <> 'closed'"):
        desk.work_off(tools)
        settle(tools)
    assert refused == []
    assert set(statuses(desk)) == {"completed"}
    desk.assert_tallies_add_up()
