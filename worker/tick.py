"""Beat's work: make a worker look for due work now and then."""

from celery import Celery, Task

from tasks.queues import LOOK, WakeUp
from tasks.sending import send

TICK_S = 15.0
"""The workers look every second themselves (worker.clock). Beat is a second way, in case every worker's timer stops."""


class Once(Task):  # type: ignore[misc]  # Celery is untyped
    """A task that is sent only while no other message for it waits, so beat goes on while every worker is down."""

    def apply_async(self, *_: object, **__: object) -> None:
        """Send it, unless one waits. Raises tasks.queues.BrokerError."""
        send(self.app, [WakeUp(self.name)])


def schedule(app: Celery) -> None:
    """Give an app beat's schedule."""
    app.conf.update(
        beat_max_loop_interval=TICK_S,
        # No `expires`: it compares the clocks of two machines. A late message does no harm.
        beat_schedule={"look": {"task": LOOK, "schedule": TICK_S}},
    )
