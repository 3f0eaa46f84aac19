"""What beat does: have a worker look for due work now and then."""

from celery import Celery, Task

from tasks.queues import LOOK, WakeUp, send

TICK_S = 15.0
"""The workers look by themselves every second (worker.clock). Beat is a second way: it finds what is due though every
worker's clock should stand still."""


class Once(Task):  # type: ignore[misc]  # Celery is untyped
    """A task that is sent only while no other message for it waits: beat goes on though every worker is down."""

    def apply_async(self, *_: object, **__: object) -> None:
        """Send it, or not. Raises tasks.queues.BrokerError."""
        send(self.app, [WakeUp(self.name)])


def schedule(app: Celery) -> None:
    """Give an app what beat reads of it."""
    app.conf.update(
        beat_max_loop_interval=TICK_S,
        # No `expires`: it compares the clocks of two machines. A message that comes late does no harm.
        beat_schedule={"look": {"task": LOOK, "schedule": TICK_S}},
    )
