"""How fast Celery producers' messages are recorded, beside an idle stack."""

import json
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

from kombu.entity import Queue
from redis import Redis
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from bench import naive
from bench.beside import with_driver
from bench.results import Bound, Row
from bench.stand import BenchError, Ours, Stand
from config.settings import Settings
from config.stack import find_stack
from domain.requests import Subject
from intake.producer import seal
from tasks.queues import SUBMIT, SUBMIT_QUEUE
from tasks.sealed import ProducerKeys
from tasks.sending import sender

MESSAGES = 20_000
REQUIRED = Bound("ours", least=200)
WITHIN_S = 300.0
QUEUE = "bench.submit"
EVERY_S = 0.05


def take_in(stand: Stand, *, quick: bool) -> Iterator[Row]:
    """Messages of one person each, all present at the start. Nothing of them is sent meanwhile."""
    number = MESSAGES // 10 if quick else MESSAGES
    with stand.ours() as ours, Redis.from_url(stand.redis_url) as redis:
        public = ProducerKeys.parse(find_stack(Settings.load()).producer_keys).public
        if public is None:
            raise BenchError("the stack has no producer key")
        people = [_person(one) for one in range(number)]
        sealed = [seal(_request(person), public) for person in people]
        stand.await_rest()
        with ours.frozen():
            naively = _naively(stand, redis, people[: number // 10])
        rate, cpu_ms = _drained(stand, ours, redis, sealed)
    note = f"{number:,} messages of one person; {cpu_ms:.2f} ms of processor time a message, of the whole stack"
    yield Row(
        "take_in",
        "Messages of Celery producers: pushed to recorded",
        "messages/s",
        rate,
        naively,
        "a message a task, an ORM object and a commit each, unsealed and unchecked",
        REQUIRED,
        note,
    )


def _person(number: int) -> Subject:
    return {"user_id": f"producer-{number}", "email": f"producer-{number}@private.example"}


def _request(person: Subject) -> dict[str, object]:
    later = (datetime.now(UTC) + timedelta(days=7)).isoformat()
    return {"kind": "opt_out", "subjects": [person], "submitted_by": "bench", "not_before": later}


def _drained(stand: Stand, ours: Ours, redis: Redis, sealed: Sequence[str]) -> tuple[float, float]:
    """Messages a second from the first push on, and ms of CPU for each."""
    already, cpu = _recorded(ours.engine), stand.cpu_s()
    began = time.perf_counter()
    _push(stand, SUBMIT, [[one] for one in sealed], SUBMIT_QUEUE)
    deadline = began + WITHIN_S
    while _recorded(ours.engine) - already < len(sealed):
        ours.pause(EVERY_S)
        if time.perf_counter() > deadline:
            raise BenchError(f"{redis.llen(SUBMIT_QUEUE):,} messages are not taken in after {WITHIN_S:g} s")
    took = time.perf_counter() - began
    return len(sealed) / took, stand.cpu_s().since(cpu).total / len(sealed) * 1e3


def _push(stand: Stand, task: str, arguments: Sequence[Sequence[object]], queue: str) -> None:
    with sender(stand.redis_url) as app, app.connection_for_write() as connection:
        producer = app.amqp.Producer(connection.channel())
        for args in arguments:
            app.send_task(task, args, queue=Queue(queue), producer=producer, ignore_result=True)


def _recorded(engine: Engine) -> int:
    with engine.begin() as connection:
        return int(connection.execute(_COUNT).scalar_one())


def _naively(stand: Stand, redis: Redis, people: Sequence[Subject]) -> float:
    """Messages a second as a task would record them, without the cost of Celery itself."""
    with stand.database("bench_take_in") as url:
        engine = create_engine(with_driver(url))
        naive.Base.metadata.create_all(engine)
        try:
            redis.lpush(QUEUE, *(json.dumps(person) for person in people))
            began = time.perf_counter()
            while (item := redis.rpop(QUEUE)) is not None:
                with Session(engine) as session:
                    session.add(naive.Delivery(vendor="insider", **json.loads(cast(bytes, item))))
                    session.commit()
            return len(people) / (time.perf_counter() - began)
        finally:
            engine.dispose()


_COUNT = text("SELECT count(*) FROM audit_entries WHERE deed = 'submit'")
