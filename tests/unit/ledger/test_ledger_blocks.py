"""People sealed and opened many at a time: the same as one by one."""

import pytest

from domain.requests import Subject
from ledger.contexts import subject_context
from ledger.people.opening import open_block
from ledger.sealing import NONCE_BYTES, SealingKey, UnsealError

KEY = SealingKey.generate()
PEOPLE: list[Subject] = [
    {"user_id": 'a"],[{,\\'},
    {"email": "ü@example.org", "phone_number": None},
    {"user_id": "u", "vendors": {"insider": {"identifiers": {"custom": {"card": "[7]"}}}}},
]
PLAINS = [b'{"user_id":"a\\"],[{,\\\\"}', '{"email":"ü@example.org","phone_number":null}'.encode()]
PLAINS += [b'{"user_id":"u","vendors":{"insider":{"identifiers":{"custom":{"card":"[7]"}}}}}']
CONTEXTS = [subject_context(7, line) for line in (1, 2, 5)]


def test_many_are_sealed_each_under_a_nonce_of_its_own_and_in_its_own_place() -> None:
    sealed = KEY.seal_all(PLAINS * 50, CONTEXTS * 50)
    assert len({one[:NONCE_BYTES] for one in sealed}) == 150
    assert [KEY.open(one, context) for one, context in zip(sealed, CONTEXTS * 50, strict=True)] == PLAINS * 50
    assert KEY.open_all(sealed, CONTEXTS * 50) == PLAINS * 50


def test_a_block_is_opened_in_order() -> None:
    rows = list(zip((1, 2, 5), KEY.seal_all(PLAINS, CONTEXTS), strict=True))
    assert open_block(KEY, 7, rows) == PEOPLE
    assert open_block(KEY, 7, rows[1:2]) == PEOPLE[1:2]
    assert open_block(KEY, 7, []) == []


def test_a_block_with_one_in_a_place_that_is_not_theirs_is_not_opened() -> None:
    first, second, third = KEY.seal_all(PLAINS, CONTEXTS)
    for rows in ([(1, first), (5, second), (2, third)], [(1, first), (2, second), (5, third[:-1])]):
        with pytest.raises(UnsealError):
            open_block(KEY, 7, rows)
    with pytest.raises(UnsealError):
        open_block(KEY, 8, [(1, first)])
