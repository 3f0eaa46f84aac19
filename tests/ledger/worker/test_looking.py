"""Looking for due work: the ledger alone finds everything that is due, and nothing while nothing is."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from ledger import due
from ledger.delivery import switching
from ledger.failures import LedgerError
from ledger.notices.webhooks import announce_webhooks
from tasks.look import CHORES, Lookout, look
from tasks.queues import DISPATCH, LOG, NOTIFY, RESOLVE, SETTLE, BrokerError, WakeUp
from tests.ledger.conftest import APPLIED, Desk, everybody, people
from worker.clock import Clock
from worker.turns import Turns

AT_REST = {WakeUp(SETTLE), *map(WakeUp, CHORES)}
INSIDER = WakeUp(DISPATCH, "insider")


def found(
    desk: Desk, *, resolves: bool = True, take_turn: Callable[[str, float], bool] = lambda *_: True
) -> set[WakeUp]:
    """What the workers are woken for."""
    woken: list[WakeUp] = []
    lookout = Lookout(desk.engine, take_turn, lambda *wake_ups: woken.extend(wake_ups), resolves=resolves)
    assert look(lookout) == woken
    assert len(set(woken)) == len(woken)
    return set(woken) - {WakeUp(LOG)}  # whatever happens is logged


def nothing(_: Desk) -> None:
    """An empty ledger."""


def a_request(desk: Desk) -> None:
    desk.submit(people(3))


def a_request_under_way(desk: Desk) -> None:
    desk.submit(people(3))
    desk.execute(
        "UPDATE chunks SET state = 'leased', holder = 'other', lease = gen_random_uuid(), "
        "due_at = now() + interval '1 minute'"
    )


def a_request_whose_worker_is_gone(desk: Desk) -> None:
    a_request_under_way(desk)
    desk.execute("UPDATE chunks SET due_at = now() - interval '1 second'")


def a_request_that_begins_later(desk: Desk) -> None:
    desk.submit(people(3), not_before=datetime.now(UTC) + timedelta(days=1))


def a_request_that_is_over(desk: Desk) -> None:
    desk.submit(people(3))
    desk.work_off(desk.tools_for(everybody(APPLIED)))
    desk.execute("UPDATE chunks SET due_at = now() + interval '1 hour' WHERE purpose = 'verify'")


def a_request_to_be_read_back(desk: Desk) -> None:
    a_request_that_is_over(desk)
    desk.execute("UPDATE chunks SET purpose = 'verify', state = 'waiting', due_at = now() - interval '1 second'")


def a_request_at_a_vendor_that_is_off(desk: Desk) -> None:
    desk.submit(people(3))
    desk.switch_off("insider")


def hold(desk: Desk, probe_in_s: float) -> None:
    held = "held_at = now(), held_by = 'worker', held_reason = 'rejected'"
    probe_at = "probe_at = now() + make_interval(secs => :seconds)"
    desk.execute(f"UPDATE vendors SET {held}, {probe_at}", seconds=probe_in_s)  # noqa: S608 - our own words


def a_request_at_a_held_vendor(desk: Desk) -> None:
    desk.submit(people(3))
    hold(desk, 60.0)


def a_held_vendor_to_be_probed(desk: Desk) -> None:
    hold(desk, -1.0)


def a_vendor_held_by_hand(desk: Desk) -> None:
    desk.execute("UPDATE vendors SET held_at = now(), held_by = 'cli:anna', held_reason = 'by_hand'")


def something_to_tell(desk: Desk) -> None:
    with desk.engine.begin() as connection:
        announce_webhooks(connection, {"crm": "crm.example"})
    a_request_that_is_over(desk)


def a_request_to_resolve(desk: Desk) -> None:
    desk.submit(people(3))
    desk.execute("UPDATE requests SET to_resolve_from = 1; UPDATE chunks SET due_at = now() + interval '1 minute'")


@pytest.mark.parametrize(
    ("there_is", "wanted"),
    [
        (nothing, set()),
        (a_request, {INSIDER}),
        (a_request_under_way, set()),
        (a_request_whose_worker_is_gone, {INSIDER}),
        (a_request_that_begins_later, set()),
        (a_request_that_is_over, set()),
        (a_request_to_be_read_back, {INSIDER}),
        (a_request_at_a_vendor_that_is_off, set()),
        (a_request_at_a_held_vendor, set()),
        (a_held_vendor_to_be_probed, {INSIDER}),
        (a_vendor_held_by_hand, set()),
        (something_to_tell, {WakeUp(NOTIFY)}),
        (a_request_to_resolve, {WakeUp(RESOLVE)}),
    ],
)
def test_the_workers_are_woken_for_what_is_due(
    desk: Desk, there_is: Callable[[Desk], None], wanted: set[WakeUp]
) -> None:
    there_is(desk)
    assert found(desk) == AT_REST | wanted


def test_nobody_is_woken_to_ask_a_directory_that_there_is_not(desk: Desk) -> None:
    a_request_to_resolve(desk)
    assert found(desk, resolves=False) == AT_REST


def a_cancelled_request_under_way(desk: Desk) -> None:
    a_request_under_way(desk)
    desk.execute("UPDATE requests SET status = 'cancelled'")


def a_chunk_at_a_vendor_that_was_retired(desk: Desk) -> None:
    desk.submit(people(3))
    desk.execute("UPDATE requests SET status = 'completed', closed_at = now()")
    with desk.engine.begin() as connection:
        switching.retire(connection, "insider", "cli:anna", "we left")


@pytest.mark.parametrize(
    ("there_is", "often"),
    [
        (nothing, False),
        (a_request_that_is_over, False),
        (a_request, True),
        (a_request_under_way, True),
        (a_cancelled_request_under_way, True),
        (a_chunk_at_a_vendor_that_was_retired, True),
    ],
)
def test_what_is_not_over_is_looked_through_often(desk: Desk, there_is: Callable[[Desk], None], often: bool) -> None:
    there_is(desk)
    turns: dict[str, float] = {}

    def take(name: str, seconds: float) -> bool:
        turns[name] = seconds
        return True

    found(desk, take_turn=take)
    assert min(seconds for name, seconds in turns.items() if name.startswith(SETTLE)) == (5.0 if often else 60.0)


def test_chunks_are_dispatched_whoever_has_the_turns(desk: Desk) -> None:
    a_request(desk)
    assert found(desk, take_turn=lambda *_: False) == {INSIDER}


def test_who_serves_a_vendor_is_put_down_for_vendors_that_are_on(desk: Desk) -> None:
    desk.announce(dfinery=10, algonomy=10)
    desk.switch_off("algonomy")
    for _ in range(2):
        with desk.engine.begin() as connection:
            due.note_served(connection, {"insider", "algonomy"})
    assert desk.rows("SELECT name FROM vendors WHERE served_at IS NOT NULL") == [("insider",)]
    desk.execute("UPDATE vendors SET served_at = now() - interval '11 seconds'")
    with desk.engine.begin() as held, desk.engine.begin() as connection:
        due.note_served(held, {"insider"})
        due.note_served(connection, {"insider"})  # waits for nobody


@pytest.fixture
def turns(desk: Desk, redis_url: str) -> Turns:
    """Those of a worker; nobody has one."""
    mine = turns_of(desk, redis_url, "one@here")
    mine.start(mine.redis.flushdb()).result(60)
    return mine


def turns_of(desk: Desk, redis_url: str, holder: str) -> Turns:
    start = desk.tools({}).start

    async def client() -> Redis:
        return Redis.from_url(redis_url)

    return Turns(start(client()).result(60), start, holder)


def test_a_turn_is_of_one_worker_until_it_is_over_by_the_clock_of_redis(
    desk: Desk, turns: Turns, redis_url: str
) -> None:
    other = turns_of(desk, redis_url, "two@there")
    assert turns.take("look", 600.0)
    assert not other.take("look", 600.0)
    assert not turns.take("look", 600.0)
    assert other.take("else", 0.02)
    deadline = time.monotonic() + 30
    while not turns.take("else", 0.02):
        assert time.monotonic() < deadline
    other.rest("else", 600.0)
    assert not turns_of(desk, redis_url, "three@there").take("else", 600.0)


def test_a_turn_is_forgotten_with_redis_and_taken_anew(desk: Desk, turns: Turns, redis_url: str) -> None:
    assert turns.take("volumes", 600.0)
    turns.start(turns.redis.flushdb()).result(60)
    assert turns_of(desk, redis_url, "two@there").take("volumes", 600.0)


def test_redis_is_not_asked_each_second_for_a_turn_of_minutes(turns: Turns) -> None:
    def asked() -> int:
        return int(turns.start(turns.redis.info("commandstats")).result(60)["cmdstat_set"]["calls"])

    assert turns.take("volumes", 600.0)
    before = asked()
    assert not any(turns.take("volumes", 600.0) for _ in range(20))
    assert asked() == before


def test_without_redis_there_are_no_turns(desk: Desk) -> None:
    nobody = turns_of(desk, "redis://127.0.0.1:1/0", "one@here")
    with pytest.raises(BrokerError):
        nobody.take("look", 1.0)
    nobody.rest("look", 1.0)  # it is done all the same


class Ticking:
    """A worker's clock that goes fast, and what it did."""

    def __init__(self, take_turn: Callable[[str, float], bool], faults: list[Exception] | None = None) -> None:
        self.looks = self.notes = 0
        self.faults = faults or []
        self.stopping = threading.Event()
        self.clock = Clock(
            self.look,
            take_turn=take_turn,
            note_served=self.note,
            note_answers=lambda: None,
            stopping=self.stopping,
            look_s=0.005,
        )

    def look(self) -> None:
        self.looks += 1
        if self.faults:
            raise self.faults.pop(0)

    def note(self) -> None:
        self.notes += 1

    def run_until(self, enough: Callable[[], bool]) -> None:
        self.clock.start()
        deadline = time.monotonic() + 30
        while not enough():
            assert time.monotonic() < deadline
            time.sleep(0.002)
        self.stopping.set()
        self.clock.join(60)


