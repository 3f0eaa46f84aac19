"""Which identifiers are refused, by kind. Each kind has a table, and cases generated from it."""

import re
import unicodedata
from collections.abc import Callable

import phonenumbers
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat
from pydantic import ValidationError

from adapters.registry import ADAPTERS
from domain.damaged import MAY_BE_DAMAGED, damage_of
from domain.emails import NO_EMAIL, PLAIN, PLAIN_LONGEST, email_fault
from domain.invisible import invisible_in
from domain.nobody import PLACEHOLDERS, WORDS, is_nobody, is_nobodys_email, is_nobodys_phone
from domain.phones import START, is_e164, is_possible, may_be_odd
from domain.requests import SUBJECT
from tasks.subjects import SubjectError, check_subject
from tests.examples import examples
from tests.table_rows import each_row

FIELDS: dict[str, Callable[[str], dict[str, object]]] = {
    "user_id": lambda value: {"user_id": value},
    "vendors.insider.insider_id": lambda value: {"vendors": {"insider": {"insider_id": value}}},
    "vendors.insider.identifiers.uuid": lambda value: {"vendors": {"insider": {"identifiers": {"uuid": value}}}},
    "vendors.insider.identifiers.custom.card": lambda value: {
        "vendors": {"insider": {"identifiers": {"custom": {"card": value}}}}
    },
    "vendors.b2core.profile_id": lambda value: {"vendors": {"b2core": {"profile_id": value}}},
}
"""Every identifier that is not an e-mail address or a phone number, and a person with it."""
SEVERAL = {vendor for vendor, adapter in ADAPTERS.items() if len(adapter.identifiers_model.model_fields) > 1}
for _vendor in ADAPTERS.keys() - SEVERAL:
    (_name,) = ADAPTERS[_vendor].identifiers_model.model_fields
    FIELDS[f"vendors.{_vendor}.{_name}"] = lambda value, _at=(_vendor, _name): {"vendors": {_at[0]: {_at[1]: value}}}
EMAILS: dict[str, Callable[[str], dict[str, object]]] = {
    "email": lambda value: {"email": value},
    "vendors.insider.identifiers.email": lambda value: {"vendors": {"insider": {"identifiers": {"email": value}}}},
    "vendors.akinon.email": lambda value: {"vendors": {"akinon": {"session_id": "s3ss10n", "email": value}}},
}
PHONES: dict[str, Callable[[str], dict[str, object]]] = {
    "phone_number": lambda value: {"phone_number": value},
    "vendors.insider.identifiers.phone_number": lambda value: {
        "vendors": {"insider": {"identifiers": {"phone_number": value}}}
    },
}


def faults(record: dict[str, object]) -> list[tuple[str, str]]:
    """Field and problem."""
    try:
        check_subject(record)
    except SubjectError as error:
        return [(fault.field, fault.problem) for fault in error.faults]
    return []


def refused(forms: dict[str, Callable[[str], dict[str, object]]], value: str) -> None:
    """It is refused in every field, by the field's name, and nothing shows the value."""
    for field, person in forms.items():
        found = faults({"user_id": "u-4711", **person(value)})
        assert [name for name, _ in found] == [field], (field, value, found)
        assert value not in found[0][1] or value in "is a placeholder, not an identifier"


def taken(forms: dict[str, Callable[[str], dict[str, object]]], value: str) -> None:
    for person in forms.values():
        assert faults(person(value)) == []


def test_every_identifier_of_every_vendor_is_looked_at() -> None:
    """Those of a vendor with several belong into the tables above, for some are not any text."""
    named = {field.split(".")[1] for field in (*FIELDS, *EMAILS, *PHONES) if field.startswith("vendors.")}
    assert named >= {"akinon", "b2core", "insider"} | (set(ADAPTERS) - SEVERAL)


