"""Keys that stand twice in one object of JSON."""

import pytest

from domain.twins import CrowdError, TwinsError, may_have_twins, members_of, refuse_twins
from tests.table_rows import each_row


@each_row(
    ("text", "twins"),
    [
        (b'{"a": 1, "a": 1}', True),
        (b'{"a": 1, "\\u0061": 2}', True),
        (b'[{"b": 0}, {"a": {"c": [{"d": 1, "e": 2, "d": 3}]}}]', True),
        (b'{"a": 1, "A": 2}', False),
        (b'[{"a": 1}, {"a": {"a": 2}}]', False),
        (b'{"a": 1e999, "b": 10000000000000000000000000000000000000000}', False),
        (b"{}", False),
    ],
)
def test_a_key_that_stands_twice_in_one_object(text: bytes, twins: bool) -> None:
    if twins:
        with pytest.raises(TwinsError):
            refuse_twins(text)
    else:
        refuse_twins(text)


def test_numbers_that_python_refuses_are_none_of_its_business() -> None:
    refuse_twins(b'{"a": %s}' % (b"9" * 5_000))


def test_more_objects_than_expected() -> None:
    refuse_twins(b"[{}, {}, {}]", most=3)
    with pytest.raises(CrowdError):
        refuse_twins(b"[{}, {}, {}]", most=2)


@each_row(
    ("value", "members"),
    [({"a": 1, "b": {"c": [{"d": 1}, 2]}}, 4), ([{"a": 1}, [{"b": []}]], 2), ([], 0), ("a", 0), (None, 0)],
)
def test_members_are_counted_at_any_depth(value: object, members: int) -> None:
    assert members_of(value) == members


def test_a_text_with_other_members_than_were_read_is_searched() -> None:
    assert may_have_twins(b'{"a":1,"a":2}', 1)
    assert not may_have_twins(b'{"a":1,"b":2}', 2)
    assert may_have_twins(b'{"a" :1}', 1), "for nothing, then"
