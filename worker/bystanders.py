"""The Celery app of beat and Flower, which run no tasks. It knows the broker, and needs neither keys nor much
memory."""

import os

from celery import Celery, signals
from kombu.entity import Queue

from config.broker_place import NoBrokerError, find_broker
from config.logging import set_up_logging
from tasks.broker import Amqp
from tasks.queues import CONTROL_QUEUE, LOOK
from tasks.redis_connections import RedisUrlError, broker_settings
from worker.cluster import refuse_cluster
from worker.tick import Once, schedule


def create_app() -> Celery:
    """The app of this process's stack. Raises NoBrokerError, RedisUrlError."""
    app = Celery("consent", amqp=Amqp)
    app.conf.update(
        **broker_settings(*find_broker(), must_write=True),
        accept_content=["json"],
        task_ignore_result=True,
        result_expires=None,  # nothing expires, and beat sends no clean-up of its own
        task_queues=[Queue(CONTROL_QUEUE)],
        task_default_queue=CONTROL_QUEUE,
    )
    schedule(app)
    return app


try:
    app = create_app()
except NoBrokerError as error:
    raise SystemExit(f"this process cannot start: {error}") from None
except RedisUrlError as error:
    raise SystemExit(f"this process cannot start: CONSENT_REDIS_URL: {error}") from None


@app.task(name=LOOK, base=Once, shared=False)
def look_for_work() -> None:
    """Beat sends it; only workers run it (worker.app)."""
    raise RuntimeError("this process runs no tasks")


@signals.setup_logging.connect
def _set_up_logging(**_: object) -> None:
    set_up_logging(os.environ.get("CONSENT_LOG_LEVEL") or "INFO")


@signals.beat_init.connect
def _check_broker(**_: object) -> None:
    refuse_cluster(*find_broker())
