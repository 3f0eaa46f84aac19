"""What submitters may call a request, and which names are the same."""

import pytest
from pydantic import TypeAdapter, ValidationError

from domain.references import GivenReference, comparable, read_reference

REFUSED = ["", "  ", "x" * 201, "a\nb", "a\0b", "T\u200b1"]
SAID = "must be 1 to 200 printable characters"


@pytest.mark.parametrize(
    ("given", "read"), [("7", "7"), ("  T-1 ", "T-1"), ("Jané  7", "Jané  7"), ("x" * 200, "x" * 200)]
)
def test_blanks_around_a_reference_are_taken_off(given: str, read: str) -> None:
    assert read_reference(given) == read
    assert TypeAdapter(GivenReference).validate_python(given) == read


@pytest.mark.parametrize("given", REFUSED)
def test_what_is_no_reference_is_refused_without_being_quoted(given: str) -> None:
    with pytest.raises(ValueError, match=f"^{SAID}$"):
        read_reference(given)
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(GivenReference).validate_python(given)
    (told,) = refused.value.errors(include_input=False)
    assert (told["type"], told["msg"]) == ("reference", SAID)


def test_case_and_the_number_of_blanks_do_not_count() -> None:
    assert comparable(" Straße  7 ") == comparable("STRASSE 7") == "strasse 7"
    assert comparable("T-1") != comparable("T -1")
