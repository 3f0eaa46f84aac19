"""The names of our Celery tasks and queues, and a Celery app for those who only send."""

from collections.abc import Sequence

from celery import Celery
from kombu.exceptions import OperationalError

DISPATCH = "consent.dispatch"
DELIVER = "consent.deliver"
SETTLE = "consent.settle"
DEADLINES = "consent.deadlines"
VOLUMES = "consent.volumes"
NOTIFY = "consent.notify"
RESOLVE = "consent.resolve"
SUBMIT = "consent.submit"
CONTROL_QUEUE = "consent.control"
SUBMIT_QUEUE = "consent.submit"
"""Of its own: a flood of submissions delays no dispatch, and a broker can let a producer write to nothing else."""


class BrokerError(Exception):
    """Redis cannot be reached. What was recorded is safe; the workers find it when Redis is back."""


def queue_of(vendor: str) -> str:
    """The Celery queue of one vendor: a slow vendor's messages wait in its own."""
    return f"consent.vendor.{vendor}"


def sender(redis_url: str) -> Celery:
    """A Celery app that can send and has no tasks of its own; gives up on an unreachable Redis within seconds."""
    app = Celery("consent", broker=redis_url)
    app.conf.update(
        task_ignore_result=True,
        broker_connection_timeout=3.0,
        broker_transport_options={"socket_connect_timeout": 3.0, "socket_timeout": 10.0, "max_retries": 1},
        task_publish_retry=False,
    )
    return app


def wake(app: Celery, vendors: Sequence[str]) -> None:
    """Ask the workers to look for due chunks of these vendors. Raises BrokerError."""
    try:
        for vendor in vendors:
            app.send_task(DISPATCH, args=[vendor], queue=CONTROL_QUEUE, ignore_result=True)
    except OperationalError:
        raise BrokerError from None


def answers(app: Celery) -> bool:
    """Whether Redis answers now."""
    try:
        with app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=3)
    except OperationalError:
        return False
    return True
