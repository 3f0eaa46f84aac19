"""Every item of a queue is a message, or unusable for a reason that quotes nothing of it."""

import json
import re
import tracemalloc
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.envelopes import Envelope, UnusableError, read
from tasks.queues import DISPATCH
from tests.bad_messages import MARK, dumped, envelope, junk
from tests.examples import examples

MOST = 1_000_000
GOOD = envelope(DISPATCH, ["insider"], "consent.control")
REASON = re.compile(r"[\w ,:\[\]-]+", re.ASCII)


def why_not(item: bytes) -> str:
    with pytest.raises(UnusableError) as unusable:
        read(item, MOST)
    return str(unusable.value)


def test_a_message_of_celerys_is_read() -> None:
    message = read(dumped(GOOD), MOST)
    assert message[:4] == (DISPATCH, UUID(GOOD["headers"]["id"]), ["insider"], {})
    assert "insider" not in repr(message)


def outcome(item: bytes) -> Envelope | str:
    """The message, or why it is none."""
    try:
        return read(item, MOST)
    except UnusableError as unusable:
        return str(unusable)


def test_every_kind_of_junk_is_refused_or_a_message_with_parts_of_their_types() -> None:
    for name, item in junk(DISPATCH, ["insider"], "consent.control"):
        message = outcome(item)
        if isinstance(message, str):
            assert REASON.fullmatch(message), name
            assert MARK not in message, name
        else:
            assert list(map(type, message[:4])) == [str, UUID, list, dict], name


@settings(max_examples=examples(50))
@given(st.binary(max_size=200) | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(dumped))
def test_no_item_is_too_odd(item: bytes) -> None:
    assert REASON.fullmatch(why_not(item))


@settings(max_examples=examples(50))
@given(st.data())
def test_a_message_with_any_part_replaced_is_read_or_refused(data: st.DataObject) -> None:
    message: dict[str, Any] = json.loads(dumped(GOOD))
    place = message
    while True:
        name = data.draw(st.sampled_from(sorted(place)))
        if not (isinstance(place[name], dict) and place[name] and data.draw(st.booleans())):
            break
        place = place[name]
    place[name] = data.draw(st.none() | st.integers() | st.text() | st.just([]) | st.just({}) | st.just({"a": "b"}))
    came = outcome(dumped(message))
    assert isinstance(came, Envelope) or REASON.fullmatch(came)


def test_the_id_of_a_refused_message_is_told_where_it_is_one() -> None:
    with pytest.raises(UnusableError) as unusable:
        read(dumped({**GOOD, "body": "?"}), MOST)
    assert unusable.value.message_id == UUID(GOOD["headers"]["id"])


def test_what_is_too_large_is_not_decoded() -> None:
    item = b'{"headers": [' + b"[]," * 2_000_000 + b"[]]}"
    tracemalloc.start()
    try:
        assert why_not(item) == "larger than 1,000,000 bytes"
        with pytest.raises(UnusableError, match="more than 10,000 parts"):
            read(item, len(item))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000
