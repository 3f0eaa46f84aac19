"""A producer's message in Redis: processed by one, lost by nobody, retried where needed."""

import json
import logging
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from redis import Redis
from redis._parsers.base import BaseParser
from redis.exceptions import OutOfMemoryError, ResponseError

from intake.producer import seal
from intake.take_in import inbox as lists
from intake.take_in import process, rounds
from intake.take_in.inbox import Inbox
from intake.take_in.process import Process
from intake.take_in.rounds import FIRST_AGAIN_S, LAST_AGAIN_S, AwayError, PutOff, Rounds
from ledger.failures import LedgerError
from tasks.producers import Intake, Waits
from tasks.queues import SUBMIT, SUBMIT_QUEUE
from tasks.rewriting import Rewriting
from tasks.sealed import ProducerKeys, generate_producer_key
from tasks.submission import Guards
from tests.bad_messages import MARK, dumped, envelope
from tests.ledger.conftest import Desk, people

KEYS = ProducerKeys.parse(generate_producer_key())


class Clock:
    """Time that passes only when a test says so."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def box(redis: Redis) -> Inbox:
    return Inbox(redis)


@pytest.fixture
def intake(desk: Desk) -> Intake:
    return Intake(desk.engine, desk.masters, KEYS, wake=desk.woken.extend, guards=Guards())


def message(number: int) -> bytes:
    person = people(number)[-1]
    sealed = seal({"kind": "opt_out", "subjects": [person], "vendors": ["insider"]}, str(KEYS.public))
    return dumped(envelope(SUBMIT, [sealed], SUBMIT_QUEUE))


def left(redis: Redis) -> dict[str, int]:
    """What lies in any of the lists, by the list."""
    names = [name.decode() for name in redis.keys("consent.*") if redis.type(name) == b"list"]
    return {name.split("taken:")[0]: redis.llen(name) for name in names}


def test_messages_are_taken_in_their_order_and_leave_when_they_are_done(redis: Redis, box: Inbox) -> None:
    redis.lpush(SUBMIT_QUEUE, *(b"%d" % number for number in range(5)))
    assert box.take(3) == [b"0", b"1", b"2"]
    assert box.take(3) == [b"0", b"1", b"2"], "its answer may have been lost"
    box.done([b"1"])
    assert box.take(3) == [b"3", b"4"]
    box.done()
    assert box.take(3) == []
    assert left(redis) == {lists.PUT_OFF: 1}
    assert box.take_put_off(3) == [b"1"]


def test_what_a_dead_process_had_is_taken_up_and_what_a_live_one_has_is_not(redis: Redis, box: Inbox) -> None:
    redis.lpush(SUBMIT_QUEUE, b"dead", b"alive")
    dead, alive = Inbox(redis), Inbox(redis)
    assert (dead.take(1), alive.take(1)) == ([b"dead"], [b"alive"])
    assert box.adopt() == 0
    (sign,) = [name for name in redis.keys(f"{lists.ALIVE}*") if name.decode() == dead._alive]
    assert 0 < redis.pttl(sign) <= lists.LIVES_S * 1000
    redis.delete(sign)
    assert box.adopt() == 1
    assert box.adopt() == 0
    assert box.take_put_off(9) == [b"dead"]
    dead.done()
    alive.done()
    assert left(redis)[lists.TAKEN.removesuffix("taken:")] == 1, "what was taken up is the new one's to be done with"


def test_who_leaves_gives_back_in_order(redis: Redis, box: Inbox) -> None:
    redis.lpush(SUBMIT_QUEUE, *(b"%d" % number for number in range(4)))
    assert box.take(2) == [b"0", b"1"]
    box.leave()
    assert redis.smembers(lists.CONSUMERS) == set()
    assert Inbox(redis).take(9) == [b"0", b"1", b"2", b"3"]


def test_a_round_is_bounded_by_bytes_and_what_is_gigantic_is_never_fetched(
    redis: Redis, box: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "LARGEST_ROUND", 100)
    monkeypatch.setattr(lists, "LARGEST_ITEM", 200)
    redis.lpush(SUBMIT_QUEUE, b"a" * 60, b"b" * 60, b"c" * 150, b"d" * 201, b"e")
    taken = []
    for _ in range(4):
        taken.append(box.take(9))
        box.done()
    assert taken == [[b"a" * 60], [b"b" * 60], [b"c" * 150, lists.TOO_LARGE], [b"e"]]


def test_with_redis_full_messages_are_still_taken_and_room_is_made(redis: Redis, box: Inbox) -> None:
    redis.lpush(SUBMIT_QUEUE, b"x" * 1000)
    before = redis.config_get("maxmemory")["maxmemory"]
    redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(OutOfMemoryError):
            redis.lpush(SUBMIT_QUEUE, b"y")
        assert box.take(9) == [b"x" * 1000]
        box.done()
        assert left(redis) == {}
    finally:
        redis.config_set("maxmemory", before)


def test_a_full_redis_is_told_once_and_what_lies_there_is_taken_in(
    redis: Redis, desk: Desk, intake: Intake, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(process, "AGAIN_S", 0.01)
    monkeypatch.setattr(process, "IDLE_S", 0.1)
    monkeypatch.setattr(rounds, "AT_ONCE", 1)
    desk.announce(insider=10)
    redis.lpush(SUBMIT_QUEUE, message(1), message(2), message(3))
    work, before = Process(redis, intake), redis.config_get("maxmemory")["maxmemory"]
    redis.config_set("maxmemory", 1)
    try:
        work._turn()
        for _ in range(6):
            work._turn()
        assert left(redis) == {}
    finally:
        redis.config_set("maxmemory", before)
    assert desk.one("SELECT count(*) FROM requests") == 3
    work._turn()
    told = [record.levelname for record in caplog.records if record.name == process.__name__]
    assert told == ["WARNING", "INFO"]


def test_what_is_no_list_where_the_queue_should_be_is_removed(redis: Redis, box: Inbox) -> None:
    redis.set(SUBMIT_QUEUE, MARK)
    assert box.take(9) == [lists.TOO_LARGE]
    box.done()
    assert redis.lpush(SUBMIT_QUEUE, b"1") == 1
    assert box.take(9) == [b"1"]


def test_messages_with_a_priority_and_those_of_earlier_workers_are_brought_in(redis: Redis, box: Inbox) -> None:
    redis.lpush(f"{SUBMIT_QUEUE}\x06\x163", b'"3"')
    redis.lpush(f"{SUBMIT_QUEUE}\x06\x169", b'"9"')
    kept = {
        "1": json.dumps([{"body": "of a producer"}, "", SUBMIT_QUEUE]),
        "2": json.dumps([{"body": "of a vendor"}, "", "consent.vendor.insider"]),
        "3": "junk",
        "4": "7",
    }
    redis.hset(lists.UNACKED, mapping=kept)
    assert box.gather() == 3
    assert {*box.take(9)} == {b'"3"', b'"9"', b'{"body":"of a producer"}'}
    assert redis.hlen(lists.UNACKED) == 3
    redis.delete(lists.UNACKED)
    redis.set(lists.UNACKED, "junk")
    assert box.gather() == 0


def test_what_comes_is_recorded_or_refused_and_nothing_is_left_in_redis(
    desk: Desk, redis: Redis, box: Inbox, intake: Intake
) -> None:
    readable: list[bool] = []
    sealed_nonsense = dumped(envelope(SUBMIT, [seal({"kind": MARK}, str(KEYS.public))], SUBMIT_QUEUE))
    redis.lpush(SUBMIT_QUEUE, message(1), sealed_nonsense, message(2))
    work = Rounds(box, intake, lambda: readable.append(True))
    assert work.run()
    assert not readable, "what is sealed nobody can have read"
    redis.lpush(SUBMIT_QUEUE, MARK.encode())
    assert work.run()
    assert readable == [True]
    assert not work.run()
    assert left(redis) == {}
    assert desk.one("SELECT count(*) FROM requests") == 2
    assert desk.one("SELECT count(*) FROM audit_entries WHERE NOT allowed") == 2


def test_while_postgresql_is_away_nothing_more_is_taken_and_nothing_is_lost(
    desk: Desk,
    redis: Redis,
    box: Inbox,
    intake: Intake,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rounds, "AT_ONCE", 10)
    redis.lpush(SUBMIT_QUEUE, *map(message, range(1, 20)))
    work = Rounds(box, intake, lambda: None)
    here = rounds.take_in

    def away(*_: Any, **__: Any) -> None:
        raise LedgerError("nobody answers there")

    monkeypatch.setattr(rounds, "take_in", away)
    for _ in range(3):
        with pytest.raises(AwayError, match="nobody answers"):
            work.run()
    assert redis.llen(SUBMIT_QUEUE) == 9
    monkeypatch.setattr(rounds, "take_in", here)
    while work.run():
        pass
    assert desk.one("SELECT count(*) FROM requests") == 19
    assert left(redis) == {}


def test_a_message_that_we_fail_at_delays_no_other_and_is_tried_ever_more_rarely(
    redis: Redis, box: Inbox, intake: Intake, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, tried = message(1), []

    def take_in(items: Any, intake: Any, *, apart: bool) -> list[Any]:
        tried.extend(clock.at for item in items if item == bad)
        return [Waits("OverflowError at here:1") if item == bad else uuid4() for item in items]

    monkeypatch.setattr(rounds, "take_in", take_in)
    redis.lpush(SUBMIT_QUEUE, bad, message(2), message(3))
    work = Rounds(box, intake, lambda: None, clock)
    until = clock.at + 400
    while clock.at < until:
        if not work.run():
            clock.at += 1
    pauses = [round(after - before) for before, after in pairwise(tried)]
    assert pauses == [5, 5, 10, 20, 40, 80, 160]
    assert left(redis) == {lists.PUT_OFF: 1}
    redis.lpush(SUBMIT_QUEUE, message(4))
    assert work.run()
    assert left(redis) == {lists.PUT_OFF: 1}


def test_the_pause_has_a_longest_and_is_short_again_after_a_success(clock: Clock) -> None:
    again, pauses = PutOff(clock), []
    for failed in [1] * 10 + [0, 1, 1]:
        before = clock.at
        while not again.due(lambda: 1):
            clock.at += 1
        pauses.append(clock.at - before)
        again.tried(1, failed)
    assert pauses == [0, 5, 10, 20, 40, 80, 160, 320, LAST_AGAIN_S, LAST_AGAIN_S, LAST_AGAIN_S, 5, 10]


def test_many_that_wait_are_all_tried_before_the_pause(
    redis: Redis, box: Inbox, intake: Intake, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that can be taken in now are not kept waiting behind any number that cannot."""
    many = [b"%d" % number for number in range(500)]
    redis.lpush(lists.PUT_OFF, *many, b"good")
    tried: list[bytes] = []

    def take_in(items: list[bytes], intake: Any, *, apart: bool) -> list[Any]:
        tried.extend(items)
        return [uuid4() if item == b"good" else Waits("a fault") for item in items]

    monkeypatch.setattr(rounds, "take_in", take_in)
    work = Rounds(box, intake, lambda: None, clock)
    began, sizes = clock.at, []
    while b"good" not in tried:
        before = len(tried)
        if work.run():
            sizes.append(len(tried) - before)
        else:
            clock.at += 0.5
    assert sizes[:6] == [1, 2, 4, 8, 16, 32]
    assert max(sizes) == rounds.PUT_OFF_AT_ONCE
    assert clock.at - began < 30
    assert len(tried) == 501
    assert not work.run()
    clock.at += FIRST_AGAIN_S + 1
    assert work.run()