INVISIBLE = [
    "\ufeff",  # byte order mark, or zero-width no-break space
    "\u00a0",  # no-break space
    "\u2007",
    "\u202f",
    "\u3000",
    "\u2003",
    "\u1680",
    "\u200b",  # zero width
    "\u200c",
    "\u200d",
    "\u2060",
    "\u2063",
    "\u180e",
    "\u200e",  # bidi
    "\u200f",
    "\u202a",
    "\u202e",
    "\u2066",
    "\u2069",
    "\u061c",
    "\u00ad",  # soft hyphen
    "\ufe0f",  # variation selectors
    "\ufe00",
    "\U000e0101",
    "\U000e0041",  # tags
    "\U000e007f",
    "\u034f",  # fillers and joiners that are letters or marks
    "\u115f",
    "\u3164",
    "\uffa0",
    "\u17b4",
    "\u2800",
    "\ue000",  # private use
    "\U0010fffd",
    "\ufff9",
    "\U0001d173",
    "\ufdd0",  # no characters
    "\uffff",
]


@each_row("character", INVISIBLE, ids=lambda one: f"U+{ord(one):04X}")
@each_row("form", ["{}ab-4711", "ab-{}4711", "ab-4711{}", "é{}4711"])
def test_a_character_that_nobody_sees_is_refused(character: str, form: str) -> None:
    refused(FIELDS, form.format(character))
    assert any("take it out" in problem for _, problem in faults({"user_id": form.format(character)}))
    refused(EMAILS, f"{form.format(character)}@example.org")
    refused(EMAILS, f"ab@example{character}.org")
    refused(PHONES, f"+8210{character}12345678"[:16])


@each_row(
    ("text", "first"),
    [
        ("a\tb", "U+0009"),
        ("\x00\x01", "U+0000"),
        ("a\x7f", "U+007F"),
        ("a b-4711", None),
        ("", None),
        ("é b", None),
        ("é\xa0\u200b", "U+00A0"),
    ],
)
def test_the_first_that_nobody_sees_is_named(text: str, first: str | None) -> None:
    assert invisible_in(text) == first


@given(st.characters(categories=["Cc", "Cf", "Co", "Zl", "Zp", "Zs"]).filter(lambda one: one != " "))
def test_whole_categories_are_refused(character: str) -> None:
    assert invisible_in(f"a{character}b") == f"U+{ord(character):04X}"
    assert [field for field, _ in faults({"user_id": f"a{character}4711"})] == ["user_id"]


@given(st.text(st.characters(categories=["L", "M", "N", "P", "S"]), min_size=1))
def test_letters_of_all_scripts_are_seen(text: str) -> None:
    found = invisible_in(text)
    if found is not None:  # nothing to see, by Unicode's own table, or not in any category of this test
        character = chr(int(found.removeprefix("U+"), 16))
        assert unicodedata.name(character, "").endswith(
            ("FILLER", "JOINER", "PATTERN BLANK", "INHERENT AQ", "INHERENT AA")
        ) or unicodedata.name(character, "").startswith(("VARIATION SELECTOR", "MONGOLIAN FREE VARIATION"))


@pytest.mark.parametrize("value", [" u-4711", "u-4711 ", "  u-4711"])
def test_a_space_at_an_end_is_refused(value: str) -> None:
    refused(FIELDS, value)
    refused(EMAILS, value.replace("u-4711", "a@example.org"))
    refused(PHONES, value.replace("u-4711", "+821012345678"))


@each_row("value", ["u 4711", "José Ñandú", "भारत-4711", "字-4711", "😀", "o'neill", "u/1?#%+"])
def test_what_can_be_seen_is_taken(value: str) -> None:
    taken(FIELDS, value)


DAMAGED = [
    *("1.23457E+11", "1,23457E+11", "1.23457e+11", "1E+15", "1e-07", "1.0E11", "-1.5E+10", "123.4E+9", "1.23457E+011"),
    *("12345.0", "12345,00", "1,234,567", "12,345.00"),
    *("'00123", "\u201900123", '"00123"', "“00123”", '="00123"', "=00123", "=A1+1", "«00123»"),
    *("#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!", "#WERT!", "########", "Err:502"),
    *("#NV", "#N/D", "#N/B", "#I/T", "#\u041d/\u0414", "#HIÁNYZIK", "#¡REF!", "#¿NOMBRE?", "#GETTING_DATA"),
    *("1-Mar", "01-Mar-26", "01-MAR-2026", "Mar-26", "03/01/2026", "3/1/26", "2026-03-01", "2026-03-01 00:00:00"),
    "2026-03-01T00:00:00Z",
]


@each_row("value", DAMAGED)
def test_what_a_spreadsheet_has_damaged_is_refused(value: str) -> None:
    refused(FIELDS, value)


