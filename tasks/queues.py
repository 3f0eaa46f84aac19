"""The names of our Celery tasks and queues, without Celery: commands that only read start faster."""

from typing import NamedTuple

OUR_QUEUES = "consent."
"""The prefix of our channels."""
DISPATCH = "consent.dispatch"
DELIVER = "consent.deliver"
SETTLE = "consent.settle"
DEADLINES = "consent.deadlines"
VOLUMES = "consent.volumes"
NOTIFY = "consent.notify"
RESOLVE = "consent.resolve"
SUBMIT = "consent.submit"
LOG = "consent.log"
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
