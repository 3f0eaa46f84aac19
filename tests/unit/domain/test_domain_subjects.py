"""Identifiers of a person: each rule of validation."""

from typing import Any

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneMetadata, PhoneNumberFormat, PhoneNumberType, ValidationResult
from pydantic import ValidationError

from domain.folding import fold_email
from domain.nobody import PLACEHOLDERS
from domain.requests import SUBJECT, Subject, is_identified
from tests.examples import examples
from tests.table_rows import each_row

CONTROLS = ["\x00", "\x01", "\t", "\n", "\r", "\x1b", "\x1f", "\x7f", "\x85", "\x9f", "\u2028", "\u2029"]


def refusals(**fields: Any) -> dict[str, str]:
    """Field to kind of fault."""
    try:
        SUBJECT.validate_python(fields)
    except ValidationError as error:
        return {".".join(map(str, fault["loc"])): fault["type"] for fault in error.errors()}
    return {}


def test_a_whole_person() -> None:
    person: Subject = {
        "user_id": "u-1",
        "email": "a@example.org",
        "phone_number": "+821012345678",
        "vendors": {"algonomy": {"user_id": "x"}},
    }
    assert SUBJECT.validate_python(dict(person)) == person


@pytest.mark.parametrize("field", ["user_id", "email", "phone_number", "vendors"])
def test_null_is_as_good_as_not_given(field: str) -> None:
    assert refusals(**{field: None}) == {}


def test_an_unknown_field_is_refused() -> None:
    assert refusals(user_id="u", name="x") == {"name": "extra_forbidden"}


@each_row("value", [7, 1.5, True, ["u"], {"a": "b"}, b"u"])
@each_row("field", ["user_id", "email", "phone_number"])
def test_only_texts_are_identifiers(field: str, value: object) -> None:
    assert refusals(**{field: value}) == {field: "string_type"}


@each_row("word", [form for word in sorted(PLACEHOLDERS) for form in (word, word.upper(), word.title())])
def test_a_placeholder_is_nobody(word: str) -> None:
    assert refusals(user_id=word) == {"user_id": "placeholder"}


@pytest.mark.parametrize("word", ["0 ", " null", " undefined "])
def test_a_placeholder_with_blanks_around_is_nobody_too(word: str) -> None:
    assert refusals(user_id=word) == {"user_id": "placeholder"}


@each_row("word", ["00", "10", "nullable", "anonymous1", "null@example.org", "-1"])
def test_what_only_resembles_a_placeholder_is_somebody(word: str) -> None:
    assert refusals(user_id=word) == {}


@each_row("control", CONTROLS)
@each_row("text", ["{}u", "u{}u", "u{}"])
def test_a_control_character_is_refused_in_an_id(control: str, text: str) -> None:
    assert refusals(user_id=text.format(control)) == {"user_id": "control_character"}


@each_row("control", CONTROLS)
@each_row("email", ["{}a@example.org", "a{}b@example.org", "a@exa{}mple.org", "a@example.org{}"])
def test_a_control_character_is_refused_in_an_email(control: str, email: str) -> None:
    assert list(refusals(email=email.format(control))) == ["email"]


@pytest.mark.parametrize("text", ["", " ", "\u3000", "  \u00a0 "])
def test_a_blank_is_nobody(text: str) -> None:
    assert refusals(user_id=text) == {"user_id": "blank"}


@each_row("user_id", ["u/1?#%+ '\"", "ü-ñ-字", "😀", "a" * 512, "..", "<b>", "1;2,3"])
def test_ids_with_anything_printable_are_taken_as_they_are(user_id: str) -> None:
    assert SUBJECT.validate_python({"user_id": user_id}) == {"user_id": user_id}


def test_sizes_are_bounded() -> None:
    assert refusals(user_id="a" * 513) == {"user_id": "string_too_long"}
    assert refusals(email="a" * 400 + "@example.org") == {"email": "string_too_long"}
    assert refusals(phone_number="+" + "8" * 16) == {"phone_number": "phone"}


def test_half_a_character_is_no_text() -> None:
    assert refusals(user_id="u\ud800") == {"user_id": "string_unicode"}


@pytest.mark.parametrize(
    "email", ["a@example.org", "A.b+c@sub.example.co.kr", "ü@exämple.org", "'o''b'@x.io", '"q"@x.io']
)
def test_an_email_is_taken(email: str) -> None:
    assert SUBJECT.validate_python({"email": email}) == {"email": email}


@each_row(
    "email",
    ["", "a", "a@", "@example.org", "a@example", "a@example.", "a b@example.org", "a@b@example.org", " a@x.org"],
)
def test_what_is_no_email_is_refused(email: str) -> None:
    assert refusals(email=email) == {"email": "email"}


