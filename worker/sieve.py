"""Filters what comes from a worker's queues: only our own tasks pass, and only from their own queue.

Celery trusts anyone who can write to a queue: a malformed message ends the worker, its headers may name any registered
task, and its contents are logged. So a worker sees only messages that were made anew from the few parts that our tasks
need, all of them checked.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

from pydantic_core import to_json

from tasks.envelopes import Envelope, UnusableError, body_of, checked, read
from tasks.queues import belongs
from tasks.refusals import Refusal
from worker.arguments import Arguments, Function
from worker.remote_control import check_command
from worker.shown import shown_as

MOST_BYTES = 65_536
"""Limit on a task's message. Ours have about a thousand bytes."""
MOST_BYTES_OF_REPLIES, MOST_PARTS_OF_REPLIES = 10_000_000, 1_000_000
"""Limit on messages between workers, Flower and `celery inspect`."""
OUR_TASKS = "consent."
EMBED = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}

Refused = Callable[[Refusal], None]


class Sieve:
    """Passes messages for us, made anew, and reports the others."""

    def __init__(
        self,
        tasks: Callable[[], Mapping[str, Any]],
        refused: Refused,
        commands: Callable[[], Mapping[str, Function]] = dict,
    ) -> None:
        """`tasks` and `commands`: all that this process knows, by name; read when a message arrives."""
        self._tasks, self._refused, self._commands = tasks, refused, commands
        self._checks: dict[str, Arguments] = {}

    def __json__(self) -> str:
        """Kombu's name of this in a worker's figures (`celery inspect stats`), which show the broker's options."""
        return "sieve"

    def task(self, queue: str, raw: bytes) -> bytes | None:
        """A message of one of our queues, safe for Celery to read; None where it was refused."""
        try:
            envelope = read(raw, MOST_BYTES)
            self._check(queue, envelope)
            return _anew(queue, envelope)
        except UnusableError as unusable:
            self._refused(Refusal(queue, str(unusable), unusable.message_id))
            return None

    def is_command(self, raw: bytes) -> bool:
        """Whether this is a command of Celery's remote control that a worker may obey and log."""
        return self._is_sound("remote control", raw, partial(check_command, handlers=self._commands()))

    def is_reply(self, raw: bytes) -> bool:
        """Whether kombu can read this: workers' answers and events."""
        return self._is_sound("replies and events", raw, partial(body_of, most_parts=MOST_PARTS_OF_REPLIES))

    def _is_sound(self, channel: str, raw: bytes, check: Callable[[dict[str, Any]], object]) -> bool:
        try:
            check(checked(raw, MOST_BYTES_OF_REPLIES))
        except UnusableError as unusable:
            self._refused(Refusal(channel, str(unusable)))
            return False
        return True

    def in_the_way(self, queue: str) -> None:
        """Report a key that is no list where a queue should be."""
        self._refused(Refusal(queue, "not a list, where a queue should be"))

    def _check(self, queue: str, envelope: Envelope) -> None:
        """Raises UnusableError."""
        task, message_id = envelope.task, envelope.id
        if not task.startswith(OUR_TASKS) or task not in self._tasks():
            raise UnusableError("no task of ours", message_id)
        if not belongs(task, queue):
            raise UnusableError("a task of another queue", message_id)
        if task not in self._checks:
            self._checks[task] = Arguments(self._tasks()[task].run)
        if not self._checks[task].fit(envelope):
            raise UnusableError("not the arguments that this task takes", message_id)


def _anew(queue: str, envelope: Envelope) -> bytes:
    """The same task in a message of our own, all of which Celery may log and show."""
    args, kwargs, headers = envelope.args, envelope.kwargs, envelope.headers
    message_id = str(envelope.id)
    body = b64encode(to_json([args, kwargs, EMBED])).decode()
    return to_json(
        {
            "body": body,
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {
                "lang": "py",
                "task": envelope.task,
                "id": message_id,
                "root_id": message_id,
                "expires": _moment(headers.get("expires"), envelope),
                "argsrepr": repr(args),
                "kwargsrepr": repr(kwargs),
                "ignore_result": True,
                **shown_as(queue, envelope),
            },
            "properties": {
                "correlation_id": message_id,
                "delivery_mode": 2,
                "delivery_tag": str(uuid4()),
                "delivery_info": {"exchange": "", "routing_key": queue},
                "priority": 0,
                "body_encoding": "base64",
            },
        }
    )


def _moment(given: object, envelope: Envelope) -> str | None:
    """When a message expires, in UTC: Celery cannot read every time zone. Raises UnusableError."""
    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(given) if isinstance(given, str) else None
    except ValueError:
        moment = None
    if moment is None or not 2000 < moment.year < 9000:
        raise UnusableError("its expires is no moment", envelope.id)
    return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)).isoformat()
