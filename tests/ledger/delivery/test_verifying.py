"""What was accepted is read back where the vendor can be read: then verified, delivered again, or shown to a person."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from adapters.contract import Answer, Call, Order, Person, Verdict
from domain.outcomes import Reason
from domain.requests import Kind
from ledger.desk.reports import at_risk
from tasks.legal_holds import Keeper
from tasks.settle import settle
from tasks.verify import Verification
from tests.ledger.conftest import Desk, everybody, people
from tests.stubs import StubAdapter, StubExchange

APPLIED = Answer(Verdict.APPLIED)
NOT_SEEN = Answer(Verdict.USER, Reason.NOT_IN_EFFECT)


class ReadableAdapter(StubAdapter):
    """A vendor that can be read back."""

    def reading(self, order: Order) -> str:
        return "read"


@dataclass
class Vendor:
    """Says yes to everything, and shows the effect only after the n-th delivery of a person."""

    deliveries_needed: int = 1
    unreadable: bool = False

    def __post_init__(self) -> None:
        self.delivered: dict[int, int] = {}

    def answer(self, call: Call, batch: Sequence[Person]) -> list[Answer]:
        if call.step == "read":
            if self.unreadable:
                return [Answer(Verdict.VENDOR, Reason.FORBIDDEN)] * len(batch)
            return [APPLIED if self.delivered[one.line] >= self.deliveries_needed else NOT_SEEN for one in batch]
        for one in batch:
            self.delivered[one.line] = self.delivered.get(one.line, 0) + 1
        return [APPLIED] * len(batch)


def run(desk: Desk, vendor: Vendor, rounds: int = 12) -> None:
    tools = desk.tools({"insider": StubExchange(vendor.answer, ReadableAdapter())})
    for _ in range(rounds):
        desk.make_everything_due()
        desk.work_off(tools, runs=20)


@pytest.fixture(autouse=True)
def _submitted(desk: Desk) -> None:
    desk.announce(insider=10)
    desk.submit(people(15))


def latest(desk: Desk) -> set[tuple[str, str | None]]:
    return {
        (outcome, reason)
        for outcome, reason in desk.rows("""
            SELECT DISTINCT ON (request_id, vendor_id, line) CAST(outcome AS text), reason
            FROM outcomes ORDER BY request_id, vendor_id, line, round DESC""")
    }


def status(desk: Desk) -> str:
    return str(desk.one("SELECT CAST(status AS text) FROM requests"))


def test_what_is_seen_is_verified(desk: Desk) -> None:
    run(desk, Vendor())
    assert latest(desk) == {("verified", None)}
    assert desk.rows("SELECT CAST(outcome AS text), deliveries FROM tallies WHERE deliveries <> 0") == [
        ("verified", 15)
    ]
    assert desk.one("SELECT count(*) FROM outcomes WHERE outcome = 'accepted'") == 15, "history is kept"
    assert status(desk) == "completed"


def test_a_request_closes_without_waiting_for_the_read_back(desk: Desk) -> None:
    tools = desk.tools({"insider": StubExchange(Vendor().answer, ReadableAdapter())})
    desk.work_off(tools)
    assert status(desk) == "completed"
    assert latest(desk) == {("accepted", None)}
    assert desk.one("SELECT count(*) FROM chunks WHERE purpose = 'verify' AND due_at > now()") == 2


def test_what_is_not_in_effect_is_delivered_again(desk: Desk) -> None:
    vendor = Vendor(deliveries_needed=3)
    run(desk, vendor)
    assert latest(desk) == {("verified", None)}
    assert set(vendor.delivered.values()) == {3}


def test_but_not_to_whom_a_legal_hold_keeps_until_it_ends(desk: Desk) -> None:
    vendor = Vendor(deliveries_needed=2)
    run(desk, vendor, rounds=1)
    keeper = Keeper(desk.engine, desk.masters, "cli:ann", desk.woken.extend)
    hold = keeper.add(people(3)[2], Reason.LITIGATION, "case 12")
    run(desk, vendor)
    assert latest(desk) == {("verified", None), ("withheld", "litigation")}
    assert (vendor.delivered.pop(3), set(vendor.delivered.values())) == (1, {2})
    assert status(desk) == "completed_with_exceptions"
    vendor.delivered[3] = 1
    keeper.release(hold)
    run(desk, vendor)
    assert latest(desk) == {("verified", None)}
    assert set(vendor.delivered.values()) == {2}
    desk.assert_tallies_add_up()


def test_but_not_for_ever(desk: Desk) -> None:
    vendor = Vendor(deliveries_needed=99)
    run(desk, vendor, rounds=20)
    assert latest(desk) == {("needs_action", "not_in_effect")}
    assert set(vendor.delivered.values()) == {1 + 3}
    assert status(desk) == "completed_with_exceptions"
    desk.assert_tallies_add_up()


def pressing(desk: Desk) -> list[str]:
    desk.execute("UPDATE requests SET due_at = now() + interval '1 day'")
    with desk.engine.connect() as connection:
        return [one.status for one in at_risk(connection, 7)]


class DiedError(Exception):
    """A worker ends here."""


def test_a_worker_that_dies_before_it_settles_leaves_no_request_completed_in_error(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise DiedError

    vendor = Vendor(deliveries_needed=99)
    run(desk, vendor, rounds=4)
    assert status(desk) == "completed"
    monkeypatch.setattr("tasks.deliver.settle", die)
    desk.make_everything_due()
    with pytest.raises(DiedError):
        run(desk, vendor, rounds=1)
    assert latest(desk) == {("accepted", None), ("needs_action", "not_in_effect")}
    assert status(desk) == "completed_with_exceptions"
    assert pressing(desk) == ["completed_with_exceptions"]


def test_a_read_back_at_which_our_own_program_fails_is_given_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    vendor = Vendor()
    tools = desk.tools({"insider": StubExchange(vendor.answer, ReadableAdapter())})
    desk.work_off(tools)
    monkeypatch.setattr(Verification, "_address", lambda *_: 1 / 0)
    failures = 0
    while desk.one("SELECT count(*) FROM chunks WHERE state <> 'closed'"):
        desk.make_everything_due()
        with pytest.raises(ZeroDivisionError):
            desk.work_off(tools)
        failures += 1
        assert failures < 100
    assert failures > 2
    assert latest(desk) == {("accepted", None)}


def test_a_request_completed_in_error_is_seen_at_once_and_put_right_by_the_next_sweep(desk: Desk) -> None:
    run(desk, Vendor(deliveries_needed=99), rounds=20)
    desk.submit(people(3))
    desk.work_off(desk.tools_for(everybody(APPLIED)))
    # As an earlier version could leave it.
    desk.execute("UPDATE requests SET status = 'completed'")
    assert pressing(desk) == ["completed"]
    settle(desk.tools_for(everybody(APPLIED)))
    assert desk.rows("SELECT CAST(status AS text) FROM requests ORDER BY id") == [
        ("completed_with_exceptions",),
        ("completed",),
    ]


def test_a_read_back_never_undoes_a_newer_wish(desk: Desk) -> None:
    desk.execute("DELETE FROM chunks; DELETE FROM subjects; DELETE FROM requests")
    sent: list[tuple[str, Kind]] = []

    def answering(call: Call, batch: Sequence[Person]) -> list[Answer]:
        sent.extend((call.step, call.order.kind) for _ in batch)
        newest = Kind.OPT_OUT  # what the vendor shows, whichever read-back asks
        return [APPLIED if call.step != "read" or call.order.kind is newest else NOT_SEEN for _ in batch]

    tools = desk.tools({"insider": StubExchange(answering, ReadableAdapter())})
    for kind in (Kind.OPT_IN, Kind.OPT_OUT):
        desk.submit(people(1), kind=kind)
        desk.work_off(tools)
    for _ in range(6):
        desk.make_everything_due()
        desk.work_off(tools, runs=10)
    delivered = [kind for step, kind in sent if step != "read"]
    assert delivered == [Kind.OPT_IN, Kind.OPT_OUT]
    assert desk.rows("SELECT CAST(outcome AS text) FROM outcomes ORDER BY request_id, round") == [
        ("accepted",),
        ("accepted",),
        ("verified",),
    ]


def test_what_cannot_be_read_stays_accepted(desk: Desk) -> None:
    run(desk, Vendor(unreadable=True), rounds=40)
    assert latest(desk) == {("accepted", None)}
    assert desk.one("SELECT count(*) FROM chunks WHERE state <> 'closed'") == 0
    assert status(desk) == "completed"


def test_what_is_taken_for_later_when_it_is_delivered_again_is_not_delivered_a_third_time(desk: Desk) -> None:
    delivered: list[int] = []
    looks = 0

    def answering(call: Call, batch: Sequence[Person]) -> list[Answer]:
        nonlocal looks
        if call.step == "read":
            looks += 1
            return [APPLIED if looks > 9 else NOT_SEEN] * len(batch)
        delivered.extend(one.line for one in batch)
        late = Answer(Verdict.WAITING, Reason.PENDING_AT_VENDOR, step="look", carry="x")
        return [APPLIED if delivered.count(one.line) == 1 else late for one in batch]

    tools = desk.tools({"insider": StubExchange(answering, ReadableAdapter())})
    for _ in range(14):
        desk.make_everything_due()
        desk.work_off(tools, runs=20)
    assert latest(desk) == {("verified", None)}
    assert {line: delivered.count(line) for line in set(delivered)} == dict.fromkeys(range(1, 16), 2)
