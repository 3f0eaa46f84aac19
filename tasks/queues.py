"""The names of our Celery tasks and queues, and a Celery app that only sends."""

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
"""For `LOOK`, and for what older processes send while they are replaced."""
SUBMIT_QUEUE = "consent.submit"
"""A queue of its own: a flood of submissions delays no dispatch, and an ACL can limit a producer to it."""
VENDOR_QUEUES = f"{OUR_QUEUES}vendor."
VENDOR_TASKS = frozenset({DELIVER, DISPATCH})
"""Tasks that come by a vendor's queue. Older processes send the second one while they are replaced."""


class BrokerError(Exception):
    """Redis cannot be used now. What was recorded is safe: the workers find it when Redis is back."""


def queue_of(vendor: str) -> str:
    """A vendor's own Celery queue, so that a slow vendor's messages wait apart."""
    return f"{VENDOR_QUEUES}{vendor}"


def is_ours(queue: str) -> bool:
    """Whether this is a queue of tasks. Others hold replies to commands that asked the workers something."""
    return queue.startswith(OUR_QUEUES)


def belongs(task: str, queue: str) -> bool:
    """Whether a task may come by this queue."""
    if queue == CONTROL_QUEUE:
        return task != DELIVER
    if queue.startswith(VENDOR_QUEUES):
        return task in VENDOR_TASKS
    return queue == task or (task == DISPATCH and queue.startswith(f"{DISPATCH}."))


class WakeUp(NamedTuple):
    """A message without content: there may be work of one sort, at one vendor where one is named.

    Each sort has a queue of its own, so the queue's length tells whether one still waits.
    """

    task: str
    vendor: str = ""

    @property
    def queue(self) -> str:
        """The queue that it waits in."""
        if self.task == LOOK:
            return CONTROL_QUEUE
        return f"{self.task}.{self.vendor}" if self.vendor else self.task

    @property
    def args(self) -> list[str]:
        """The arguments of its task."""
        return [self.vendor] if self.vendor else []


def sender(redis_url: str, redis_ca: str | PathLike[str] | None = None) -> Celery:
    """A Celery app without tasks, which can only send. It gives up on an unusable Redis within seconds.

    `redis_ca`: a file of CA certificates to verify rediss:// with; None: the system's. Raises RedisUrlError.
    """
    app = Celery("consent", amqp=Amqp)
    app.conf.update(task_ignore_result=True, **broker_settings(redis_url, redis_ca))
    return app


def wake(app: Celery, vendors: Sequence[str]) -> None:
    """Ask the workers to look for due chunks of these vendors. Raises BrokerError."""
    send(app, [WakeUp(DISPATCH, vendor) for vendor in vendors])


def send(app: Celery, wake_ups: Iterable[WakeUp]) -> None:
    """Send wake-ups, except where one of the same sort still waits unread: whoever reads that one does the work of
    both.

    So only a handful ever wait, even while nobody reads. Raises BrokerError.
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
        # kombu raises this when Redis dies at the wrong moment: its own connection is missing then.
        raise BrokerError from None
