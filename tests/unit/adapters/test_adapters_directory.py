"""Questions to the controller's directory over HTTP, and reading its answers."""

import base64
import hmac
import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from adapters.directory import build_question, read_answers
from domain.directory import DirectoryError
from domain.requests import Subject
from tests.table_rows import each_row

RAW = b"a secret of twenty-four by"
SECRET = SecretStr("whsec_" + base64.b64encode(RAW).decode())
ANN: Subject = {"email": "ann@private.example"}
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.sampled_from(["ref", "person"]), inner),
    max_leaves=8,
)


def answer(*people: Any, status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"people": list(people)}, headers=headers)


def test_a_question_is_signed_by_the_convention_and_its_address_holds_nobody() -> None:
    request = build_question("https://directory.example/people?tenant=1", [ANN, {"user_id": "u-2"}], [SECRET], NOW)
    question = json.loads(request.content)
    assert question["type"] == "people.resolve"
    assert question["data"]["people"] == [{"ref": "1", "person": ANN}, {"ref": "2", "person": {"user_id": "u-2"}}]
    moment, name = request.headers["webhook-timestamp"], request.headers["webhook-id"]
    digest = hmac.new(RAW, f"{name}.{moment}.".encode() + request.content, sha256).digest()
    assert request.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    assert str(request.url) == "https://directory.example/people?tenant=1"
    assert "ann" not in repr(dict(request.headers))


def test_answers_are_by_place_in_any_order() -> None:
    found = read_answers(answer({"ref": "2", "person": None}, {"ref": "1", "person": {"user_id": "u"}}), 2)
    assert found == [[{"user_id": "u"}], []]


def test_somebody_who_is_answered_twice_has_two_answers() -> None:
    assert read_answers(answer({"ref": "1", "person": {"user_id": "u"}}, {"ref": "1", "person": {}}), 1) == [
        [{"user_id": "u"}, {}]
    ]


@each_row(
    "response",
    [
        answer({"ref": "1", "person": None}, status=201),
        answer({"ref": "1", "person": None}, status=302),
        answer({"ref": "1", "person": None}, status=401),
        answer({"ref": "1", "person": None}, status=503),
        httpx.Response(200, content=b""),
        httpx.Response(200, content=b"<html>ann@private.example</html>"),
        httpx.Response(200, content=b'{"people": [{"ref": "1", "per'),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"people": {"1": None}}),
        answer(),
        answer(None),
        answer({"ref": 1, "person": None}),
        answer({"ref": "3", "person": None}),
        answer({"ref": "1", "person": None}, {"ref": "2", "person": None}),
    ],
)
def test_what_is_no_answer_to_the_question_is_believed_of_nobody(response: httpx.Response) -> None:
    with pytest.raises(DirectoryError) as raised:
        read_answers(response, 1)
    assert "private" not in str(raised.value)


def test_who_is_left_out_is_not_taken_for_unknown() -> None:
    with pytest.raises(DirectoryError, match="leaves people out"):
        read_answers(answer({"ref": "1", "person": None}), 2)


def test_a_wait_that_the_directory_asks_for_is_heard() -> None:
    with pytest.raises(DirectoryError) as raised:
        read_answers(answer(status=503, **{"retry-after": "120"}), 1)
    assert raised.value.retry_after_s == 120


@given(JSON, st.integers(1, 3))
def test_any_document_is_read_whole_or_refused(document: Any, asked: int) -> None:
    try:
        found = read_answers(httpx.Response(200, json=document), asked)
    except DirectoryError:
        return
    assert len(found) == asked


@given(st.lists(JSON, max_size=3), st.integers(1, 3))
def test_any_entries_are_read_whole_or_refused(entries: list[Any], asked: int) -> None:
    answered = [{"ref": str(place), "person": one} for place, one in enumerate(entries, start=1)]
    try:
        found = read_answers(answer(*answered), asked)
    except DirectoryError:
        assert len(entries) != asked
        return
    assert found == [[one] if one is not None else [] for one in entries]
