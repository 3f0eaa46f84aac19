"""Values that pydantic refuses, in our words."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

import pytest
from pydantic import AwareDatetime, Field, StringConstraints, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import ErrorType

from domain.refused_values import FORMS, WORDS, problem_of

ROOMS = ("adapters", "config", "domain", "tasks", "web/api")
SOURCES = Path(__file__).parents[3]
OF_PYDANTIC = re.compile(r"Input should|String should|Value error|Field required|Extra inputs|unable to parse|valid ")


def refused(shape: Any, value: Any) -> str:
    with pytest.raises(ValidationError) as told:
        TypeAdapter(shape).validate_python(value)
    return problem_of(told.value.errors(include_input=False, include_url=False)[0])


def test_every_sort_of_error_that_pydantic_knows_has_words_of_ours() -> None:
    assert set(get_args(ErrorType)) - {"value_error"} - WORDS.keys() == set()
    assert not [words for words in WORDS.values() if OF_PYDANTIC.search(words)]


@pytest.mark.parametrize(
    ("shape", "value", "words"),
    [
        (int, "jane", "must be a whole number"),
        (Annotated[int, Field(ge=1)], 0, "must be 1 or more"),
        (Annotated[float, Field(lt=2.5)], 3, "must be less than 2.5"),
        (bool, "jane", "must be true or false"),
        (Literal["a", "b"], "jane", "must be 'a' or 'b'"),
        (AwareDatetime, "jane", "must be a moment in ISO 8601 with its time zone, as 2026-05-25T00:00:00Z"),
        (UUID, "jane", "is not a UUID: give one such as 123e4567-e89b-42d3-a456-426614174000"),
        (Annotated[str, Field(max_length=3)], "jane", "must have at most 3 characters"),
        (Annotated[list[int], Field(min_length=1)], [], "must hold at least 1"),
        (Annotated[str, StringConstraints(pattern="^[!-~]+$")], "a b", FORMS["^[!-~]+$"]),
        (Annotated[str, StringConstraints(pattern="^x$")], "jane", "must match ^x$"),
    ],
)
def test_what_is_wanted_is_said_and_not_what_was_given(shape: Any, value: Any, words: str) -> None:
    assert refused(shape, value) == words


def test_words_of_our_own_validators_are_left_as_they_are() -> None:
    assert problem_of({"type": "value_error", "msg": "Value error, must be odd"}) == "must be odd"
    own = PydanticCustomError("age", "is {years} years too young", {"years": 2})
    assert problem_of({"type": own.type, "msg": own.message(), "ctx": own.context}) == "is 2 years too young"
    assert problem_of({"type": "missing", "msg": "Field required"}, {"missing": "say who"}) == "say who"


def test_bounds_that_are_missing_are_no_crash() -> None:
    assert problem_of({"type": "greater_than", "msg": "Input should be greater than 3"}) == WORDS["is_instance_of"]


def test_every_pattern_of_a_model_has_words() -> None:
    """A regular expression tells a privacy officer nothing."""
    found = {
        pattern
        for room in ROOMS
        for path in (SOURCES / room).rglob("*.py")
        for pattern in re.findall(r'(?:StringConstraints|Field|Header)\([^()]*?pattern=r?"([^"]+)"', path.read_text())
    }
    assert len(found) > 5
    assert found <= FORMS.keys()


def test_no_module_shows_the_words_of_pydantic() -> None:
    rooms = ("adapters", "cli", "config", "intake", "ledger", "local", "tasks", "web", "worker")
    paths = [path for room in rooms for path in (SOURCES / room).rglob("*.py")]
    assert len(paths) > 200
    assert [str(path) for path in paths if re.search(r"""\[["']msg["']\]""", path.read_text())] == []
