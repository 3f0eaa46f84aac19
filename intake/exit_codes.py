"""How a command ends: an exit code, and a message instead of a trace."""

import os
import sys
from enum import IntEnum
from typing import Any, NoReturn

import typer
from pydantic import ValidationError
from typer.core import TyperGroup

from domain.refused_values import problem_of
from domain.unexpected import type_and_place
from intake.help_words import name_values


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
    except MemoryError:
        note("the system refuses: there is no memory left")
        ending = Ending.UNREACHABLE
    except KeyboardInterrupt:
        ending = Ending.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last one who can answer
        note(f"our own program failed: {type_and_place(error)}")
        ending = Ending.OUR_FAULT
    sys.exit(int(ending))


class Family(TyperGroup):
    """Commands, such as those of `consent vendor`. Their help names values in words."""

    def get_params(self, ctx: Any) -> Any:
        """Our own options."""
        return name_values(super().get_params(ctx))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name; None where there is none."""
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            name_values(command.get_params(ctx))
        return command


class Commands(Family):
    """Commands that return an Ending (None is DONE) and may raise CommandError."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; raises typer.Exit with its code."""
        try:
            ending = super().invoke(ctx) or Ending.DONE
            flush()
        except typer.BadParameter as error:
            error.message = _in_our_words(error)
            raise
        except CommandError as error:
            note(str(error))
            ending = error.ending
        except BrokenPipeError:
            ending = Ending.DONE  # the reader has closed the pipe, as `head` does
            _drop_output()
        except (KeyboardInterrupt, typer.Abort):  # Abort: Ctrl-C or the end of input at a question
            note("stopped")
            ending = Ending.INTERRUPTED
        except OSError as error:
            note(f"the system refuses: {error.strerror or type_and_place(error)}")
            ending = Ending.UNREACHABLE
            _drop_output()
        raise typer.Exit(int(ending))


def _in_our_words(error: typer.BadParameter) -> str:
    """What an option wants. Typer says it in pydantic's words, and quotes what was given: in the wrong place, that may
    be a person."""
    refused = error.__cause__
    wanted = error.param.type_descriptor if error.param is not None else None
    if wanted is not None and wanted.is_datetime:
        return "must be a day, as 2026-05-25"
    if not isinstance(refused, ValidationError):
        return error.message
    choices = wanted.choices if wanted is not None else None
    return f"it is one of {', '.join(map(str, choices))}" if choices else problem_of(refused.errors()[0])


def _drop_output() -> None:
    # Otherwise Python would flush the buffer at exit, fail again, and print a trace.
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
