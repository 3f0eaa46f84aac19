"""A legal hold withholds what destroys data of its person, whenever it was added, and lets it go when it ends, once."""

import asyncio
import json
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from adapters.contract import Addressed, Answer, Call, Order, Person, Verdict
from domain.by_hand import ByHand
from domain.effects import Effect
from domain.outcomes import Reason
from domain.requests import Kind, Subject
from ledger import due, legal_holds
from ledger.delivery import withheld as waiting
from ledger.desk import attention, endings, withheld
from ledger.desk.endings import status_and_closing
from tasks import attend, by_hand, selections
from tasks.legal_holds import HoldError, Keeper, NoSuchHoldError, end_over
from tasks.retire import retire
from tasks.run import Run
from tasks.settle import settle
from tests.ledger.conftest import APPLIED, Desk
from tests.stubs import ANY_CARD, Answering, StubAdapter, StubExchange

ANN: Subject = {"user_id": "ann-1", "email": "ann@private.example"}
BOB: Subject = {"user_id": "bob-2", "email": "bob@private.example"}
HER_ADDRESS: Subject = {"email": "ANN@private.example"}
KEPT, DONE = ("withheld", "litigation"), ("accepted", None)
BUSY = Answer(Verdict.RETRY, Reason.BUSY)


class TakesAnybody(StubAdapter):
    """Whatever is given of a person."""

    def address(self, _: Order, subject: Subject) -> Addressed:
        return Addressed(json.dumps(subject, sort_keys=True), "first")


class ErasesHistory(TakesAnybody):
    """An opt-out here destroys data, as Algonomy's does."""

    card = replace(
        ANY_CARD,
        operations={
            kind: tuple(replace(way, effects=(Effect.HISTORY_DELETED,)) for way in ANY_CARD.ways(kind))
            for kind in (Kind.ERASURE, Kind.OPT_OUT)
        },
    )


@dataclass
class Stage:
    """Two vendors, of which one destroys data at opt-outs too, and what was sent to them."""

    desk: Desk
    sent: list[tuple[str, Kind, str]] = field(default_factory=list)
    answer: Answer = APPLIED

    def __post_init__(self) -> None:
        self.desk.announce(insider=10, algonomy=10)
        adapters = [TakesAnybody("insider"), ErasesHistory("algonomy")]
        self.tools = self.desk.tools({one.name: StubExchange(self._answering(one.name), one) for one in adapters})

    def _answering(self, vendor: str) -> Answering:
        def answering(call: Call, batch: Sequence[Person]) -> list[Answer]:
            self.sent += [(vendor, call.order.kind, str(one.subject.get("user_id"))) for one in batch]
            return [self.answer] * len(batch)

        return answering

    def keeper(self) -> Keeper:
        return Keeper(self.desk.engine, self.desk.masters, "cli:ann", self.desk.woken.extend)

    def hold(self, person: Subject = ANN, reason: Reason = Reason.LITIGATION, until: datetime | None = None) -> int:
        return self.keeper().add(person, reason, "case 12", until)

    def submit(self, who: Iterable[Subject] = (ANN, BOB), kind: Kind = Kind.ERASURE, **more: object) -> UUID:
        return self.desk.submit(list(who), kind=kind, **more).recorded.public_id

    def work(self) -> "Stage":
        for _ in range(4):
            self.desk.make_everything_due()
            self.desk.work_off(self.tools)
        settle(self.tools)
        self.desk.assert_tallies_add_up()
        return self

    def outcomes(self, vendor: str = "insider") -> list[tuple[str, str | None]]:
        """Everybody's latest, by request and line."""
        found = self.desk.rows(
            """
            SELECT DISTINCT ON (request_id, line) CAST(outcome AS text), reason
            FROM outcomes JOIN vendors ON vendors.id = vendor_id
            WHERE name = :vendor ORDER BY request_id, line, round DESC""",
            vendor=vendor,
        )
        return [(outcome, reason) for outcome, reason in found]

    def status(self) -> str:
        return str(self.desk.one("SELECT CAST(status AS text) FROM requests ORDER BY id DESC LIMIT 1"))

    def times(self, user_id: str, vendor: str = "insider") -> int:
        return [(at, who) for at, _, who in self.sent].count((vendor, user_id))


@pytest.fixture
def stage(desk: Desk) -> Stage:
    return Stage(desk)


