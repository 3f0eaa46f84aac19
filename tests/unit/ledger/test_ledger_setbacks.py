"""What a chunk keeps of its setbacks comes back as it was, and shows nothing of the people."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.retry import Job, Setback
from ledger.delivery.setbacks import job_context, read_setbacks, write_setbacks
from ledger.sealing import SealingKey, UnsealError

KEY, CONTEXT = SealingKey.generate(), job_context(7, 3)
JOBS = st.builds(Job, step=st.text(min_size=1, max_size=9), since=st.floats(0, 1e12), carry=st.text(max_size=60))
LINES = st.lists(st.integers(1, 9_999), min_size=1, max_size=4).map(tuple)
SETBACKS = st.builds(
    Setback,
    attempts=st.integers(0, 99),
    since=st.floats(0, 1e12),
    due=st.floats(0, 1e12),
    lines=LINES,
    job=st.none() | JOBS,
)


@given(setbacks=st.lists(SETBACKS, max_size=5).map(tuple))
def test_setbacks_come_back_as_they_were(setbacks: tuple[Setback, ...]) -> None:
    assert read_setbacks(json.loads(write_setbacks(setbacks, KEY, CONTEXT)), KEY, CONTEXT) == setbacks


def test_setbacks_of_an_older_version_are_read() -> None:
    assert read_setbacks([[2, 10.0, 20.0, [4, 5]]], KEY, CONTEXT) == (Setback(2, 10.0, 20.0, (4, 5)),)


def test_nothing_of_a_carry_is_in_the_record_or_in_a_repr() -> None:
    kept = Setback(0, 1.0, 2.0, (1,), job=Job("gone", 1.0, "profile-of-mary"))
    text = write_setbacks([kept], KEY, CONTEXT)
    assert "mary" not in text + repr(kept)


def test_a_carry_belongs_to_its_deliveries() -> None:
    rows = json.loads(write_setbacks([Setback(0, 1.0, 2.0, (1,), job=Job("gone", 1.0, "x"))], KEY, CONTEXT))
    with pytest.raises(UnsealError):
        read_setbacks(rows, KEY, job_context(8, 3))