def test_what_may_have_been_read_is_written_out_of_the_file_of_redis(redis: Redis, clock: Clock) -> None:
    def rewritten() -> int:
        return int(redis.info("stats").get("total_forks", 0))

    rewriting = Rewriting(redis, clock)
    before = rewritten()
    rewriting.see_to_it()
    assert rewritten() == before
    for _ in range(3):
        rewriting.want()
        rewriting.see_to_it()
    assert rewritten() == before + 1, "not more than once in a while"


def test_a_redis_that_may_not_be_told_to_rewrite_is_told_of(
    redis: Redis, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answers = iter(["ERR Background append only file rewriting already in progress", "NOPERM no permission"])

    def refuse() -> None:
        raise ResponseError(next(answers))

    monkeypatch.setattr(redis, "bgrewriteaof", refuse)
    rewriting = Rewriting(redis, clock)
    rewriting.want()
    rewriting.see_to_it()
    assert not caplog.records
    clock.at += 1_000
    rewriting.see_to_it()
    assert "BGREWRITEAOF" in caplog.text
    clock.at += 1_000
    rewriting.see_to_it()
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("refusal", "after_s", "told"),
    [
        ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", 10, 0),
        ("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", 10, 0),
        ("LOADING Redis is loading the dataset in memory", 10, 0),
        ("NOAUTH Authentication required.", 10, 0),
        ("ERR Can't execute an AOF background rewriting. Please check the server logs.", 1_000, 1),
        ("NOPERM this user has no permissions to run the 'bgrewriteaof' command", None, 1),
        ("ERR unknown command 'BGREWRITEAOF'", None, 1),
    ],
)
def test_what_keeps_redis_from_rewriting_for_a_while_is_outlasted(
    redis: Redis,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    *,
    refusal: str,
    after_s: int | None,
    told: int,
) -> None:
    asked: list[float] = []

    def refuse_once() -> None:
        asked.append(clock.at)
        if len(asked) == 1:
            raise BaseParser.parse_error(refusal)

    monkeypatch.setattr(redis, "bgrewriteaof", refuse_once)
    rewriting = Rewriting(redis, clock)
    rewriting.want()
    rewriting.see_to_it()
    assert len([one for one in caplog.records if one.levelname == "ERROR"]) == told
    clock.at += after_s or 100_000
    rewriting.see_to_it()
    assert len(asked) == (1 if after_s is None else 2)
    assert not rewriting.is_wanted