def test_an_erasure_is_withheld_at_every_vendor_and_goes_out_once_when_released(stage: Stage) -> None:
    hold = stage.hold()
    stage.submit()
    assert stage.work().outcomes() == stage.outcomes("algonomy") == [KEPT, DONE]
    assert (stage.times("ann-1"), stage.times("bob-2"), stage.status()) == (0, 1, "completed_with_exceptions")
    stage.keeper().release(hold)
    assert stage.status() == "running"
    assert {"insider", "algonomy"} <= set(stage.desk.woken)
    assert stage.work().outcomes() == stage.outcomes("algonomy") == [DONE, DONE]
    assert (stage.times("ann-1"), stage.times("bob-2"), stage.status()) == (1, 1, "completed")
    assert stage.desk.one("SELECT count(*) FROM legal_hold_prints") == 0


def test_an_opt_out_goes_where_it_destroys_nothing(stage: Stage) -> None:
    stage.hold()
    stage.submit(kind=Kind.OPT_OUT)
    assert stage.work().outcomes() == [DONE, DONE]
    assert stage.outcomes("algonomy") == [KEPT, DONE]


def test_a_hold_that_comes_between_submitting_and_sending(stage: Stage) -> None:
    stage.submit()
    stage.hold(HER_ADDRESS)
    assert stage.work().outcomes() == [KEPT, DONE]


def test_what_waits_to_be_tried_again_is_withheld_with_its_attempts(stage: Stage) -> None:
    stage.submit([ANN])
    stage.answer = BUSY
    stage.desk.work_off(stage.tools)
    attempts = max(stage.times("ann-1", vendor) for vendor in stage.tools.routes)  # a slow machine tries twice
    stage.hold()
    stage.answer = APPLIED
    assert stage.work().outcomes() == [KEPT]
    assert stage.desk.one("SELECT max(attempts) FROM outcomes") == attempts > 0


