"""The commands as typer runs them: how they end, and how their help and its errors are worded."""

from typing import Any

import typer
from pydantic import ValidationError
from typer.core import TyperGroup

from domain.refused_values import problem_of
from intake.exit_codes import Ending, ended
from intake.help_words import name_values


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
        invoke = super().invoke

        def command() -> Ending | None:
            try:
                return invoke(ctx)  # type: ignore[no-any-return] # typer does not say what commands return
            except typer.BadParameter as error:
                error.message = _in_our_words(error)
                raise
            except typer.Abort:  # Ctrl-C or the end of input at a question
                raise KeyboardInterrupt from None

        raise typer.Exit(int(ended(command)))


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
