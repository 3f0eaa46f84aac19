"""A vendor's job is looked at until it is done, and never sent again; no attempt is counted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy import text

from adapters.contract import Answer, Call, Person, VendorSettings, Verdict
from domain.outcomes import Reason
from ledger.delivery import cancelling
from tasks.delivery import Delivery
from tasks.toolbox import Toolbox
from tests.ledger.conftest import APPLIED, Desk, people
from tests.stubs import StubAdapter, StubExchange

TAKEN = Answer(Verdict.PROCEED, step="look")
BROKEN = Answer(Verdict.RETRY, Reason.SERVER_ERROR)
STUB = StubAdapter(taken=frozenset({"first", "look"}))


def carry_of(person: Person) -> str:
    return f"profile-of-{person.key}"


@dataclass
class SlowVendor:
    """Accepts everybody at once and is done with them when told so."""

    finished: set[int] = field(default_factory=set)
    failing: bool = False
    sent: list[int] = field(default_factory=list)
    looked_at: list[tuple[int, object, bool]] = field(default_factory=list)

    def __call__(self, call: Call, batch: Sequence[Person]) -> list[Answer]:
        if call.step == "first":
            self.sent += [one.line for one in batch]
            return [replace(TAKEN, carry=carry_of(one)) for one in batch]
        self.looked_at += [(one.line, one.carry, one.tried) for one in batch]
        return [self._look(one) for one in batch]

    def _look(self, one: Person) -> Answer:
        if self.failing:
            return BROKEN
        if one.line in self.finished:
            return APPLIED
        return Answer(Verdict.WAITING, Reason.PENDING_AT_VENDOR, step="look", carry=carry_of(one))


Make = Callable[..., Toolbox]


@pytest.fixture
def slow() -> SlowVendor:
    return SlowVendor()


@pytest.fixture
def tools(desk: Desk, slow: SlowVendor) -> Make:
    def make(adapter: StubAdapter = STUB) -> Toolbox:
        return desk.tools({"insider": StubExchange(slow, adapter)})

    return make


def run_again(desk: Desk, tools: Toolbox) -> None:
    desk.make_everything_due()
    desk.work_off(tools, runs=1)
    desk.queued.clear()


def kept(desk: Desk) -> list[Any]:
    return list(desk.one("SELECT setbacks FROM chunks"))


def test_a_job_is_looked_at_and_never_sent_again(desk: Desk, slow: SlowVendor, tools: Make) -> None:
    desk.submit(people(3))
    run_again(desk, tools())
    for _ in range(30):
        run_again(desk, tools())
    assert sorted(slow.sent) == [1, 2, 3]
    assert desk.outcomes() == {}
    assert {setback[0] for setback in kept(desk)} == {0}
    slow.finished |= {1, 3}
    run_again(desk, tools())
    slow.finished |= {2}
    run_again(desk, tools())
    assert desk.outcomes() == {("insider", line): ("accepted", None, 1) for line in (1, 2, 3)}
    assert sorted(slow.sent) == [1, 2, 3]
    assert {(line, carry) for line, carry, _ in slow.looked_at} == {(n, f"profile-of-jane-{n:05}") for n in (1, 2, 3)}
    assert all(tried for _, _, tried in slow.looked_at[3:])


def test_a_job_rests_between_looks_and_the_people_beside_it_do_not(desk: Desk, slow: SlowVendor, tools: Make) -> None:
    desk.submit(people(3))
    slow.finished |= {1, 2}
    run_again(desk, tools())
    assert [setback[3] for setback in kept(desk)] == [[3]]
    ((_, _, due, *_, job),) = kept(desk)
    assert 3 < due - job["since"] < 600


def test_what_is_kept_of_a_job_is_sealed_and_gone_when_it_is_done(desk: Desk, slow: SlowVendor, tools: Make) -> None:
    desk.submit(people(2))
    run_again(desk, tools())
    assert "jane" not in str(desk.rows("SELECT * FROM chunks"))
    assert [setback[-1]["step"] for setback in kept(desk)] == ["look", "look"]
    slow.finished |= {1, 2}
    run_again(desk, tools())
    assert kept(desk) == []


def test_after_a_crash_a_job_is_looked_at_and_not_sent_again(
    desk: Desk, slow: SlowVendor, tools: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.submit(people(2))
    decide = Delivery._decide

    def crash(self: Delivery, _talk: object) -> None:
        with self.tools.engine.begin() as connection:  # as it does every second while a run is under way
            self.record(connection)
        self.decided = True  # the process is gone: nothing puts the chunk back

    monkeypatch.setattr(Delivery, "_decide", crash)
    run_again(desk, tools())
    assert desk.one("SELECT CAST(state AS text) FROM chunks") == "leased"
    monkeypatch.setattr(Delivery, "_decide", decide)
    slow.finished |= {1, 2}
    run_again(desk, tools())
    assert slow.sent == [1, 2]
    assert desk.outcomes() == {("insider", line): ("accepted", None, 1) for line in (1, 2)}


def test_a_fault_of_our_own_forgets_no_job(
    desk: Desk, slow: SlowVendor, tools: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.submit(people(1))
    with monkeypatch.context() as broken:
        broken.setattr(Delivery, "_decide", lambda _self, _talk: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run_again(desk, tools())
    desk.queued.clear()
    slow.finished |= {1}
    run_again(desk, tools())
    assert slow.sent == [1]
    assert desk.outcomes()["insider", 1][0] == "accepted"


def test_looks_that_fail_count_no_attempt_and_send_nothing_again(desk: Desk, slow: SlowVendor, tools: Make) -> None:
    desk.submit(people(1))
    run_again(desk, tools())
    slow.failing = True
    for _ in range(40):
        desk.execute("DELETE FROM steps")  # a vendor that fails for everybody is held; here it is about the job
        run_again(desk, tools())
    slow.failing = False
    slow.finished |= {1}
    desk.execute("DELETE FROM steps")
    run_again(desk, tools())
    assert slow.sent == [1]
    assert desk.outcomes() == {("insider", 1): ("accepted", None, 1)}


def test_a_job_that_takes_too_long_is_exhausted(desk: Desk, slow: SlowVendor, tools: Make) -> None:
    settings = VendorSettings(base_url="https://vendor.example", max_wait_s=50.0, max_age_s=1.0, max_attempts=1)
    patient = tools(replace(STUB, settings=settings))
    desk.submit(people(2))
    run_again(desk, patient)
    age = """
        UPDATE chunks SET setbacks = (
            SELECT jsonb_agg(jsonb_set(each, '{-1,since}', to_jsonb((each -> -1 ->> 'since')::double precision - 30)))
            FROM jsonb_array_elements(setbacks) AS each)"""
    desk.execute(age)
    run_again(desk, patient)
    assert desk.outcomes() == {}
    desk.execute(age)
    run_again(desk, patient)
    assert desk.outcomes() == {("insider", line): ("exhausted", "pending_at_vendor", 1) for line in (1, 2)}
    assert slow.sent == [1, 2]


def test_cancelling_says_which_deliveries_the_vendor_has_taken(desk: Desk, slow: SlowVendor, tools: Make) -> None:
    desk.submit(people(12))
    slow.finished |= {1}
    desk.work_off(tools(), runs=1)
    with desk.engine.begin() as connection:
        connection.execute(text("UPDATE requests SET status = 'cancelled'"))
        cancelling.cancel_rest(connection, 1)
    found = desk.outcomes()
    assert found["insider", 1] == ("accepted", None, 1)
    assert {found["insider", line][:2] for line in range(2, 11)} == {("cancelled", "pending_at_vendor")}
    assert {found["insider", line][:2] for line in (11, 12)} == {("cancelled", None)}
    assert desk.one("SELECT count(*) FROM chunks WHERE setbacks <> '[]'") == 0


def test_a_step_that_is_no_longer_there_begins_anew(desk: Desk, slow: SlowVendor, tools: Make) -> None:
    desk.submit(people(1))
    run_again(desk, tools())
    run_again(desk, tools(replace(STUB, taken=frozenset({"first"}))))
    assert slow.sent == [1, 1]


def test_many_steps_are_no_depth(desk: Desk) -> None:
    def answering(call: Call, batch: Sequence[Person]) -> list[Answer]:
        ((one),) = batch
        done = int(one.carry or 0)
        return [Answer(Verdict.PROCEED, step="look", carry=done + 1) if done < 5_000 else APPLIED]

    desk.submit(people(1))
    desk.work_off(desk.tools({"insider": StubExchange(answering, STUB)}), runs=1)
    assert desk.outcomes() == {("insider", 1): ("accepted", None, 1)}
