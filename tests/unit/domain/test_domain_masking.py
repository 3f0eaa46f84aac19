"""What is shown of an identifier."""

from domain.masking import masked
from tests.table_rows import each_row


@each_row(
    ("field", "value", "shown"),
    [
        ("email", "jane.doe@shop.example.org", "j•••@s•••.org"),
        ("vendors.akinon.email", '"a@b"@localhost', '"•••@•••localhost'),
        ("phone_number", "+821012345678", "+821•••78"),
        ("vendors.insider.identifiers.phone_number", "+821012345678", "+821•••78"),
        ("user_id", "u-4711", "u•••1"),
        ("user_id", "12345", "1•••5"),
        ("user_id", "1234", "1•••"),
        ("email.custom", "jane@x.org", "j•••g"),
    ],
)
def test_the_middle_of_an_identifier_is_hidden(field: str, value: str, shown: str) -> None:
    assert masked(field, value) == shown
