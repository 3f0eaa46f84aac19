"""A worker that was frozen sends nothing after its lease; a wrong clock changes nothing; no run is endless."""

import asyncio
import logging
from collections.abc import Sequence
from time import time

import pytest

from adapters.clock import monotonic
from adapters.contract import Answer, Call, Person, VendorSettings, Verdict
from adapters.sending import refuse_when_over
from domain.outcomes import Reason
from domain.requests import Kind
from ledger.delivery import chunks
from tasks import clock, deliver, delivery, looking, run, verify
from tasks.dispatch import dispatch
from tests.ledger.conftest import APPLIED, Desk, everybody, people
from tests.stubs import StubAdapter, StubExchange

BUSY = Answer(Verdict.RETRY, Reason.BUSY)
LATER = Answer(Verdict.WAITING, Reason.BUSY, step="first")
ONE_AT_A_TIME = VendorSettings(base_url="https://vendor.example", concurrency=1, timeout_s=30)


class Jumps:
    """Our own clock, which can be moved forward as if this process had been frozen."""

    ahead = 0.0

    def __call__(self) -> float:
        return monotonic() + self.ahead


@pytest.fixture
def jumps(monkeypatch: pytest.MonkeyPatch) -> Jumps:
    jumps = Jumps()
    for module in (run, deliver, clock):
        monkeypatch.setattr(module, "monotonic", jumps)
    monkeypatch.setattr(run, "RECORD_EVERY_S", 0.02)
    return jumps


class Wire(StubExchange):
    """Asks right before it sends, as the real one does, whether it still may."""

    jumps: Jumps
    freeze_s = 0.0

    async def ask(self, call: Call, people: Sequence[Person]) -> list[Answer]:
        self.jumps.ahead += self.freeze_s  # while it waited for its permit
        refuse_when_over()
        return await super().ask(call, people)


def a_wire(jumps: Jumps, freeze_s: float) -> Wire:
    wire = Wire(everybody(APPLIED), StubAdapter(batch=2, settings=ONE_AT_A_TIME))
    wire.jumps, wire.freeze_s = jumps, freeze_s
    return wire


@pytest.mark.parametrize(("freeze_s", "sends"), [(0.0, True), (29.0, True), (31.0, False), (61.0, False)])
def test_what_waited_for_a_permit_for_too_long_is_not_sent(
    desk: Desk, jumps: Jumps, freeze_s: float, *, sends: bool
) -> None:
    """A call takes 30 s at most, a lease lasts 60: what begins in its first half ends within it."""
    desk.submit(people(2))
    wire = a_wire(jumps, freeze_s)
    desk.work_off(desk.tools({"insider": wire}), runs=1)
    assert bool(wire.sent) is sends
    assert len(desk.outcomes()) == (2 if sends else 0)


