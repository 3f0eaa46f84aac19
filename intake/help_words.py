"""How `--help` names what a command is given: in words for people, and not by types of Python."""

from collections.abc import Iterable
from typing import Any


def name_values(parameters: Iterable[Any]) -> Any:
    """Give typer's parameters such names; returns them. Where it asks a parameter how to show itself, ours answers
    instead: typer writes `--yes <bool>`, `--limit <int range>`, `ID <str>`, `{ID}` and `[1<=x<=64]`."""
    for each in parameters:
        if getattr(each, "is_flag", False):
            each.metavar = ""
        elif hasattr(each, "type_descriptor"):
            _name_value(each)
    return parameters


def _name_value(parameter: Any) -> None:
    wanted = parameter.type_descriptor
    words = _range(parameter.min, parameter.max) if wanted.is_ranged else None
    parameter._get_number_range_help_str = lambda: words
    if parameter.param_type_name == "argument":
        name = (parameter.metavar or parameter.name.upper()).strip("[]")
        usage = name if parameter.required else f"[{name}]"
        parameter.metavar = name
        parameter.get_usage_pieces = lambda _: [usage]
        if not wanted.is_choice:
            parameter.display_type_rich = lambda ctx: None
    elif parameter.metavar is None and not wanted.is_choice:
        parameter.metavar = _value(wanted)


def _value(wanted: Any) -> str:
    if wanted.is_datetime:
        return "DAY"
    return "N" if wanted.is_ranged or wanted.annotation in (int, float, list[int]) else "TEXT"


def _range(least: float | None, most: float | None) -> str:
    if most is None or most >= 2**31 - 1:  # a bound of PostgreSQL's, not of the matter
        return f"{least} or more"
    return f"{least} to {most}" if least is not None else f"{most} or less"
