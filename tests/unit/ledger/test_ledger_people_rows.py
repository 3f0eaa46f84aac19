"""People as rows: the same whether they are written one by one or many together."""

import struct
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.crowds import many_share
from domain.requests import Subject
from ledger.contexts import subject_context
from ledger.people.crowds import Suspicion
from ledger.people.prints import Prints, PrintsOfMany
from ledger.people.rows import Writer
from ledger.sealing import Fingerprinter, SealingKey
from tests.examples import examples
from tests.table_rows import each_row

FINGERPRINTER = Fingerprinter(b"f" * 32)
TEXT = st.none() | st.sampled_from(["", "u-1", "Jose\u0301", "a@x.org", "A@EXÄMPLE.org"])
VENDORS = st.sampled_from(
    [None, {}, {"algonomy": {"user_id": "e\u0301"}}, {"insider": {"identifiers": {"uuid": "u", "email": None}}}]
)
PERSON = st.fixed_dictionaries(
    {},
    optional={"user_id": TEXT, "email": TEXT, "phone_number": st.none() | st.just("+821012345678"), "vendors": VENDORS},
)


@given(st.lists(PERSON, max_size=8))
def test_many_have_the_prints_that_each_has_alone(people: list[Any]) -> None:
    together, alone = Prints(FINGERPRINTER), Prints(FINGERPRINTER)

    assert list(together.of_all(people).each()) == [alone.of(person) for person in people]
    assert (together.digest(), together.lines) == (alone.digest(), len(people))
    for person in people:
        assert alone.of(person)[1:] == alone.identifiers(person)


@settings(max_examples=examples(50))
@given(st.lists(PERSON, max_size=4), st.integers(0, 260))
def test_rows_hold_what_records_hold(people: list[Any], others: int) -> None:
    people = [{"user_id": f"u-{number}"} for number in range(others)] + people
    key = SealingKey.generate()
    rows = b"".join(Writer(7, key, Prints(FINGERPRINTER)).rows(people))
    one_by_one = Prints(FINGERPRINTER)

    for line, person in enumerate(people, start=1):
        fields, rows = _row(rows)
        assert fields[:2] == [struct.pack("!q", 7), struct.pack("!i", line)]
        assert key.open(fields[2] or b"", subject_context(7, line))
        assert tuple(fields[3:]) == one_by_one.of(person)
    assert not rows


def _row(rows: bytes) -> tuple[list[bytes | None], bytes]:
    (columns,), rows = struct.unpack_from("!h", rows), rows[2:]
    fields: list[bytes | None] = []
    for _ in range(columns):
        (length,), rows = struct.unpack_from("!i", rows), rows[4:]
        fields.append(rows[:length] if length >= 0 else None)
        rows = rows[max(length, 0) :]
    return fields, rows


@each_row("crowd", [5, 200, 300, 1_000])
@each_row("shared", ["email", "phone_number"])
def test_no_crowd_is_missed_however_large(crowd: int, shared: str) -> None:
    suspicion = Suspicion()
    prints = Prints(FINGERPRINTER)
    same = prints.of({"email": "a@x.org", "phone_number": "+821012345678"})
    for _ in range(crowd):
        column = [None, same.email] if shared == "email" else [None]
        phones = [same.phone_number] if shared == "phone_number" else []
        suspicion.see(PrintsOfMany([same.whole], [None], column, phones))

    assert suspicion.aroused(crowd)
    assert not suspicion.aroused(crowd + 2)


def test_few_are_suspected_for_nothing() -> None:
    suspicion, prints = Suspicion(), Prints(FINGERPRINTER)
    people: list[Subject] = [{"email": f"{number}@x.org"} for number in range(4_000)]
    seen = prints.of_all(people)
    suspicion.see(seen)

    assert max(Counter(seen.email).values()) == 1
    assert not suspicion.aroused(many_share(len(people)))
