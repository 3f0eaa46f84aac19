"""The Celery app of a worker process: the tasks that wrap the steps of a request's life, and its start and end."""

import logging
from collections.abc import Sequence
from time import monotonic

from celery import signals
from celery.worker import WorkController

from config.collector import freeze_what_exists
from config.logging import set_up_logging
from config.settings import Settings
from config.stack import find_stack
from ledger.failures import LedgerError, as_ledger_errors
from tasks import selections
from tasks.by_hand import hand_over
from tasks.chores import ChoreSettings, do_chores
from tasks.deliver import deliver
from tasks.dispatch import dispatch
from tasks.due_soon import warn_of_deadlines
from tasks.legal_holds import end_over
from tasks.log import keep_log
from tasks.look import CHORES, look
from tasks.notify import notify
from tasks.queues import DEADLINES, DELIVER, DISPATCH, LOG, LOOK, NOTIFY, RESOLVE, SETTLE, VOLUMES
from tasks.refusals import Refusal, tell
from tasks.resolve import resolve
from tasks.settle import settle
from worker.celery_app import create_app, queues
from worker.cluster import refuse_cluster
from worker.filtered import FilteredTask
from worker.held_step import HeldVendors
from worker.lacking import tell_lacking
from worker.runtime import Runtime
from worker.starting import or_end
from worker.tick import Once

log = logging.getLogger(__name__)

DEEDS_S = 4.0
"""How long one sweep continues deeds over a selection whose callers have left."""


def _refused(refusal: Refusal) -> None:
    """Record a message of one of our queues that was refused."""
    if _runtime is None:  # beat and Flower, which read no queue of tasks
        tell([refusal])
    else:
        _runtime.refusals.add(refusal)


class FilteredOnce(Once, FilteredTask):
    """The base of tasks that are sent once and whose errors are filtered."""


with or_end("this process"):
    app = create_app(_refused)
app.steps["worker"].add(HeldVendors)
_runtime: Runtime | None = None


def runtime() -> Runtime:
    """This process's runtime."""
    if _runtime is None:
        raise RuntimeError("the worker has not started")
    return _runtime


# Of the tasks only those that send something to somebody tell of it by events: what the workers do every second for
# themselves would bury the rest in Flower.
@app.task(name=DELIVER)
def deliver_chunk(chunk_id: int) -> str:
    """Deliver one chunk to its vendor; what it came to, in one line."""
    return deliver(chunk_id, runtime().tools)


@app.task(name=DISPATCH, send_events=False)
def dispatch_vendor(vendor: str) -> None:
    """Queue a vendor's due chunks."""
    dispatch(vendor, runtime().tools)


@app.task(name=LOOK, base=FilteredOnce, shared=False, send_events=False)
def look_for_work() -> None:
    """Wake the workers for what is due."""
    look(runtime().lookout)


@app.task(name=SETTLE, send_events=False)
def settle_requests() -> None:
    """End legal holds whose time is over, hand over what people have to ask for, close every request that has nothing
    open any more, and continue deeds whose callers have left."""
    tools = runtime().tools
    end_over(tools.engine)
    hand_over(tools)
    settle(tools)
    began = monotonic()
    selections.carry_on(tools.engine, _hand_over, lambda: tools.stopping() or monotonic() - began > DEEDS_S)


def _hand_over(vendors: Sequence[str]) -> None:
    for vendor in vendors:
        runtime().tools.hand_over(vendor)


@app.task(name=NOTIFY, send_events=False)
def tell_status_changes() -> None:
    """Send receivers the changes of status in the outbox."""
    notify(runtime().courier)


@app.task(name=LOG, send_events=False)
def keep_the_log() -> None:
    """Hash outcomes, put in order what was logged, and sign."""
    keep_log(runtime().log_keeper)


@app.task(name=RESOLVE)
def resolve_people() -> None:
    """Ask the controller's directory about people who lack identifiers."""
    resolver = runtime().resolver
    if resolver is not None:  # another worker may have newer settings
        resolve(resolver)


@app.task(name=DEADLINES, send_events=False)
def tell_deadlines() -> None:
    """Warn of every request whose statutory deadline is near."""
    warn_of_deadlines(runtime().tools, Settings.load().due_soon_days)
    runtime().turns.rest(DEADLINES, CHORES[DEADLINES])


@app.task(name=VOLUMES, send_events=False)
def turn_volumes_over() -> None:
    """Begin the record's next volume in time, delete what is past its time, and what else is done now and then."""
    tools, settings = runtime().tools, Settings.load()
    chore_settings = ChoreSettings(settings.periods(), settings.suppression_days, settings.recheck_people)
    do_chores(tools.engine, tools.masters, tools.routes, chore_settings)
    runtime().turns.rest(VOLUMES, CHORES[VOLUMES])


@signals.setup_logging.connect
def _set_up_logging(**_: object) -> None:
    set_up_logging(Settings.load().log_level)


@signals.celeryd_after_setup.connect
def _read_own_queues(**_: object) -> None:
    """A vendor's messages are for processes with its credentials. Others do not read its queue."""
    settings = Settings.load()
    app.amqp.queues.select(queues(settings.adapters(), resolves=settings.resolver.is_on))


@signals.worker_init.connect
def _open_runtime(sender: WorkController, **_: object) -> None:
    global _runtime  # noqa: PLW0603 - Celery hands its tasks nothing else
    with or_end("the worker"):
        _refuse_cluster()
        _runtime = Runtime.open(app, holder=sender.hostname)
    HeldVendors.engine = lambda: runtime().tools.engine
    freeze_what_exists()


@signals.beat_init.connect
def _check_broker(**_: object) -> None:
    with or_end("beat"):
        _refuse_cluster()


def _refuse_cluster() -> None:
    stack = find_stack(Settings.load(), needed=("redis_url",))
    refuse_cluster(stack.redis_url, stack.redis_ca)


@signals.worker_ready.connect
def _start_clock(**_: object) -> None:
    runtime().clock.start()


@signals.worker_ready.connect
def _tell_what_is_lacking(**_: object) -> None:
    try:
        with as_ledger_errors(), runtime().tools.engine.connect() as connection:
            tell_lacking(connection, Settings.load())
    except LedgerError as error:
        log.warning("what is lacking here is not known: %s", error)


@signals.worker_shutting_down.connect
def _stop_runtime(**_: object) -> None:
    if _runtime is not None:
        _runtime.stop()


@signals.worker_shutdown.connect
def _close_runtime(**_: object) -> None:
    if _runtime is not None:
        _runtime.close()
