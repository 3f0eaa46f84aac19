"""What is said of an identifier that is refused, word for word, and which doubts can be left out."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from domain.damaged import damage_of
from domain.noticed import DOUBTS, Noticed
from domain.requests import (
    NO_PHONE,
    PLACEHOLDER,
    SEVERAL_PHONES,
    SUBJECT,
    Email,
    Identifier,
    Number,
    Phone,
    Secret,
    Session,
    Text,
)
from tests.table_rows import each_row

NULL = ("control_character", "has a NUL or control character: take it out")
BLANK = ("blank", "is blank: give it, or leave it out")
NOBODY = ("placeholder", PLACEHOLDER)
UNSEEN = "has an invisible character (U+200B): take it out"
LOST = "has lost a letter (U+FFFD): give it in UTF-8, as it was before"
SPACE = "has a space at its beginning or end: take it out"
TRUNK = (
    "is not in E.164 form: after the country code stands a prefix (often 0) that is dialled within the country only; "
    "take it out"
)


def said_of(shape: Any, value: object, context: Noticed | None = None) -> tuple[str, str] | None:
    """The type and the words of what is wrong; None where it is taken."""
    try:
        assert TypeAdapter(shape).validate_python(value, context=context) == value
    except ValidationError as refused:
        (wrong,) = refused.errors(include_input=False, include_url=False)
        return wrong["type"], wrong["msg"]
    return None


@each_row(
    ("shape", "value", "said"),
    [
        *((shape, "a\0b", NULL) for shape in (Text, Identifier, Secret, Session)),
        *((shape, "  ", BLANK) for shape in (Text, Identifier, Secret, Session)),
        *((shape, "ab\u200b", ("invisible_character", UNSEEN)) for shape in (Identifier, Secret, Session)),
        *((shape, "a\ufffdb", ("damaged", LOST)) for shape in (Identifier, Secret, Session)),
        *((shape, value, ("space_at_an_end", SPACE)) for shape in (Identifier, Secret) for value in (" ab", "ab ")),
        *((shape, "null", NOBODY) for shape in (Identifier, Session)),
        *((shape, "null", None) for shape in (Text, Secret)),
        (Identifier, "1.23E+11", ("damaged", f"{damage_of('1.23E+11')}; give it as it was before")),
        (Email, "a@x.org\u200b", ("email", UNSEEN)),
        (Email, "a\ufffdb", ("email", LOST)),
        (Email, "jos\ufffd@x.org", ("damaged", LOST)),
        (Email, "<a@x.org>", ("email", "has < or > in it: give the address alone, as a@example.org")),
        (Email, "null@null.com", NOBODY),
        (Email, "a@x.org", None),
        (Phone, "+821012345678\u200b", ("phone", UNSEEN)),
        (Phone, " +821012345678", ("phone", SPACE)),
        (Phone, "010-1234-5678", ("phone", NO_PHONE)),
        (Phone, "+821012345678,+821012345679", ("phone", SEVERAL_PHONES)),
        (Phone, "+8201012345678", ("phone", TRUNK)),
        (Phone, "+999123456789", ("phone", NO_PHONE)),
        (Phone, "+11111111111", NOBODY),
        (Phone, "+821012345678", None),
        (Number, -1, ("number", "is no number of a person: give the one that the vendor has for them")),
        (Number, 0, NOBODY),
        (Number, 7, None),
        (Number, "7", None),
    ],
)
def test_what_is_said(shape: Any, value: object, said: tuple[str, str] | None) -> None:
    assert said_of(shape, value) == said


@each_row(
    ("doubt", "shape", "value"),
    [
        *(("placeholder", Identifier, value) for value in ("null", "0")),
        ("placeholder", Session, "null"),
        ("placeholder", Email, "null@null.com"),
        ("placeholder", Phone, "+11111111111"),
        ("placeholder", Number, 0),
        *(("invisible_character", shape, "ab\u200b") for shape in (Identifier, Secret)),
        *(("damaged", Identifier, value) for value in ("1.23E+11", "a\ufffdb")),
        ("damaged", Email, "jos\ufffd@x.org"),
        *(("space_at_an_end", shape, " ab") for shape in (Identifier, Secret)),
    ],
)
def test_a_doubt_can_be_left_out_and_no_other_with_it(doubt: str, shape: Any, value: object) -> None:
    assert said_of(shape, value, Noticed(undoubted=frozenset({doubt}))) is None
    refused = said_of(shape, value, Noticed(undoubted=DOUBTS - {doubt}))
    assert refused is not None
    assert refused[0] == doubt


def test_an_empty_field_is_left_aside_where_that_is_noted_and_refused_elsewhere() -> None:
    noticed = Noticed()
    given = {"user_id": "u-1", "email": " ", "phone_number": "", "asked_at": "\t"}
    read = SUBJECT.validate_python(given, context=noticed)
    assert read == {"user_id": "u-1", "email": None, "phone_number": None, "asked_at": None}
    assert noticed.left_aside == {"email": 1, "phone_number": 1, "asked_at": 1}
    with pytest.raises(ValidationError) as refused:
        SUBJECT.validate_python(given)
    assert {fault["loc"] for fault in refused.value.errors()} == {("email",), ("phone_number",), ("asked_at",)}