@pytest.mark.parametrize("few", [legal_holds.FEW, 0])
def test_a_person_given_by_other_identifiers_that_contradict_none(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """Whichever of people and holds are looked up among the others."""
    monkeypatch.setattr(legal_holds, "FEW", few)
    stage.hold({**ANN, "phone_number": "+821012345678"})
    both: Subject = {"user_id": "ann-9", "email": "ann@private.example"}
    named: Subject = {"user_id": "u-7", "vendors": {"algonomy": {"user_id": "ann-1"}}}
    stage.submit([HER_ADDRESS, both, {"user_id": "ann-1", "phone_number": "+821099999999"}, named, BOB])
    assert stage.work().outcomes() == [KEPT, DONE, DONE, KEPT, DONE]


def test_a_request_waits_for_the_last_of_several_holds(stage: Stage) -> None:
    first, second = stage.hold(), stage.hold(HER_ADDRESS, Reason.EXPRESSION)
    stage.submit([ANN])
    stage.work()
    stage.keeper().release(first)
    assert stage.work().outcomes() == [("withheld", "expression")], "it waits for the other one now"
    assert stage.status() == "completed_with_exceptions"
    third = stage.hold(reason=Reason.PUBLIC_INTEREST)
    stage.keeper().release(second)
    assert (stage.work().times("ann-1"), stage.status()) == (0, "completed_with_exceptions")
    stage.keeper().release(third)
    assert stage.work().outcomes() == [DONE]
    assert stage.times("ann-1") == 1


def test_two_holds_of_one_person_that_end_at_once_do_not_wait_for_each_other(stage: Stage) -> None:
    """What waited for one of them is kept by the other."""
    first = stage.hold(until=datetime.now(UTC) + timedelta(days=1))
    stage.submit([ANN], vendors=("insider",))
    stage.work()
    second = stage.hold(HER_ADDRESS)
    stage.submit([ANN], vendors=("algonomy",))
    stage.work()
    assert stage.desk.rows("SELECT hold_id FROM withheld ORDER BY request_id") == [(first,), (second,)]
    with ThreadPoolExecutor() as other:
        with stage.desk.engine.begin() as connection:
            assert legal_holds.end(connection, first, "cli:ann", None)
            released = other.submit(stage.keeper().release, second)
            await_a_lock(stage.desk)
            stage.desk.woken.extend(waiting.send_after(connection, first))
        released.result(timeout=30)
    assert stage.work().outcomes() == [DONE]
    assert stage.outcomes("algonomy") == [DONE]


def await_a_lock(desk: Desk) -> None:
    """Until somebody waits for a lock."""
    for _ in range(500):
        if desk.one("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


def test_a_hold_ends_by_its_time(stage: Stage) -> None:
    hold = stage.hold(until=datetime.now(UTC) + timedelta(hours=1))
    stage.submit([ANN])
    stage.work()
    assert end_over(stage.desk.engine) == 0
    stage.desk.execute("ALTER TABLE legal_holds DISABLE TRIGGER USER")
    stage.desk.execute("UPDATE legal_holds SET until = now() - interval '1 second'")
    stage.desk.execute("ALTER TABLE legal_holds ENABLE TRIGGER USER")
    with stage.desk.engine.connect() as connection:
        assert due.find(connection).unsettled
        assert legal_holds.every(connection) == []
    with pytest.raises(NoSuchHoldError):
        stage.keeper().release(hold)
    assert (end_over(stage.desk.engine), end_over(stage.desk.engine)) == (1, 0)
    with stage.desk.engine.connect() as connection:
        (one,) = legal_holds.every(connection, ended=True)
    assert (one.ended_at, one.ended_by, one.deliveries) == (one.until, None, 0)
    assert stage.work().outcomes() == [DONE]


def test_a_hold_that_has_passed_is_refused_and_a_number_that_is_none(stage: Stage) -> None:
    with pytest.raises(HoldError, match="passed"):
        stage.hold(until=datetime.now(UTC) - timedelta(seconds=1))
    assert stage.desk.one("SELECT count(*) FROM legal_holds") == 0
    hold = stage.hold()
    stage.keeper().release(hold)
    for gone in (hold, 99):
        with pytest.raises(NoSuchHoldError, match=str(gone)):
            stage.keeper().release(gone)


def test_a_hold_that_comes_while_a_chunk_is_out_stops_it(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It begins anew, without who is kept. What was sent before cannot be taken back."""
    crowd: list[Subject] = [{"user_id": f"u-{n}"} for n in range(1, 11)]
    sent: list[str] = []
    noticed = asyncio.Event()
    real = Run._renew

    def renewal(run: Run) -> None:
        real(run)
        if run.newly_held:
            stage.desk.loop.call_soon_threadsafe(noticed.set)

    async def answering(_: Call, batch: Sequence[Person]) -> list[Answer]:
        if not sent:
            stage.hold({"user_id": "u-10"})
        sent.extend(str(one.subject.get("user_id")) for one in batch)
        await noticed.wait()
        return [APPLIED] * len(batch)

    monkeypatch.setattr(Run, "_renew", renewal)
    monkeypatch.setattr("tasks.run.RECORD_EVERY_S", 0.01)
    stage.tools = stage.desk.tools({"insider": StubExchange(answering, TakesAnybody("insider", batch=2))})
    stage.submit(crowd, vendors=("insider",))
    assert stage.work().outcomes() == [*[DONE] * 9, KEPT]
    assert sent == [f"u-{n}" for n in range(1, 10)]


def test_a_newer_opt_in_is_seen_when_the_hold_ends(stage: Stage) -> None:
    hold = stage.hold()
    stage.submit([ANN], effective_at=datetime.now(UTC) - timedelta(days=2))
    stage.work()
    stage.submit([ANN], Kind.OPT_IN)
    stage.work()
    stage.keeper().release(hold)
    assert stage.work().outcomes() == [("needs_action", "newer_opt_in"), DONE]


def test_cancelling_settles_what_is_withheld(stage: Stage) -> None:
    hold = stage.hold()
    stage.desk.announce(dfinery=10)
    public_id = stage.submit()
    stage.work()
    assert stage.status() == "running", "of a third vendor nobody has been served"
    attend.Desk(stage.desk.engine, "cli:ann", stage.desk.woken.extend).cancel(public_id)
    assert stage.work().outcomes() == [("cancelled", None), DONE]
    stage.keeper().release(hold)
    assert stage.work().outcomes() == [("cancelled", None), DONE]
    assert stage.times("ann-1") == 0


def test_what_is_withheld_at_a_vendor_ends_when_it_is_retired(stage: Stage) -> None:
    hold = stage.hold()
    stage.submit()
    stage.work()
    assert retire(stage.desk.engine, "insider", "cli:ann", "the contract is over").waiting == 1
    gone = [("cancelled", "vendor_retired"), DONE]
    assert (stage.outcomes(), stage.outcomes("algonomy")) == (gone, [KEPT, DONE])
    stage.keeper().release(hold)
    assert stage.work().outcomes() == gone
    assert (stage.times("ann-1"), stage.times("ann-1", "algonomy"), stage.status()) == (0, 1, "completed")


@pytest.mark.parametrize(("reason", "closed"), [(None, 0), ("expression", 0), ("litigation", 1)])
def test_what_is_withheld_is_closed_by_hand_where_its_reason_is_named(
    stage: Stage, reason: str | None, closed: int
) -> None:
    hold = stage.hold()
    public_id = stage.submit(vendors=("insider",))
    stage.work()
    desk = attend.Desk(stage.desk.engine, "cli:ann", stage.desk.woken.extend)
    assert desk.close(public_id, "insider", reason, "she has withdrawn it") == closed
    assert stage.status() == ("completed" if closed else "completed_with_exceptions")
    assert stage.desk.one("SELECT count(*) FROM withheld") == 1 - closed
    stage.keeper().release(hold)
    assert stage.work().outcomes()[0] == (("cancelled", "closed_by_hand") if closed else DONE)


@pytest.mark.parametrize(
    ("reason", "vendor", "requests"),
    [(None, None, 0), ("expression", None, 0), ("litigation", None, 2), ("litigation", "algonomy", 1)],
)
def test_what_is_withheld_of_many_requests_is_closed_where_its_reason_is_named(
    stage: Stage, reason: str | None, vendor: str | None, requests: int
) -> None:
    stage.hold()
    stage.submit(vendors=("insider",))
    stage.submit(vendors=("algonomy",))
    stage.work()
    order = selections.Order(selections.Deed.CLOSE, selections.Criteria(vendor, reason), "she has withdrawn it")
    engine = stage.desk.engine
    assert selections.extent(engine, order, "cli:ann") == (requests, requests, 0)
    done = selections.begin_and_work(engine, order, "cli:ann", stage.desk.woken.extend, within_s=60).done
    assert (done.requests, sum(done.deliveries.values())) == (requests, requests)
    assert stage.desk.one("SELECT count(*) FROM withheld") == 2 - requests
    stage.desk.assert_tallies_add_up()


def test_people_who_are_kept_are_not_forgotten(stage: Stage) -> None:
    stage.hold()
    public_id = stage.submit()
    stage.work()
    with pytest.raises(attend.AttendError, match="legal hold"):
        attend.Desk(stage.desk.engine, "cli:ann", stage.desk.woken.extend).forget(
            public_id, "asked for", stage.desk.masters
        )


def test_what_a_recipient_without_an_api_was_to_be_asked_for_is_taken_back(stage: Stage) -> None:
    with stage.desk.engine.begin() as connection:
        by_hand.announce(connection, {"printshop": ByHand("Print shop", ("email",), 5.0)})
    stage.submit(vendors=("printshop",))
    by_hand.hand_over(stage.tools)
    stage.submit(vendors=("printshop",), kind=Kind.OPT_OUT)
    by_hand.hand_over(stage.tools)
    asked = ("needs_action", "manual")
    assert stage.outcomes("printshop") == [asked] * 4
    hold = stage.hold(HER_ADDRESS)
    by_hand.hand_over(stage.tools)
    assert stage.outcomes("printshop") == [KEPT, asked, asked, asked]
    stage.keeper().release(hold)
    by_hand.hand_over(stage.tools)
    assert stage.outcomes("printshop") == [asked] * 4


def test_what_is_withheld_is_listed_apart_with_until_when(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endings, "COUNTED_TO", 0)  # as of a large request
    stage.hold()
    until = datetime.now(UTC) + timedelta(days=9)
    stage.hold(BOB, Reason.EXPRESSION, until)
    public_id = stage.submit()
    stage.submit([ANN], Kind.OPT_OUT)
    stage.work()
    with stage.desk.engine.connect() as connection:
        number = attention.find_request(connection, public_id)
        assert attention.groups(connection) == []
        assert withheld.groups(connection) == [
            ("algonomy", "expression", 1, 1, until),
            ("insider", "expression", 1, 1, until),
            ("algonomy", "litigation", 2, 2, None),
            ("insider", "litigation", 1, 1, None),
        ]
        assert [one.deliveries for one in withheld.groups(connection, request_id=number, reason="litigation")] == [1, 1]
        found = status_and_closing(connection, public_id)
        assert found is not None
        told = {(one.vendor, one.outcome, one.reason) for one in endings.endings_of(connection, found[1].id, found[0])}
    assert ("insider", "withheld", "expression") in told


def test_it_is_in_the_log_and_the_audit_log_and_only_ever_ends(stage: Stage) -> None:
    hold = stage.hold()
    stage.keeper().release(hold, "settled")
    logged = stage.desk.rows(
        "SELECT row_id, facts ->> 'event', facts ->> 'by' FROM log_pending WHERE type = 'legal_hold' ORDER BY id"
    )
    assert logged == [(hold, "added", "cli:ann"), (hold, "released", "cli:ann")]
    entries = stage.desk.rows(
        "SELECT deed, target, because FROM audit_entries WHERE deed LIKE 'legal-hold %' ORDER BY id"
    )
    assert entries == [
        ("legal-hold add", f"legal hold {hold}", "litigation: case 12"),
        ("legal-hold release", f"legal hold {hold}", "settled"),
    ]
    for change in (
        "UPDATE legal_holds SET reason = 'expression'",
        "DELETE FROM legal_holds",
        "TRUNCATE legal_holds CASCADE",
    ):
        with pytest.raises(Exception, match=r"only end|append-only"):
            stage.desk.execute(change)