@given(st.integers(1, 9), st.text("0123456789", max_size=8), st.sampled_from("eE"), st.integers(0, 300))
def test_numbers_in_scientific_notation_are_refused(head: int, digits: str, e: str, exponent: int) -> None:
    for point in ".,":
        mantissa = f"{head}{point}{digits}" if digits else str(head)
        refused({"user_id": FIELDS["user_id"]}, f"{mantissa}{e}+{exponent:02d}")


@each_row(
    "value",
    [
        *(
            "u-1",
            "00123",
            "12E3",
            "12e45678",
            "jan-12",
            "may-7",
            "Martin-12",
            "123-456",
            "1.2.3",
            "10.20",
            "1,2",
            "a,b",
        ),
        *("C#", "#4711", "a=b", "dGVzdA==", "x'y", "2026", "20260301", "12e45678-1234-4abc-8def-1234567890ab", "e+7"),
    ],
)
def test_what_is_not_damaged_is_taken(value: str) -> None:
    taken(FIELDS, value)


@given(st.text("0123456789abcdefgJMFeE.,+-/:'\"=# TZrn!", min_size=1, max_size=16) | st.sampled_from(DAMAGED))
def test_the_quick_look_finds_all_that_is_damaged(text: str) -> None:
    assume(text.isascii() and text.strip() == text and " " not in text)
    if damage_of(text):
        assert re.fullmatch(MAY_BE_DAMAGED, text)


NOBODY = [
    *("None", "NaN", "[object Object]", "guest", "#N/A", r"\N", "00000000-0000-0000-0000-000000000000", "nil", "n/a"),
    *("undefined", "null", "anonymous", "0", "1", "unknown", "Not Available", "not_applicable", "(none)", "<null>"),
    *(
        "N.A.",
        "-",
        "--",
        "—",
        "?",
        "???",
        "*",
        "...",
        "_",
        "[]",
        "0000",
        "000-000-000",
        "TRUE",
        "false",
        "string",
    ),
    *('""', "''", "'", "“”", "{}", "inf", "-inf", "System.DBNull", "urn:uuid:00000000-0000-0000-0000-000000000000"),
    *("{00000000-0000-0000-0000-000000000000}", "ffffffff-ffff-ffff-ffff-ffffffffffff", "[object Undefined]"),
    *(
        "{{user_id}}",
        "${user.id}",
        "%user_id%",
        "*|USER_ID|*",
        "<__main__.User object at 0x7f3a>",
        "user_id",
        "Customer ID",
    ),
    *(
        "none@none.com",
        "test@test.com",
        "unbekannt",
        "misafir",
        "비회원",
        "不明",
        "null\u0301"[:4],
        "#n/a",
        "[NULL]",
        '"null"',
    ),
]


def spellings(word: str) -> list[str]:
    """In cases, in full-width letters, and with marks around."""
    wide = "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in word)
    return [word, word.upper(), word.lower(), word.title(), word.swapcase(), wide, f"{word} ", f"\ufeff{word}"]


@each_row("word", NOBODY)
def test_a_word_for_nobody_is_refused_in_every_spelling(word: str) -> None:
    for spelling in spellings(word):
        refused(FIELDS, spelling)


@each_row("word", NOBODY)
def test_a_word_for_nobody_is_no_session(word: str) -> None:
    """It would count as a session that was given, and nobody would ask for the person's own."""
    for spelling in spellings(word):
        refused({"vendors.akinon.session_id": lambda value: {"vendors": {"akinon": {"session_id": value}}}}, spelling)


@settings(max_examples=examples(300))
@given(
    st.sampled_from(sorted(WORDS | PLACEHOLDERS)),
    st.sampled_from(["{}", "<{}>", "({})", "[{}]", "{}.", '"{}"', "_{}_"]),
)
def test_the_whole_list_is_refused(word: str, form: str) -> None:
    if word in WORDS or form == "{}":
        for spelling in spellings(form.format(word)):
            refused({"user_id": FIELDS["user_id"]}, spelling)


