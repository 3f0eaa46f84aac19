"""What nobody catches is logged by its type and place, whatever it quotes."""

import asyncio
import gc
import logging
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from config.logging import set_up_logging

JANE = "jane@private.example"


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("asyncio")
    kept = list(root.handlers), root.level, list(ours.filters), ours.level
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    yield
    root.handlers, root.level, ours.filters, ours.level = kept
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks


def fail() -> None:
    raise ValueError(JANE)


class Failing:
    def __del__(self) -> None:
        fail()


def of_a_process() -> None:
    try:
        fail()
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)


def of_a_thread() -> None:
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()


def of_a_task() -> None:
    async def unseen() -> None:
        failing = asyncio.get_running_loop().create_task(asyncio.to_thread(fail))
        await asyncio.wait([failing])

    asyncio.run(unseen())
    gc.collect()


def of_a_callback() -> None:
    async def called() -> None:
        done = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(fail)
        asyncio.get_running_loop().call_soon(done.set_result, None)
        await done

    asyncio.run(called())


def unraisable() -> None:
    Failing()
    gc.collect()


@pytest.mark.parametrize("happen", [of_a_process, of_a_thread, of_a_task, of_a_callback, unraisable])
def test_what_nobody_caught_is_a_line_that_quotes_nothing(
    capsys: pytest.CaptureFixture[str], happen: Callable[[], None]
) -> None:
    set_up_logging("INFO")
    happen()
    told = capsys.readouterr().err
    assert "ValueError at" in told
    assert JANE not in told
    assert "Traceback" not in told
