"""The number of values in JSON is known before any is parsed."""

import json
from collections.abc import Callable

import pytest
from pydantic_core import from_json

from domain.json_size import refuse_crowd
from domain.twins import CrowdError
from tests.table_rows import each_row

KINDS: dict[str, Callable[[int], bytes]] = {
    "arrays": lambda n: b"[" + b"[]," * n + b"[]]",
    "objects": lambda n: b"[" + b"{}," * n + b"{}]",
    "numbers": lambda n: b"[" + b"1," * n + b"1]",
    "members": lambda n: b"{" + b'"a":0,' * n + b'"a":0}',
    "nulls": lambda n: b"[" + b"null," * n + b"null]",
    "texts": lambda n: b"[" + b'"",' * n + b'""]',
    "nests of arrays": lambda n: b"[" + (b"[" * 99 + b"]" * 99 + b",") * (n // 100) + b"[]" + b",[]" * (n % 100) + b"]",
    "nests of objects": lambda n: (
        b"[" + (b'{"":' * 99 + b"1" + b"}" * 99 + b",") * (n // 100) + b"{}" + b",1" * (n % 100) + b"]"
    ),
    "spread by white space": lambda n: b"[" + b"[] ,\n" * n + b"[]]",
}


@each_row("kind", KINDS)
def test_a_crowd_is_refused_by_its_text(kind: str) -> None:
    with pytest.raises(CrowdError):
        refuse_crowd(KINDS[kind](2_000), 1_000)
    refuse_crowd(KINDS[kind](400), 1_000)


def test_no_text_with_more_values_is_let_through() -> None:
    def values(found: object) -> int:
        inner = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
        return 1 + sum(map(values, inner))

    for make in KINDS.values():
        for count in range(1, 60):
            text = make(count)
            most = values(json.loads(text)) - 1
            with pytest.raises(CrowdError):
                refuse_crowd(text, most)


@pytest.mark.parametrize("text", [b"[" * 30_000, b"[" * 30_000 + b"]" * 30_000, b'[{"a":' * 30_000])
def test_what_is_nested_too_deeply_is_the_parsers_to_refuse(text: bytes) -> None:
    refuse_crowd(text, 1_000)
    with pytest.raises(ValueError, match="recursion limit"):
        from_json(text)


def test_what_people_have_is_taken() -> None:
    person = {"user_id": "u" * 500, "vendors": {f"v{n}": {"profile_id": "p" * 100} for n in range(50)}}
    refuse_crowd(json.dumps(person).encode(), 2_000)
    refuse_crowd(json.dumps({"kind": "erasure", "subjects": [person] * 1_000}).encode(), 200_000)
