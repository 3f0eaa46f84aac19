"""Phone numbers as they are written within a country."""

from domain.national_numbers import is_region, region_of, to_e164
from tests.table_rows import each_row


@each_row(
    ("text", "region"),
    [
        *((" kr ", "KR"), ("+82", "KR"), ("82", "KR"), ("+1", "US"), ("DE", "DE"), ("+49", "DE")),
        *((text, None) for text in ("", "XX", "+", "+0", "082", "+999", "+8210", "KOR", "+800")),
    ],
)
def test_a_country_is_named_by_its_letters_or_its_calling_code(text: str, region: str | None) -> None:
    assert region_of(text) == region
    assert region is None or is_region(region)


@each_row(
    ("text", "region", "number"),
    [
        ("010-1234-5678", "KR", "+821012345678"),
        (" 010 1234 5678 ", "KR", "+821012345678"),
        ("+82 10 1234 5678", "US", "+821012345678"),
        ("(030) 123456", "DE", "+4930123456"),
        ("(202) 456-1111", "US", "+12024561111"),
        ("(202) 456-1111 ext. 7", "US", None),
        ("1-800-FLOWERS", "US", None),
        ("555 0123", "US", None),
        ("+999 123456", "KR", None),
        ("0000", "KR", None),
        # without its plus it would be a number within the country too: which one is meant, nobody can tell
        ("+49 171 1234567", "DE", "+491711234567"),
        ("49 171 1234567", "DE", None),
        ("49-1711-234567", "DE", None),
        ("4974391", "DE", "+494974391"),  # no number with a plus
        ("821012345678", "KR", "+821012345678"),  # none within the country
        ("", "KR", None),
    ],
)
def test_a_number_is_read_as_it_is_dialled_in_its_country(text: str, region: str, number: str | None) -> None:
    assert to_e164(text, region) == number
