"""What to provide where people cannot be found."""

import pytest

from tasks.unreachable import what_to_give


@pytest.mark.parametrize(
    ("vendor", "fields", "says"),
    [
        ("akinon", ("user_id",), "a shop session"),
        ("printshop", ("user_id", "email", "phone_number"), "user_id, email or phone_number"),
        ("printshop", ("email", "phone_number"), "email or phone_number"),
        ("printshop", ("email",), "email"),
        ("printshop", (), "another identifier"),
    ],
)
def test_a_recipient_without_a_card_is_told_of_by_the_fields_that_it_was_announced_with(
    vendor: str, fields: tuple[str, ...], says: str
) -> None:
    assert what_to_give(vendor, fields) == says
