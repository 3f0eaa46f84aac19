"""How a command ends: an exit code, and a message instead of a trace."""

import os
import sys
from collections.abc import Callable
from enum import IntEnum
from typing import NoReturn

from domain.unexpected import type_and_place


class Ending(IntEnum):
    """The exit codes that scripts rely on."""

    DONE = 0
    EXCEPTIONS = 1  # done, and something needs attention
    UNUSABLE = 2  # the input, and nothing was recorded
    UNREACHABLE = 3  # a service; or this machine fails: no space, no memory, no right to a file
    OUR_FAULT = 70  # our own program failed (EX_SOFTWARE of sysexits.h)
    STILL_RUNNING = 124  # the time to wait is over, as `timeout` ends
    INTERRUPTED = 130  # Ctrl-C: 128 + SIGINT, as shells have it


class CommandError(Exception):
    """A command cannot continue. The message is for its user: what was wrong, and what to do."""

    def __init__(self, message: str, ending: Ending) -> None:
        super().__init__(message)
        self.ending = ending


def note(message: str) -> None:
    """Print a note for the person at the terminal. Scripts only read stdout."""
    if sys.stderr is not None:  # None where a parent process closed it
        sys.stderr.write(f"{message}\n")
        sys.stderr.flush()


def answer(text: str) -> None:
    """Print what scripts read."""
    if sys.stdout is not None:
        sys.stdout.write(f"{text}\n")


def flush() -> None:
    """Flush stdout. Raises BrokenPipeError where nobody reads it."""
    if sys.stdout is not None:  # None where a parent process closed it
        sys.stdout.flush()


def ended(command: Callable[[], Ending | None]) -> Ending:
    """Call a command (None is DONE), and turn its errors into a message and an Ending."""
    try:
        ending = command() or Ending.DONE
        flush()
    except CommandError as error:
        note(str(error))
        ending = error.ending
    except BrokenPipeError:
        ending = Ending.DONE  # the reader has closed the pipe, as `head` does
        _drop_output()
    except KeyboardInterrupt:
        note("stopped")
        ending = Ending.INTERRUPTED
    except OSError as error:
        note(f"the system refuses: {error.strerror or type_and_place(error)}")
        ending = Ending.UNREACHABLE
        _drop_output()
    return ending


def run_to_end(run: Callable[[], Ending | None]) -> NoReturn:
    """Run a command line, and exit. A fault of our own is reported by its type and place, because a trace might quote a
    person."""
    try:
        ending = run() or Ending.DONE
    except MemoryError:
        note("the system refuses: there is no memory left")
        ending = Ending.UNREACHABLE
    except KeyboardInterrupt:
        ending = Ending.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last one who can answer
        note(f"our own program failed: {type_and_place(error)}")
        ending = Ending.OUR_FAULT
    sys.exit(int(ending))


def _drop_output() -> None:
    # Otherwise Python would flush the buffer at exit, fail again, and print a trace.
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