@each_row(
    "value",
    [
        *("00", "10", "11", "-1", "nullable", "anonymous1", "guest-4711", "none-of-it", "null@example.org", "..", "42"),
        *("000123", "test", "n", "natalia", "unknownpleasures", "guesthouse", "00000000-0000-0000-0000-000000000002"),
    ],
)
def test_what_only_resembles_a_word_for_nobody_is_somebody(value: str) -> None:
    taken(FIELDS, value)


@each_row(
    "value",
    [
        *(
            "none@none.com",
            "null@null.com",
            "noemail@shop.com",
            "no-email@shop.com",
            "no_email@x.org",
            "NoEmail@Shop.com",
        ),
        *(
            "noemail123@shop.com",
            "noemail+7@shop.com",
            "test@test.com",
            "Test@TEST.de",
            "unknown@unknown.org",
            "na@na.com",
        ),
        *("guest@guest.com", "xxx@xxx.com", "aaa@aaa.com", "jane@none.com", "jane@shop.invalid", "noreply@shop.com"),
        *("undefined@example.org", "email@email.com", "nobody@nowhere.com", "anonymous@anonymous.com"),
    ],
)
def test_an_address_for_nobody_is_refused(value: str) -> None:
    refused(EMAILS, value)


@each_row(
    "value",
    [
        *(
            "a@x.org",
            "a@example.org",
            "test@example.com",
            "guest@hotel.com",
            "na@company.jp",
            "me@me.com",
            "o'neill@x.ie",
        ),
        *("'o''b'@x.io", '"q"@x.io', "ü@exämple.org", "jane@t-online.de", "a@xn--exmple-cua.org", "jane@corp.local"),
        *(
            "nonesuch@example.org",
            "nullmann@example.org",
            "norah@nomad.com",
            "josé@example.org",
            "jose\u0301@example.org",
        ),
    ],
)
def test_an_address_of_somebody_is_taken(value: str) -> None:
    taken(EMAILS, value)


@each_row(
    ("text", "valid"),
    [
        *(
            (f"{local}@{domain}", True)
            for local in ("a", "josé", "o'x")
            for domain in ("host.local", "x.test", "x.c1m")
        ),
        *((f"{local}@{domain}", False) for local in ("a", "josé", "o'x") for domain in ("host", "x.c1", "x.12")),
        ("'o''b'@example.org", True),
        ("'josé@example.org", False),
    ],
)
def test_any_domain_will_do_whose_last_part_ends_with_a_letter(text: str, valid: bool) -> None:
    """Companies use special ones, as .local, internally; and what is short for plain addresses is so for no others."""
    assert (email_fault(text) is None) == valid


WRAPPED = [
    *(
        "<a@x.org>",
        "Jane <a@x.org>",
        "mailto:a@x.org",
        "MAILTO:a@x.org",
        "a@x.org;",
        "a@x.org,",
        "a@x.org:",
        ";a@x.org",
    ),
    *('"a@x.org"', "'a@x.org'", "'a@x.org", "a@x.org'", "“a@x.org”", "`a@x.org`", "(a@x.org)", "[a@x.org]", "a@x.org>"),
    *("a..b@x.org", "a@x..org", ".a@x.org", "a.@x.org", "a@x.org.", "a@.x.org", "a@-x.org", "a@x-.org", "a@x_y.org"),
    *(
        "a@x.org b@x.org",
        "a@x.org,b@x.org",
        "a@x.org;b@x.org",
        "a@x@y.org",
        "a@x",
        "a@1.2.3.4",
        "a@[1.2.3.4]",
        "a x@x.org",
    ),
    *(
        "a@x.org?subject=1",
        "http://a@x.org",
        "a\uff20x.org",
        "a﹫x.org",
        "a@ab--cd.org",
        '="a@x.org"',
        "a@x.org\\n",
        "@x.org",
    ),
    "a" * 64 + "@" + ".".join(["b" * 60] * 4) + ".org",
]


@each_row("value", WRAPPED)
def test_an_address_that_is_wrapped_or_broken_is_refused(value: str) -> None:
    refused(EMAILS, value)


@each_row("value", ["<a@x.org>", "mailto:a@x.org", "a@x.org;", '"a@x.org"', "a..b@x.org", "a@x.org."])
def test_it_is_told_what_to_do_about_a_wrapped_address(value: str) -> None:
    ((_, problem),) = faults({"email": value})
    assert problem != NO_EMAIL


