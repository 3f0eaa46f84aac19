"""Whether a function can be called with arguments from outside: their number, and the types that it declares."""

import inspect
import re
from collections.abc import Callable
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from tasks.envelopes import Envelope

LARGEST_INT = 2**63 - 1
NAME = re.compile(r"[\w.-]{0,100}|[a-z][a-z0-9_]{0,39}@[a-z0-9][a-z0-9_-]{0,29}", re.ASCII)
"""An ordinary name, or that of a vendor's account. Not an e-mail address, which has a dot behind its @."""

Function = Callable[..., Any]


class Arguments:
    """The arguments that a task accepts, by the types that its function declares."""

    def __init__(self, function: Function) -> None:
        self._signature = inspect.signature(function)
        strict = ConfigDict(strict=True, hide_input_in_errors=True)
        self._types = {
            name: TypeAdapter(parameter.annotation, config=strict)
            for name, parameter in self._signature.parameters.items()
        }

    def fit(self, envelope: Envelope) -> bool:
        """Whether the function accepts these arguments, and each is an ordinary number or name."""
        try:
            bound = self._signature.bind(*envelope.args, **envelope.kwargs)
        except TypeError:
            return False
        for name, value in bound.arguments.items():
            many = self._signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL
            for one in value if many else (value,):
                try:
                    self._types[name].validate_python(one)
                except ValidationError:
                    return False
                if not is_ordinary(one):
                    return False
        return True


def is_ordinary(value: object, text: re.Pattern[str] = NAME) -> bool:
    """Whether a value is a number or a text of this form, or a list of such values."""
    match value:
        case None | bool() | float():
            return True
        case int():
            return abs(value) <= LARGEST_INT
        case str():
            return text.fullmatch(value) is not None
        case list():
            return all(is_ordinary(one, text) for one in value)
        case dict():
            return all(is_ordinary(one, text) for one in value.values())
    return False
