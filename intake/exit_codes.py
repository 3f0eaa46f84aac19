"""How a command ends: an exit code, and a message instead of a trace."""

import os
import sys
from enum import IntEnum
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from domain.unexpected import type_and_place


class Ending(IntEnum):
    """The exit codes that scripts rely on."""

    DONE = 0
    EXCEPTIONS = 1  # done, and something needs attention
    UNUSABLE = 2  # the input, and nothing was recorded
    UNREACHABLE = 3  # a service
    INTERRUPTED = 130  # Ctrl-C: 128 + SIGINT, as shells have it


class CommandError(Exception):
    """A command cannot continue. The message is for its user: what was wrong, and what to do."""

    def __init__(self, message: str, ending: Ending) -> None:
        super().__init__(message)
        self.ending = ending


def note(message: str) -> None:
    """Print a note for the person at the terminal. Scripts only read stdout."""
    typer.echo(message, err=True)


def flush() -> None:
    """Flush stdout. Raises BrokenPipeError where nobody reads it."""
    if sys.stdout is not None:  # None where a parent process closed it
        sys.stdout.flush()


def run_to_end(app: typer.Typer) -> NoReturn:
    """Run a command line, and exit. A fault of our own is reported by its type and place, because a trace might quote a
    person."""
    try:
        app()
    except Exception as error:  # noqa: BLE001 - the last one who can answer
        note(f"our own program failed: {type_and_place(error)}")
    sys.exit(int(Ending.EXCEPTIONS))


class Commands(TyperGroup):
    """Commands that return an Ending (None is DONE) and may raise CommandError."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; raises typer.Exit with its code."""
        try:
            ending = super().invoke(ctx) or Ending.DONE
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
            note(f"the system refuses: {error.strerror}")
            ending = Ending.EXCEPTIONS
            _drop_output()
        raise typer.Exit(int(ending))


def _drop_output() -> None:
    # Otherwise Python would flush the buffer at exit, fail again, and print a trace.
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
