"""What is told of an exception that nobody expected."""

import json
from collections.abc import Callable
from types import FunctionType
from typing import Any

import pytest

from domain.blocks import in_blocks
from domain.unexpected import type_and_place


def raised(kind: type[Exception], by: Callable[[], object]) -> Exception:
    with pytest.raises(kind) as told:
        by()
    return told.value


def run(line: str, names: dict[str, Any]) -> object:
    """Run one line of code, in a module that is no file."""
    return FunctionType(compile(line, "<string>", "eval"), names)()


def _below_ours() -> None:
    def theirs() -> object:
        yield json.loads("jane@example.org")

    list(in_blocks(theirs()))


def test_the_type_and_the_last_line_of_ours_and_nothing_of_the_text() -> None:
    told = type_and_place(raised(ValueError, _below_ours))
    name, place = told.split(" at ")
    assert name == "JSONDecodeError"
    assert place.startswith("domain/blocks.py:")
    assert place.rpartition(":")[2].isdigit()


def test_a_place_may_be_deep_in_a_room() -> None:
    by = {"__name__": "ledger.desk.attention", "theirs": json.loads}
    told = type_and_place(raised(ValueError, lambda: run("theirs('jane')", by)))
    assert told == "JSONDecodeError at ledger/desk/attention.py:1"


def test_where_none_is_ours_the_line_that_raised_it() -> None:
    assert type_and_place(raised(ValueError, lambda: json.loads("jane"))).startswith(
        "JSONDecodeError at json/decoder.py:"
    )


def test_what_it_was_raised_from_stands_in_brackets() -> None:
    def chained() -> None:
        raise ValueError("jane@example.org") from KeyError("jane")

    assert type_and_place(raised(ValueError, chained)).startswith("ValueError (KeyError) at ")


def test_what_was_never_raised_has_no_place() -> None:
    assert type_and_place(ValueError("jane")) == "ValueError at no place"


def test_a_line_of_no_module_has_one_all_the_same() -> None:
    assert type_and_place(raised(ZeroDivisionError, lambda: run("1 / 0", {}))) == "ZeroDivisionError at ?.py:1"
