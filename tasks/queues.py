"""The names of our Celery tasks and queues, and a Celery app for those who only send."""

from collections.abc import Iterable, Sequence
from os import PathLike
from typing import NamedTuple

from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from tasks.broker import OUR_QUEUES, Amqp
from tasks.redis_connections import broker_settings

DISPATCH = "consent.dispatch"
DELIVER = "consent.deliver"
SETTLE = "consent.settle"
DEADLINES = "consent.deadlines"
VOLUMES = "consent.volumes"
NOTIFY = "consent.notify"
RESOLVE = "consent.resolve"
SUBMIT = "consent.submit"
LOOK = "consent.look"
CONTROL_QUEUE = "consent.control"
"""For `LOOK`; and for what older processes send while they are replaced."""
SUBMIT_QUEUE = "consent.submit"
"""Of its own: a flood of submissions delays no dispatch, and a broker can let a producer write to nothing else."""
VENDOR_QUEUES = f"{OUR_QUEUES}vendor."
VENDOR_TASKS = frozenset({DELIVER, DISPATCH})
"""What comes by a vendor's queue: the second from older processes, while they are replaced."""


class BrokerError(Exception):
    """Redis cannot be used now. What was recorded is safe; the workers find it when Redis is back."""


def queue_of(vendor: str) -> str:
    """The Celery queue of one vendor: a slow vendor's messages wait in its own."""
    return f"{VENDOR_QUEUES}{vendor}"


def is_ours(queue: str) -> bool:
    """Whether this is a queue for tasks; the others are for replies to who asked the workers something."""
    return queue.startswith(OUR_QUEUES)


def belongs(task: str, queue: str) -> bool:
    """Whether a task may come by a queue."""
    if queue == CONTROL_QUEUE:
        return task != DELIVER
    if queue.startswith(VENDOR_QUEUES):
        return task in VENDOR_TASKS
    return queue == task or (task == DISPATCH and queue.startswith(f"{DISPATCH}."))


class WakeUp(NamedTuple):
    """A message that holds nothing: it only says that there may be work of one sort, at one vendor where one is named.

    Each sort has a queue of its own, so the length of that queue tells whether one still waits.
    """

    task: str
    vendor: str = ""

    @property
    def queue(self) -> str:
        """Where it waits."""
        if self.task == LOOK:
            return CONTROL_QUEUE
        return f"{self.task}.{self.vendor}" if self.vendor else self.task

    @property
    def args(self) -> list[str]:
        """What its task is called with."""
        return [self.vendor] if self.vendor else []


def sender(redis_url: str, redis_ca: str | PathLike[str] | None = None) -> Celery:
    """A Celery app that can send and has no tasks of its own; gives up on an unusable Redis within seconds.

    `redis_ca` is a file of the CA certificates by which rediss:// is verified; None: the system's.
    Raises RedisUrlError.
    """
    app = Celery("consent", amqp=Amqp)
    app.conf.update(task_ignore_result=True, **broker_settings(redis_url, redis_ca))
    return app


def wake(app: Celery, vendors: Sequence[str]) -> None:
    """Ask the workers to look for due chunks of these vendors. Raises BrokerError."""
    send(app, [WakeUp(DISPATCH, vendor) for vendor in vendors])


def send(app: Celery, wake_ups: Iterable[WakeUp]) -> None:
    """Send wake-ups, but none of which another like it still waits unread: who reads that one finds what both are for.

    So no more than a handful ever waits, however long nobody reads. Raises BrokerError.
    """
    wanted = list(dict.fromkeys(wake_ups))
    try:
        with app.producer_pool.acquire(block=True) as producer:
            with producer.channel.client.pipeline(transaction=False) as pipe:
                for one in wanted:
                    pipe.llen(one.queue)
                waiting = pipe.execute()
            for one, as_many in zip(wanted, waiting, strict=True):
                if not as_many:
                    app.send_task(one.task, args=one.args, queue=one.queue, producer=producer, ignore_result=True)
    except (OperationalError, RedisError, AttributeError):
        # kombu stumbles over its own missing connection when Redis dies at the wrong moment.
        raise BrokerError from None