@pytest.mark.parametrize("where", ["lease", "read", "weigh"])
def test_who_is_frozen_between_lease_and_first_call_sends_nothing(
    desk: Desk, jumps: Jumps, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And another worker has the chunk by then: nothing is recorded either."""
    desk.submit(people(2))
    wire = a_wire(jumps, 0.0)
    named = {"lease": (chunks, "lease"), "read": (run, "pending"), "weigh": (delivery, "weigh")}
    module, name = named[where]
    real = getattr(module, name)

    def frozen(*args: object, **more: object) -> object:
        result = real(*args, **more)
        jumps.ahead += 61
        return result

    monkeypatch.setattr(module, name, frozen)
    taken: list[int] = []

    def renewal(connection: object, held: chunks.Lease, lease_s: float) -> bool:
        taken.append(held.chunk_id)
        raise chunks.LeaseLostError  # as the ledger says when somebody else has it

    monkeypatch.setattr(chunks, "renew", renewal)
    desk.work_off(desk.tools({"insider": wire}), runs=1)
    assert taken
    assert wire.sent == []
    assert desk.outcomes() == {}


def test_a_renewal_counts_from_when_it_was_asked_for(desk: Desk, jumps: Jumps, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frozen between the ledger's yes and the next line: the lease may already be over again."""
    desk.submit(people(4))
    real = chunks.renew
    renewed = asyncio.Event()

    def frozen(connection: object, held: chunks.Lease, lease_s: float) -> bool:
        stands = real(connection, held, lease_s)
        if not jumps.ahead and wire.sent:
            jumps.ahead = 61.0
            desk.loop.call_soon_threadsafe(renewed.set)
        return stands

    monkeypatch.setattr(chunks, "renew", frozen)

    async def answering(call: Call, batch: Sequence[Person]) -> list[Answer]:
        await renewed.wait()
        return [APPLIED] * len(batch)

    wire = Wire(answering, StubAdapter(batch=2, settings=ONE_AT_A_TIME))
    wire.jumps = jumps
    desk.work_off(desk.tools({"insider": wire}), runs=1)
    assert len(wire.sent) == 1, "the second call would have come when the lease was over"


def test_a_run_has_a_deadline_and_who_is_left_pays_nothing(desk: Desk, jumps: Jumps) -> None:
    """It is renewed all the time, but others wait for the place."""
    desk.submit(people(6))

    def answering(call: Call, batch: Sequence[Person]) -> list[Answer]:
        jumps.ahead = run.LEASES_A_RUN * 60.0 + 1
        return [APPLIED] * len(batch)

    wire = Wire(answering, StubAdapter(batch=2, settings=ONE_AT_A_TIME))
    wire.jumps = jumps
    tools = desk.tools({"insider": wire})
    dispatch("insider", tools)
    deliver.deliver(desk.queued.pop(0)[1], tools)
    assert len(wire.sent) == 1
    assert {line for _, line in desk.outcomes()} == set(wire.sent[0][1])
    assert desk.rows("SELECT CAST(state AS text), setbacks FROM chunks") == [("queued", [])], "in turn at once"
    desk.work_off(tools)
    assert {found[2] for found in desk.outcomes().values()} == {1}


def test_a_run_that_does_not_end_is_given_up_like_that_of_a_vanished_worker(
    desk: Desk, jumps: Jumps, caplog: pytest.LogCaptureFixture
) -> None:
    desk.submit(people(2))
    begun: list[bool] = []

    async def hangs(call: Call, batch: Sequence[Person]) -> list[Answer]:
        begun.extend(one.interrupted for one in batch)
        if len(begun) > 2:
            return [APPLIED] * len(batch)
        jumps.ahead = (run.LEASES_A_RUN + 1) * 60.0 + 1
        await asyncio.Event().wait()
        raise AssertionError("it was cancelled")

    tools = desk.tools_for(hangs)
    dispatch("insider", tools)
    with caplog.at_level(logging.ERROR):
        deliver.deliver(desk.queued.pop(0)[1], tools)
    assert "has not ended in time" in caplog.text
    assert desk.rows("SELECT CAST(state AS text), lost FROM chunks") == [("leased", 1)]
    desk.make_everything_due()
    desk.work_off(tools)
    assert begun == [False, False, True, True]
    assert len(desk.outcomes()) == 2


@pytest.mark.parametrize("wrong_by_s", [-3600.0, 3600.0])
@pytest.mark.parametrize("answer", [BUSY, LATER, Answer(Verdict.USER, Reason.REJECTED)])
def test_setbacks_are_dated_by_the_ledger_whatever_a_workers_clock_says(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, wrong_by_s: float, answer: Answer
) -> None:
    """The next worker's clock is wrong by something else, and still the right people are due."""
    for module in (run, delivery, verify, looking):
        monkeypatch.setattr(module, "time", lambda: time() + wrong_by_s, raising=False)
    desk.submit(people(2), kind=Kind.OPT_OUT)
    tools = desk.tools_for(everybody(answer))
    desk.work_off(tools, runs=1)
    (setbacks,) = (row[0] for row in desk.rows("SELECT setbacks FROM chunks"))
    now = desk.one("SELECT CAST(extract(epoch FROM now()) AS double precision)")
    assert setbacks
    for _, since, due, *_ in setbacks:
        assert abs(since - now) < 60
        assert -60 < due - now < 600
    due_in_s = desk.one("SELECT CAST(extract(epoch FROM due_at - now()) AS double precision) FROM chunks")
    assert due_in_s < 600
