"""E-mail addresses that are nobody's, and those of people with odd names."""

from domain.nobody import is_nobodys_email, is_nobodys_phone
from tests.table_rows import each_row


@each_row(
    "email",
    [
        *("noemail@shop.example", "NoEmail12@shop.example", "nomail7@shop.example", "no-mail@shop.example"),
        *("unknown@shop.example", "nomail+till3@shop.example", "jane@noemail.com", "jane@none.example"),
        *("jane@shop.invalid", "test@test.com", "user@fake.com", "xxx@xxx.com", "email@email.example.org"),
    ],
)
def test_addresses_of_nobody(email: str) -> None:
    assert is_nobodys_email(email)
    assert is_nobodys_email(f" {email.upper()} ")


@each_row(
    "email",
    [
        *("unknown3@shop.example", "jane+unknown@shop.example", "nomailer@shop.example", "jane@jane.com"),
        *("xxx@yyy.com", "xx@xx.com", "111@111.com", "jane@shop.none", "test@shop.example", "jane@test.com"),
        "jane@none-such.example",
    ],
)
def test_addresses_of_people_with_odd_names(email: str) -> None:
    assert not is_nobodys_email(email)


@each_row(
    ("phone", "nobody"),
    [
        *((phone, True) for phone in ("+11111111111", "+12222222222", "+10000000000", "+490000000", "+82000000")),
        *((phone, False) for phone in ("+12024561111", "+4911111111111", "+4930123456", "+821012345678")),
    ],
)
def test_zeros_are_nobody_and_one_digit_is_so_in_north_america_alone(phone: str, nobody: bool) -> None:
    assert is_nobodys_phone(phone) is nobody