def test_a_worker_looks_at_once_and_again_and_again() -> None:
    ticking = Ticking(lambda *_: True)
    ticking.run_until(lambda: ticking.looks >= 5)
    assert ticking.notes == 1
    assert "clock" not in {thread.name for thread in threading.enumerate()}, "it was told to stop"


def test_a_worker_looks_by_itself_where_it_never_gets_the_turn() -> None:
    ticking = Ticking(lambda *_: False)
    ticking.run_until(lambda: ticking.looks >= 3)


@pytest.mark.parametrize(
    "fault", [LedgerError("nobody answers there"), BrokerError(), KeyError("jane-1"), OSError("x")]
)
def test_no_fault_stops_the_clock_and_each_is_told_once_without_its_text(
    fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ticking = Ticking(lambda *_: True, faults=[fault, fault, fault])
    ticking.run_until(lambda: ticking.looks >= 6)
    told = [record.message for record in caplog.records if record.name == "worker.clock"]
    assert len([one for one in told if one.startswith("cannot look for due work")]) == 1
    assert told[-1] == "due work is looked for again"
    assert "jane" not in caplog.text


def test_no_turn_to_be_had_stops_no_clock() -> None:
    def fail(*_: object) -> bool:
        raise BrokerError

    ticking = Ticking(fail)
    ticking.run_until(lambda: ticking.looks >= 3)


def test_while_redis_takes_no_write_one_line_says_so_and_one_when_it_does_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In the meantime looks of its own find nothing to send, which proves nothing of Redis."""
    caplog.set_level(logging.INFO)
    looked: list[int] = []

    def take(*_: object) -> bool:
        if len(looked) < 20:
            looked.append(1)
            raise BrokerError
        return True

    ticking = Ticking(take)
    ticking.run_until(lambda: len(looked) == 20 and ticking.looks >= 10)
    assert [record.levelname for record in caplog.records if record.name == "worker.clock"] == ["WARNING", "INFO"]
