"""Options that a decorator adds to a command."""

from collections.abc import Callable, Sequence
from inspect import Parameter, Signature
from typing import Any


def set_parameters(command: Callable[..., Any], parameters: Sequence[Parameter]) -> None:
    """Make these the parameters of a command, as typer reads them."""
    command.__signature__ = Signature(parameters)  # type: ignore[attr-defined] # where `inspect.signature` looks first
    command.__annotations__ = {each.name: each.annotation for each in parameters}
