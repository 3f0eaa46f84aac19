"""How the Celery app of the workers is made: its broker, its queues, and what it does with messages."""

from collections.abc import Callable, Iterable

from celery import Celery
from celery.worker.control import Panel
from kombu.entity import Queue

from adapters.registry import ADAPTERS
from config.settings import Settings, SettingsError
from config.stack import find_stack
from tasks.look import CHORES
from tasks.queues import CONTROL_QUEUE, DISPATCH, LOG, LOOK, NOTIFY, RESOLVE, SETTLE, WakeUp, queue_of
from tasks.redis_connections import RedisUrlError, broker_settings
from tasks.refusals import Refusal
from worker.filtered import FilteredTask
from worker.remote_control import obeyed
from worker.sieve import Sieve
from worker.tick import schedule
from worker.transport import SiftingAmqp


def create_app(refused: Callable[[Refusal], None]) -> Celery:
    """The app of this process's stack. `refused`: records a message of one of our queues that was refused.

    Raises SettingsError, NoStackError.
    """
    settings = Settings.load()
    stack = find_stack(settings, needed=("redis_url",))
    try:
        broker = broker_settings(stack.redis_url, stack.redis_ca, must_write=True)
    except RedisUrlError as error:
        raise SettingsError(f"CONSENT_REDIS_URL: {error}") from None
    broker["broker_transport_options"] |= {
        "sieve": Sieve(lambda: app.tasks, refused, lambda: obeyed(Panel.data)),
        # a lost message costs nothing, and anyone who can write to a queue could write to Kombu's own keys
        "ack_emulation": False,
    }
    app = Celery("consent", amqp=SiftingAmqp, task_cls=FilteredTask)
    app.conf.update(
        **broker,
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        result_expires=None,  # nothing expires, and beat sends no clean-up of its own
        task_store_errors_even_if_ignored=False,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_concurrency=settings.threads(),
        worker_hijack_root_logger=False,
        worker_send_task_events=True,
        task_queues=[Queue(name) for name in queues(dict.fromkeys([*ADAPTERS, *settings.adapters()]))],
        task_default_queue=CONTROL_QUEUE,
        task_create_missing_queues=False,
    )
    schedule(app)
    return app


def queues(vendors: Iterable[str], *, resolves: bool = True) -> list[str]:
    """The queues of a worker that serves these vendors; `resolves`: whether it has a directory to ask."""
    tasks = (LOOK, SETTLE, NOTIFY, LOG, *([RESOLVE] if resolves else []), *CHORES)
    everybodys = (WakeUp(task).queue for task in tasks)
    own = (name for vendor in vendors for name in (queue_of(vendor), WakeUp(DISPATCH, vendor).queue))
    return [*everybodys, *own]
