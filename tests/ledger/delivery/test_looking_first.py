"""Small requests look first: the number of people reaches the adapter, lookups are booked, and requests whose lookups
would be too late are sent without."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from adapters.contract import Addressed, Answer, Call, LookUps, Order, Person, Rate, Verdict
from domain.outcomes import Reason
from domain.requests import Kind, Subject
from tests.contract.samples import adapter_of
from tests.ledger.conftest import Desk, people
from tests.stubs import StubAdapter, StubExchange, StubPermits

LOOK = Rate("profile", 2.5)


@dataclass(frozen=True)
class Looker(StubAdapter):
    """A vendor at which requests of up to ten people look first, and are read back."""

    longest_look_s: float = 600.0
    looks_up_to: int = 10

    def look_ups(self, order: Order, subjects: Sequence[Subject]) -> LookUps | None:
        return LookUps(LOOK, len(subjects)) if self._looks(order) else None

    def address(self, order: Order, subject: Subject) -> Addressed | Answer:
        addressed = super().address(order, subject)
        assert isinstance(addressed, Addressed)
        return addressed._replace(step="look") if self._looks(order) else addressed

    def steps(self, order: Order) -> frozenset[str]:
        return frozenset({"look", "first"} if self._looks(order) else {"first"})

    def reading(self, order: Order) -> str:
        return "read" if self._looks(order) else ""

    def _looks(self, order: Order) -> bool:
        return order.kind is not Kind.OPT_IN and order.may_look and 0 < order.people <= self.looks_up_to


@dataclass
class Vendor:
    """Says yes, and notes what it was asked of whom."""

    asked: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)
    orders: set[Order] = field(default_factory=set)

    def answer(self, call: Call, batch: Sequence[Person]) -> list[Answer]:
        self.asked.append((call.step, tuple(person.line for person in batch)))
        self.orders.add(call.order)
        if call.step == "look":
            return [Answer(Verdict.PROCEED, step="first", carry="found")] * len(batch)
        way = Reason.LOOKED_UP if call.step == "read" or batch[0].carry else None
        if not call.order.may_look:
            way = Reason.NOT_LOOKED_UP
        return [Answer(Verdict.APPLIED, way)] * len(batch)


@dataclass
class Scene:
    """A vendor behind permits that are to be had after `permits.wait_s`."""

    desk: Desk
    vendor: Vendor = field(default_factory=Vendor)
    permits: StubPermits = field(default_factory=StubPermits)

    def work_off(self) -> None:
        exchange = StubExchange(self.vendor.answer, Looker(), permits=self.permits)
        self.desk.work_off(self.desk.tools({"insider": exchange}))

    def ended(self) -> set[tuple[str, str | None]]:
        return {
            (str(outcome), reason)
            for outcome, reason in self.desk.rows("""
                SELECT DISTINCT ON (request_id, line) CAST(outcome AS text), reason
                FROM outcomes ORDER BY request_id, line, round DESC""")
        }


@pytest.fixture
def scene(desk: Desk) -> Scene:
    return Scene(desk)


def test_how_many_people_a_request_is_about_reaches_the_vendor(scene: Scene) -> None:
    scene.desk.submit(people(15))  # two chunks
    scene.work_off()
    assert {order.people for order in scene.vendor.orders} == {15}
    assert scene.permits.booked == []
    assert scene.ended() == {("accepted", None)}


def test_a_small_request_looks_first_and_is_read_back(scene: Scene) -> None:
    scene.desk.submit(people(3))
    scene.work_off()
    assert scene.permits.booked == [(LOOK, 3)]
    assert [step for step, _ in scene.vendor.asked] == ["look", "first"]
    assert scene.ended() == {("accepted", "looked_up")}
    scene.desk.make_everything_due()
    scene.work_off()
    assert scene.vendor.asked[-1] == ("read", (1, 2, 3))
    assert scene.ended() == {("verified", "looked_up")}


def test_what_does_not_look_is_not_read_back(scene: Scene) -> None:
    scene.desk.submit(people(15))
    scene.desk.submit(people(3), kind=Kind.OPT_IN)
    scene.work_off()
    assert scene.desk.one("SELECT count(*) FROM chunks WHERE purpose = 'verify'") == 0


def test_look_ups_whose_turn_comes_later_wait_where_they_hold_nobody_up(scene: Scene) -> None:
    scene.permits.wait_s = 120.0
    scene.desk.submit(people(3))
    scene.work_off()
    assert scene.vendor.asked == []
    wait = scene.desk.one("SELECT extract(epoch FROM due_at - now()) FROM chunks WHERE state = 'waiting'")
    assert 110 < float(wait) <= 120
    scene.desk.make_everything_due()
    scene.work_off()
    assert scene.permits.booked == [(LOOK, 3)], "booked once"
    assert [step for step, _ in scene.vendor.asked] == ["look", "first"]
    outcomes = scene.desk.outcomes()
    assert {attempts for _, _, attempts in outcomes.values()} == {1}, "to wait is no failed attempt"


def test_where_it_would_take_too_long_nobody_is_looked_up_and_the_record_says_so(scene: Scene) -> None:
    scene.permits.wait_s = 601.0
    scene.desk.submit(people(3))
    scene.work_off()
    assert [step for step, _ in scene.vendor.asked] == ["first"]
    assert scene.ended() == {("accepted", "not_looked_up")}
    assert scene.desk.one("SELECT count(*) FROM chunks WHERE purpose = 'verify'") == 0


def test_read_backs_that_the_settings_no_longer_want_leave_people_accepted(scene: Scene) -> None:
    scene.desk.submit(people(3))
    scene.work_off()
    scene.desk.execute("UPDATE requests SET subjects = 11")  # as if LOOK_FIRST_UP_TO had been lowered
    scene.desk.make_everything_due()
    scene.work_off()
    assert scene.ended() == {("accepted", "looked_up")}
    assert scene.desk.one("SELECT count(*) FROM chunks WHERE state <> 'closed'") == 0


def test_while_looking_is_not_allowed_small_requests_wait_and_large_ones_go_on(scene: Scene) -> None:
    forbidden = Answer(Verdict.VENDOR, Reason.FORBIDDEN)
    allowed = False
    desk, vendor = scene.desk, scene.vendor

    def answer(call: Call, batch: Sequence[Person]) -> list[Answer]:
        if call.step == "look" and not allowed:
            return [forbidden] * len(batch)
        return vendor.answer(call, batch)

    tools = desk.tools({"insider": StubExchange(answer, Looker(), permits=scene.permits)}, hold_after=3)
    for number in range(6):
        desk.submit([{"user_id": f"small-{number}"}])
    for _ in range(8):
        desk.make_everything_due()
        desk.work_off(tools)
    assert desk.rows("SELECT step, held_reason FROM steps WHERE held_at IS NOT NULL") == [("look", "forbidden")]
    assert desk.outcomes() == {}
    desk.submit(people(15))
    desk.make_everything_due()
    desk.work_off(tools)
    assert Counter(outcome for outcome, _, _ in desk.outcomes().values()) == {"accepted": 15}
    allowed = True
    for _ in range(8):
        desk.execute("UPDATE steps SET probe_at = now() - interval '1 second' WHERE probe_at IS NOT NULL")
        desk.make_everything_due()
        desk.work_off(tools)
    told = desk.rows(
        "SELECT CAST(outcome AS text), reason, attempts FROM outcomes WHERE outcome = 'accepted' AND reason <> ''"
    )
    assert told == [("accepted", "looked_up", 1)] * 6, "nobody paid for it"
    assert desk.rows("SELECT step FROM steps WHERE held_at IS NOT NULL") == []


@pytest.mark.parametrize(
    ("wait_s", "up_to", "ends"),
    [
        (0.0, 1_000, ("superseded", None)),
        (601.0, 1_000, ("accepted", "looked_up")),
        (0.0, 0, ("accepted", "looked_up")),
    ],
    ids=["looked up", "not looked up", "sent before the settings wanted it"],
)
def test_what_was_not_looked_up_does_not_do_as_much_as_what_would_have_been(
    desk: Desk, wait_s: float, up_to: int, ends: tuple[str, str | None]
) -> None:
    """An older opt-out by every identifier is not dropped for an erasure that went out by one."""
    jane: Subject = {"user_id": "jane", "email": "jane@private.example"}

    def answer(call: Call, batch: Sequence[Person]) -> list[Answer]:
        unlooked = None if call.order.may_look else Reason.NOT_LOOKED_UP
        return [Answer(Verdict.APPLIED, Reason.LOOKED_UP if call.step == "look" else unlooked)] * len(batch)

    permits = StubPermits(wait_s=wait_s)
    adapter = adapter_of("insider", look_first_up_to=up_to)
    tools = desk.tools({"insider": StubExchange(answer, adapter, permits=permits)})
    desk.submit([jane], kind=Kind.OPT_OUT)
    desk.execute("UPDATE requests SET not_before = now() + interval '1 hour'")
    desk.submit([jane], kind=Kind.ERASURE)
    desk.work_off(tools, runs=5)
    assert desk.one("SELECT CAST(outcome AS text) FROM outcomes WHERE request_id = 2") == "accepted"
    permits.wait_s = 0.0
    tools = desk.tools({"insider": StubExchange(answer, adapter_of("insider"), permits=permits)})
    desk.execute("UPDATE requests SET not_before = now()")
    desk.work_off(tools, runs=5)
    told = desk.rows("SELECT CAST(outcome AS text), reason FROM outcomes WHERE request_id = 1 ORDER BY round")
    assert told[0] == ends