@each_row(
    "phone",
    [
        "",
        "+",
        "821012345678",
        "00821012345678",
        "+82 10 1234 5678",
        "+82-10-1234-5678",
        "+82(0)1012345678",
        "+0821012345678",
        "+82101234567x",
        "+8210",
        "+1",
        "+12",
        "+99912345678",  # no such calling code
        "+21012345678",
        "+8210123456789012",
        "+\uff18\uff12\uff11\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18",  # full-width digits
        "+٨٢١٠١٢٣٤٥٦٧٨",
        "+821012345678\n",
        "tel:+821012345678",
        "+821012345678;ext=1",
        "+1202555",
        "+5550123",  # a local number, which only its own town can dial
    ],
)
def test_what_is_no_phone_number_is_refused(phone: str) -> None:
    assert list(refusals(phone_number=phone)) == ["phone_number"]


def _example_numbers() -> list[str]:
    examples = [
        phonenumbers.example_number_for_type(region, of_type)
        for region in sorted(phonenumbers.SUPPORTED_REGIONS)
        for of_type in PhoneNumberType.values()
    ]
    examples += [
        phonenumbers.example_number_for_non_geo_entity(code)
        for code in sorted(phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS)
    ]
    return sorted({phonenumbers.format_number(one, PhoneNumberFormat.E164) for one in examples if one})


def test_the_example_numbers_of_every_region_are_accepted() -> None:
    examples = _example_numbers()
    assert len(examples) > 1_000
    # 310-1234 is dialled within Canada only, so it has no international form.
    assert [number for number in examples if refusals(phone_number=number)] == ["+13101234"]


def _plain_codes() -> list[int]:
    """Calling codes whose numbers the library reads as they stand.

    Elsewhere `parse` takes a national prefix off (the 0 of +44 0 20 …), so it calls numbers possible that are not in
    E.164 form; ours counts the digits as they will be sent to the vendor.
    """
    plain = []
    for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        metadata = PhoneMetadata.metadata_for_region_or_calling_code(code, regions[0])
        if metadata is not None and metadata.national_prefix_for_parsing is None:
            plain.append(code)
    return plain


PLAIN_CODES = _plain_codes()


@settings(max_examples=examples(150), deadline=None)
@given(code=st.sampled_from(PLAIN_CODES), rest=st.text("0123456789", min_size=0, max_size=14))
def test_as_possible_as_the_library_finds_them(code: int, rest: str) -> None:
    phone = f"+{code}{rest}"
    try:
        reason = phonenumbers.is_possible_number_with_reason(phonenumbers.parse(phone))
    except phonenumbers.NumberParseException:
        reason = None
    # `is_possible_number` also lets through what can be dialled in one town only: that is no number to send abroad.
    possible = reason == ValidationResult.IS_POSSIBLE and 5 <= len(phone) - 1 <= 15
    assert (refusals(phone_number=phone) == {}) == possible


def test_there_are_plain_codes_to_compare() -> None:
    assert len(PLAIN_CODES) > 60


@each_row("vendors", [{"algonomy": "u"}, {"algonomy": ["u"]}, {"algonomy": None}, ["algonomy"], "algonomy", 1])
def test_a_vendor_block_is_an_object(vendors: object) -> None:
    assert refusals(user_id="u", vendors=vendors) != {}


@each_row(
    "subject",
    [
        {"user_id": "u"},
        {"email": "a@example.org"},
        {"phone_number": "+821012345678"},
        {"vendors": {"algonomy": {"user_id": "u"}}},
        {"vendors": {"insider": {"identifiers": {"custom": {"card": "7"}}}}},
        {"vendors": {"akinon": {"session_id": "s"}}},
    ],
)
def test_one_identifier_is_enough(subject: Subject) -> None:
    assert is_identified(subject)


@each_row(
    "subject",
    [
        {},
        {"user_id": None, "email": None},
        {"vendors": None},
        {"vendors": {}},
        {"vendors": {"algonomy": {}}},
        {"vendors": {"algonomy": {"user_id": None}}},
        {"vendors": {"insider": {"identifiers": {"email": None, "custom": {}}}}},
    ],
)
def test_somebody_without_an_identifier_is_nobody(subject: Subject) -> None:
    assert not is_identified(subject)


def test_one_address_in_two_spellings() -> None:
    assert fold_email(" Jane.Doe@Example.ORG ") == fold_email("jane.doe@example.org")


def test_two_addresses_stay_two() -> None:
    assert fold_email("straße@example.org") != fold_email("strasse@example.org")
