"""Whether what is about to go out may still go out: asked right before its first byte, wherever it is sent from."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TypeVar

from adapters.contract import NotNowError

T = TypeVar("T")

_over: ContextVar[Callable[[], bool] | None] = ContextVar("over", default=None)


async def sending_until(over: Callable[[], bool], work: Awaitable[T]) -> T:
    """Do this work. From the moment when `over` says so, nothing of it and of the tasks that it starts is sent any
    more: where it would be, NotNowError is raised.

    For work under a lease. A permit, a connection or the scheduler may keep a request waiting for as long as it takes,
    and a process may be frozen in between, so that it matters when a request goes out, not when it was decided on.
    """
    before = _over.set(over)
    try:
        return await work
    finally:
        _over.reset(before)


def refuse_when_over() -> None:
    """To be called right before something is sent. Raises NotNowError where the time for it is over."""
    over = _over.get()
    if over is not None and over():
        raise NotNowError(0.0)
