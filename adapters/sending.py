"""Whether a request may still be sent: checked right before its first byte, in every module that sends."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TypeVar

from adapters.contract import NotNowError

T = TypeVar("T")

_over: ContextVar[Callable[[], bool] | None] = ContextVar("over", default=None)


async def sending_until(over: Callable[[], bool], work: Awaitable[T]) -> T:
    """Do this work. Once `over` is true, nothing of it and of the tasks that it starts is sent: sending raises
    NotNowError.

    For work under a lease. A permit, a connection or the scheduler may delay a request, and a process may be frozen in
    between, so what counts is when a request is sent, not when it was decided.
    """
    before = _over.set(over)
    try:
        return await work
    finally:
        _over.reset(before)


def refuse_when_over() -> None:
    """Call this right before sending. Raises NotNowError where the time for it is over."""
    over = _over.get()
    if over is not None and over():
        raise NotNowError(0.0)
