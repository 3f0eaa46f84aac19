"""Checks commands of Celery's remote control: which a worker may obey and log."""

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from tasks.envelopes import UnusableError, body_of
from worker.arguments import LARGEST_INT, is_ordinary

TEXT = "^[A-Za-z0-9_.@/:*?$+ -]{0,200}$"
"""The form of texts in commands: names of workers and tasks, ids, rates, patterns."""

OBEYED = frozenset(
    {
        *("active", "active_queues", "clock", "conf", "hello", "ping", "query_task", "registered"),
        *("report", "reserved", "revoked", "scheduled", "stats"),
        *("enable_events", "heartbeat"),
    }
)
"""Commands that leave a worker as it was. Others would change what it reads, or how fast, until it is restarted."""

Text = Annotated[str, Field(pattern=TEXT)]
Handlers = Mapping[str, Callable[..., Any]]


class ReplyTo(BaseModel):
    """Where a worker answers."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    exchange: Literal["reply.celery.pidbox"]
    routing_key: Text


class Command(BaseModel):
    """A command of remote control."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    method: str
    arguments: dict[str, JsonValue] | None = None
    destination: list[Text] | None = None
    pattern: Text | None = None
    matcher: Literal["glob"] | None = None  # a regular expression can take for ever, and holds the worker meanwhile
    ticket: Text | None = None
    reply_to: ReplyTo | None = None


class Clocks(BaseModel):
    """The times in the headers of a command."""

    model_config = ConfigDict(strict=True, hide_input_in_errors=True)

    clock: Annotated[int, Field(ge=0, le=LARGEST_INT)] | None = None
    expires: int | float | None = None


def obeyed(handlers: Handlers) -> Handlers:
    """Those of Celery's commands that our workers obey."""
    return {name: handler for name, handler in handlers.items() if name in OBEYED}


def check_command(message: Mapping[str, Any], handlers: Handlers) -> None:
    """Check a message accepted by `tasks.envelopes.checked`. Raises UnusableError."""
    try:
        command = Command.model_validate(body_of(message))
        Clocks.model_validate(message["headers"])
    except ValidationError:
        raise UnusableError("no command of remote control") from None
    handler = handlers.get(command.method)
    if handler is None:
        raise UnusableError("an unknown command of remote control, or one that changes workers")
    arguments = command.arguments or {}
    try:
        inspect.signature(handler).bind(None, **arguments)
    except TypeError:
        raise UnusableError("not the arguments that this command takes") from None
    if not is_ordinary([*arguments, *arguments.values()], re.compile(TEXT)):
        raise UnusableError("odd arguments of a command")
