"""Kombu over a real Redis through our sieve: it gets valid messages, and nothing in Redis stops it."""

import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest
from kombu import Consumer, Exchange, Queue
from kombu.exceptions import OperationalError
from redis import Redis

from tasks import bounded_answers
from tasks.queues import CONTROL_QUEUE, DISPATCH
from tasks.redis_connections import broker_settings
from tasks.refusals import Refusal
from tests.bad_messages import MARK, dumped, encoded, envelope, junk
from worker.sieve import Sieve
from worker.transport import SiftingConnection


def dispatch(vendor: str) -> None: ...


def ping(state: object) -> None: ...


TASKS = {DISPATCH: SimpleNamespace(run=dispatch)}


class Listener:
    """A listening worker: what it received, and what was refused."""

    def __init__(self, url: str, *, must_write: bool = False) -> None:
        self.heard: list[Any] = []
        self.refused: list[Refusal] = []
        options = {"sieve": Sieve(lambda: TASKS, self.refused.append, lambda: {"ping": ping}), "ack_emulation": False}
        settings = broker_settings(url, must_write=must_write)
        options |= settings["broker_transport_options"]
        self.connection = SiftingConnection(settings["broker_url"], transport_options=options)

    def listen(self, queue: Queue, *, acknowledge: bool = True) -> Consumer:
        def hear(message: Any) -> None:
            self.heard.append(message)
            if acknowledge:
                message.ack()

        consumer = Consumer(self.connection.channel(), [queue], on_message=hear)
        consumer.consume()
        return consumer

    def close(self) -> None:
        self.connection.release()

    def drain(self, until: int) -> None:
        """Until so many were heard."""
        for _ in range(1_000):
            if len(self.heard) >= until:
                return
            try:
                self.connection.drain_events(timeout=1)
            except TimeoutError:
                continue


@pytest.fixture
def listener(redis_url: str) -> Iterator[Listener]:
    with closing(Listener(redis_url)) as listener:
        yield listener


def good(vendor: str) -> bytes:
    return dumped(envelope(DISPATCH, [vendor], CONTROL_QUEUE))


def test_what_is_good_is_heard_and_the_rest_is_gone(redis: Redis, listener: Listener) -> None:
    items = [item for _, item in junk(DISPATCH, ["insider"], CONTROL_QUEUE)]
    redis.lpush(CONTROL_QUEUE, good("a"), *items, good("b"))
    redis.mset({"unacked": MARK, "unacked_index": MARK, "unacked_mutex": MARK})
    listener.listen(Queue(CONTROL_QUEUE))
    listener.drain(until=2)
    assert [heard.payload[0] for heard in listener.heard] == [["a"], ["b"]]
    assert len(listener.refused) == len(items)
    assert redis.exists(CONTROL_QUEUE) == 0


def test_a_key_that_is_no_list_is_out_of_the_way(redis: Redis, listener: Listener) -> None:
    listener.listen(Queue(CONTROL_QUEUE))
    redis.set(f"{CONTROL_QUEUE}\x06\x163", MARK)
    redis.hset(CONTROL_QUEUE, MARK, MARK)
    for _ in range(100):
        if not redis.exists(CONTROL_QUEUE, f"{CONTROL_QUEUE}\x06\x163"):
            break
        with pytest.raises((TimeoutError, OperationalError)):
            listener.connection.drain_events(timeout=1)
    redis.lpush(CONTROL_QUEUE, good("a"))
    listener.drain(until=1)
    assert len(listener.heard) == 1
    assert {refusal.because for refusal in listener.refused} == {"not a list, where a queue should be"}


@pytest.mark.parametrize("must_write", [True, False])
def test_a_key_that_is_no_table_of_queues_keeps_nobody_from_connecting(
    redis: Redis, redis_url: str, *, must_write: bool
) -> None:
    tables = [f"_kombu.binding{permanent}.{CONTROL_QUEUE}" for permanent in ("", "_permanent")]
    redis.set(tables[0], MARK)
    redis.lpush(tables[1], MARK)
    with closing(Listener(redis_url, must_write=must_write)) as listener:
        listener.listen(Queue(CONTROL_QUEUE, Exchange(CONTROL_QUEUE)))
        redis.lpush(CONTROL_QUEUE, good("a"))
        listener.drain(until=1)
        assert len(listener.heard) == 1
    assert {redis.type(table) for table in tables} == ({b"set"} if must_write else {b"string", b"list"})


def test_what_was_not_begun_is_given_back_by_who_stops(redis: Redis, listener: Listener) -> None:
    redis.lpush(CONTROL_QUEUE, good("a"))
    consumer = listener.listen(Queue(CONTROL_QUEUE), acknowledge=False)
    listener.drain(until=1)
    assert redis.exists(CONTROL_QUEUE) == redis.exists("unacked") == 0
    consumer.channel.close()
    assert redis.llen(CONTROL_QUEUE) == 1


def test_junk_on_a_channel_is_not_heard(redis: Redis, listener: Listener) -> None:
    exchange = Exchange("celery.pidbox", type="fanout", durable=False)
    listener.listen(Queue("here.celery.pidbox", exchange, durable=False, auto_delete=True))
    listener.connection.drain_events(timeout=60)  # it subscribes
    junk_sent = [item for _, item in junk("ping", [], "celery.pidbox")]
    for item in junk_sent:
        redis.publish("/0.celery.pidbox", item)
    good = {**envelope("", [], "celery.pidbox"), "headers": {"clock": 7}, "body": encoded({"method": "ping"})}
    redis.publish("/0.celery.pidbox", dumped(good))
    while not listener.heard:
        listener.connection.drain_events(timeout=60)
    assert [heard.payload for heard in listener.heard] == [{"method": "ping"}]
    assert len(listener.refused) == len(junk_sent)
    assert MARK not in repr(listener.refused)


@pytest.mark.parametrize("size", [65_537, 2_000_000, 5_000_000])
def test_what_is_gigantic_is_refused_and_never_held(
    redis: Redis, listener: Listener, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Redis takes items of half a gigabyte; a worker learns of their size as they come."""
    monkeypatch.setattr(bounded_answers, "LARGEST_ANSWER", 1_000_000)
    listener.listen(Queue(CONTROL_QUEUE))
    redis.lpush(CONTROL_QUEUE, good("a"))
    listener.drain(until=1)
    redis.lpush(CONTROL_QUEUE, b"x" * size, good("b"))
    tracemalloc.start()
    try:
        listener.drain(until=2)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [heard.payload[0] for heard in listener.heard] == [["a"], ["b"]]
    assert len(listener.refused) == 1
    assert most < 1_500_000
    assert ("too large" in listener.refused[0].because) == (size > 1_000_000)
