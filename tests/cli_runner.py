"""Typer's runner of commands in this process, for an app whose commands are made once.

For each call Typer makes all of them anew, by inspecting some 150 functions: half of what a call takes.
"""

from functools import cache

from typer import testing
from typer.main import get_command
from typer.testing import CliRunner, Result

__all__ = ["CliRunner", "Result"]

vars(testing)["_get_command"] = cache(get_command)
