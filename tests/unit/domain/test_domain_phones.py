"""Phone numbers in E.164 form: tables of what is possible, odd, and the library's own."""

import pytest

from domain.phones import (
    DIGITS,
    MOST_WRITTEN,
    are_several,
    first_digits,
    is_e164,
    is_possible,
    may_be_odd,
    national_part,
)
from tests.table_rows import each_row


@each_row(
    ("number", "possible"),
    [
        ("+821012345678", True),
        ("+12025550123", True),
        ("+1202555012", False),
        ("+120255501234", False),
        ("+4930123456", True),
        ("+49", False),
        ("+442079460958", True),
        ("+44207946095812", False),
        ("+99912345678", False),  # no country has this code
        ("+2104567890", False),
        ("+390612345678", True),
        ("+3906", False),
    ],
)
def test_what_is_possible_depends_on_the_calling_code_and_the_length(number: str, possible: bool) -> None:
    assert is_possible(number[:4], len(number)) is possible


@pytest.mark.parametrize(
    ("number", "national"),
    [("+12025550123", "2025550123"), ("+4930123", "30123"), ("+35312345", "12345"), ("+9990", "9990")],
)
def test_the_national_part_is_what_follows_the_calling_code(number: str, national: str) -> None:
    assert national_part(number) == national


@each_row(
    ("number", "its_own"),
    [
        ("+442079460958", True),
        ("+4402079460958", False),  # the zero is dialled within the country only
        ("+390612345678", True),  # Italy's zero belongs to the number
        ("+821012345678", True),
        ("+8201012345678", False),
        ("+573211234567", True),
        ("+5703211234567", False),  # the library leaves this zero, for it might be a carrier's code
        ("+12025550123", True),
        ("+112025550123", False),
        ("+78001234567", True),  # begins as with a prefix, and is a number with it
        ("+37080012345", True),
        ("+3758011234567", True),
        ("+34612345678", True),  # Spain has no such prefix
    ],
)
def test_a_number_with_a_prefix_of_its_country_is_not_the_librarys_own(number: str, its_own: bool) -> None:
    assert is_e164(number) is its_own
    assert may_be_odd(number[:5]) or its_own, "it would not have been looked at"


@each_row(
    ("start", "odd"),
    [
        ("+4402", True),
        ("+4420", False),
        ("+3906", True),
        ("+1222", True),  # perhaps 222 222 2222
        ("+1223", False),
        ("+1122", True),  # the United States' own prefix
        ("+3461", False),
        ("+3533", False),
        ("+3530", True),
        ("+9990", False),  # of no country: refused already
    ],
)
def test_few_numbers_are_looked_at_for_a_prefix(start: str, odd: bool) -> None:
    assert may_be_odd(start) is odd


@each_row(
    ("pattern", "digits"),
    [
        ("0", "0"),
        ("0|1", "01"),
        ("[2-4]5", "234"),
        ("[27]", "27"),
        ("(0|8)1", "08"),
        ("(?:0[1-9]|[3-5])7", "0345"),
        ("0(?:1|2)|9", "09"),
        ("(1(2|3))|9", "19"),
        ("((4))", "4"),
        *((pattern, "0123456789") for pattern in ("", "0?1", "1*2", "0{2}", "(1|2)?3", r"\d", "0|", "(0")),
    ],
)
def test_the_digits_that_a_pattern_may_begin_with(pattern: str, digits: str) -> None:
    assert first_digits(pattern) == set(digits) <= DIGITS


@each_row(
    ("text", "several"),
    [
        *((text, True) for text in ("+821012345678,+821012345679", "010 1234 5678; 02 123 4567", "1234567/7654321")),
        *((f"+821012345678{between}+821012345679", True) for between in (" | ", "\n", " oder ", " 또는 ", "&")),
        ("1234567,1234567,1234567", True),
        *((text, False) for text in ("010-1234-5678", "+82 10 1234 5678 ext 12", "123456/1234567", "1234567", "a,b")),
        (f"1234567,{' ' * MOST_WRITTEN}7654321", False),
    ],
)
def test_several_numbers_in_one_field(text: str, several: bool) -> None:
    assert are_several(text) is several
