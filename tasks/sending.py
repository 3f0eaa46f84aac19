"""A Celery app for those who only send, and the sending of wake-ups."""

from collections.abc import Iterable, Sequence
from os import PathLike

from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from tasks.broker import Amqp
from tasks.queues import DISPATCH, BrokerError, WakeUp
from tasks.redis_connections import broker_settings


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
    """Send wake-ups, except where one of the same sort still waits unread: the reader of that one does the work of
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
