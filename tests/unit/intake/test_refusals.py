"""Every refusal says what was wrong, where, and what to do."""

import io
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.noticed import Noticed
from intake.files.faults import UnusableInputError
from intake.files.reader import read_people
from tasks.sealed import NotSealedError, ProducerKeys
from tasks.subjects import SubjectError, check_subject
from tests.table_rows import each_row

TO_DO = re.compile(
    r"(: |; |, )(give|take|leave|save|send|rename|keep|close|write|put|seal|set|known are)\b|\bmust\b|\bshould\b"
)
"""How what to do is said; pydantic says what a value should be."""

FILES: dict[str, bytes] = {
    "nobody": b"",
    "not UTF-8": b'{"user_id": "\xe9"}',
    "not UTF-8, as CSV": b"user_id\n\xe9\n",
    "UTF-16 cut off": '{"user_id": "u-1"}'.encode("utf-16")[:-1],
    "no JSON": b'{"user_id": "u-1"',
    "no object": b'{"user_id": "u-1"}\n["user_id"]',
    "a key twice": b'{"user_id": "u-1", "user_id": "u-2"}',
    "a NUL": b'{"user_id": "u-\x001"}',
    "too long": b'{"user_id": "' + b"x" * 70_000 + b'"}',
    "a crowd": b'{"vendors": {"insider": {"identifiers": {"custom": {' + b'"a": [' + b"[]," * 2_500 + b"[]]}}}}}",
    "cells": b"user_id,email\nu-1,a@x.org,more\n",
    "a column twice": b"user_id,user_id\nu-1,u-2\n",
    "a column unknown": b"user_id,shoe_size\nu-1,43\n",
    "no header": b"u-1\n",
    "an open quote": b'user_id\n"u-1\nu-2\n',
}


def problems_in(file: bytes) -> list[str]:
    try:
        list(read_people(io.BytesIO(file)))
    except UnusableInputError as error:
        return [fault.problem for fault in error.faults if fault.line > 0]
    return []


@each_row("name", FILES)
def test_of_a_file(name: str) -> None:
    found = problems_in(FILES[name])
    assert found
    assert [problem for problem in found if not TO_DO.search(problem)] == []


EMAILS = st.sampled_from(
    ["a..b@x.org", ".a@x.org", "a@x.org.", "a b@x.org", "a@x", "ax.org", "<a@x.org>", "jane", "a@x.org,"]
)
ODD = st.sampled_from(["", " ", "u\u0000", "\u200bu", " u", "u ", "unknown", "u\ufffd", "1e+21", "x" * 600]) | st.text(
    max_size=8
)
VALUES: st.SearchStrategy[Any] = (
    ODD | EMAILS | st.none() | st.integers() | st.booleans() | st.lists(st.integers(), max_size=1)
)
PEOPLE = st.fixed_dictionaries(
    {},
    optional={
        "user_id": VALUES,
        "email": VALUES | EMAILS,
        "phone_number": VALUES | st.sampled_from(["+1", "0821012345678", "+82010123", "+8210-1234"]),
        "asked_at": VALUES | st.sampled_from(["2099-01-01T00:00:00Z", "2026-01-01", "1800-01-01T00:00:00Z"]),
        "name": VALUES,
        "vendors": VALUES
        | st.dictionaries(
            st.sampled_from(["insider", "acme", "b2core", "dfinery"]), st.dictionaries(ODD, VALUES, max_size=2)
        ),
    },
)


@given(PEOPLE)
def test_of_a_person(person: dict[str, Any]) -> None:
    try:
        check_subject(json.loads(json.dumps(person)), Noticed())
    except SubjectError as error:
        told = [fault.problem for fault in error.faults]
        assert told
        silent = [problem for problem in told if not TO_DO.search(problem) and "placeholder" not in problem]
        assert silent == []


@each_row("sealed", [7, None, "", "no base64!", "c2VhbGVk", "A" * 8_000_001])
@each_row("keys", ["", "00" * 32], ids=["no key", "a key"])
def test_of_what_producers_seal(sealed: Any, keys: str) -> None:
    with pytest.raises(NotSealedError) as refused:
        ProducerKeys.parse(keys).open(sealed)
    assert TO_DO.search(str(refused.value))