@settings(max_examples=examples(60), deadline=None)
@given(st.from_regex(rf"\A(?:{PLAIN})\Z") | st.text("ab1.-_'+@", max_size=20) | st.from_regex(r"\A[a-z.]+@[a-z.-]+\Z"))
def test_the_short_cut_for_plain_addresses_takes_what_email_validator_takes(email: str) -> None:
    from email_validator import EmailSyntaxError, validate_email

    if len(email) <= PLAIN_LONGEST and re.fullmatch(PLAIN, email):
        found = validate_email(email, check_deliverability=False, globally_deliverable=False)
        assert found.normalized.lower() == email.lower()
    elif email_fault(email) is None:
        try:
            validate_email(email, allow_quoted_local=True, check_deliverability=False, globally_deliverable=False)
        except EmailSyntaxError:
            pytest.fail("taken against email-validator")


@each_row(
    "value",
    [
        *("+8201012345678", "+820212345678", "+4402079460958"[:14], "+440207946095", "+49030123456", "+4903012345678"),
        *(
            "+330612345678",
            "+31061234567",
            "+8109012345678"[:14],
            "+610412345678",
            "+9005321234567"[:14],
            "+5703211234567",
        ),
        *("+789123456789", "+112025550123", "+5215512345678", "+550119612345678"[:15], "+3606201234567"),
    ],
)
def test_a_prefix_after_the_country_code_is_refused(value: str) -> None:
    refused(PHONES, value)


@pytest.mark.parametrize("value", ["+390612345678", "+39061234567", "+242066121234", "+2250123456789", "+39347123456"])
def test_a_zero_that_belongs_to_the_number_is_taken(value: str) -> None:
    taken(PHONES, value)


@pytest.mark.parametrize("value", ["+10000000000", "+82000000000", "+12222222222"])
def test_a_phone_number_of_nobody_is_refused(value: str) -> None:
    refused(PHONES, value)


CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
NUMBERS = st.one_of(
    st.builds("+{}{}".format, st.sampled_from(CODES), st.text("0123456789", min_size=3, max_size=12)),
    st.builds(
        "+{}{}{}".format,
        st.sampled_from(CODES),
        st.sampled_from(["0", "00", "1", "8", "06", "90", "15", "44", "180020", "0039"]),
        st.text("0123456789", min_size=4, max_size=10),
    ),
)
EXAMPLES = [
    number
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    for number in [phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)]
    if number
]


def as_the_library_writes_it(number: str) -> str | None:
    try:
        return phonenumbers.format_number(phonenumbers.parse(number), PhoneNumberFormat.E164)
    except phonenumbers.NumberParseException:
        return None


def is_taken(number: str) -> bool:
    try:
        SUBJECT.validate_python({"phone_number": number})
    except ValidationError:
        return False
    return True


@settings(max_examples=examples(400), deadline=None)
@given(NUMBERS)
def test_a_number_is_taken_only_where_the_library_writes_it_so(number: str) -> None:
    assume(re.fullmatch(r"\+[1-9][0-9]{4,14}", number))
    written = as_the_library_writes_it(number)
    if is_taken(number):
        assert written == number
    elif written == number and is_possible(number[:4], len(number)):
        assert is_nobodys_phone(number) or not is_a_number(number)
    if is_possible(number[:4], len(number)):
        assert not is_e164(number) or written == number
        if not may_be_odd(number[:START]):
            assert written == number


def is_a_number(number: str) -> bool:
    return phonenumbers.is_valid_number(phonenumbers.parse(number))


@each_row("region", [phonenumbers.region_code_for_number(one) for one in EXAMPLES])
def test_the_national_prefix_of_every_region_is_refused_after_its_code(region: str) -> None:
    number = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
    assert number is not None
    assert metadata is not None
    prefix = metadata.national_prefix
    right = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    assert is_taken(right)
    if prefix:
        wrong = f"+{number.country_code}{prefix}{right.removeprefix(f'+{number.country_code}')}"
        assert not is_taken(wrong)


@settings(max_examples=examples(500))
@given(st.text(max_size=12))
def test_whatever_is_asked_is_answered(text: str) -> None:
    is_nobody(text), is_nobodys_email(text), damage_of(text), invisible_in(text), email_fault(text)
