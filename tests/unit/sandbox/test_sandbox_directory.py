"""The sandbox's directory: it only answers signed questions, and ours are signed."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from adapters.directory import build_question, read_answers
from sandbox.accounts import DIRECTORY_SECRET
from tests.unit.sandbox.conftest import Bench

SECRET = SecretStr(DIRECTORY_SECRET)
ANN = {"user_id": "u-1", "email": "ann@private.example", "vendors": {"b2core": {"profile_id": "p-1"}}}


def question(*people: Any, secret: SecretStr = SECRET, at: datetime | None = None) -> httpx.Request:
    return build_question("http://127.0.0.1/directory", people, [secret], at or datetime.now(UTC))


async def ask(bench: Bench, asked: httpx.Request, body: bytes | None = None) -> httpx.Response:
    headers = {name: value for name, value in asked.headers.items() if name.startswith(("webhook", "content-type"))}
    response = await bench.call("POST", "/directory", data=body or asked.content, headers=headers)
    return httpx.Response(response.status, content=await response.read())


async def test_who_is_in_it_is_found_by_any_identifier(bench: Bench) -> None:
    await bench.call("POST", "/_sandbox/directory", json=[ANN, {"user_id": "u-2", "email": "bob@private.example"}])
    asked = [{"email": "ANN@private.example"}, {"vendors": {"b2core": {"profile_id": "p-1"}}}, {"user_id": "u-9"}]
    assert read_answers(await ask(bench, question(*asked)), 3) == [[ANN], [ANN], []]
    assert read_answers(await ask(bench, question()), 0) == []
    assert (await (await bench.call("GET", "/_sandbox/directory")).json())["questions"] == 2


@pytest.mark.parametrize(
    "asked",
    [
        question(ANN, secret=SecretStr("whsec_" + "c2VjcmV0" * 4)),
        question(ANN, at=datetime.now(UTC) - timedelta(minutes=6)),
    ],
)
async def test_another_secret_or_an_old_question_is_refused(bench: Bench, asked: httpx.Request) -> None:
    assert (await ask(bench, asked)).status_code == 401


async def test_a_body_that_was_not_signed_is_refused(bench: Bench) -> None:
    asked = question(ANN)
    forged = json.loads(asked.content) | {"type": "people.other"}
    assert (await ask(bench, asked, json.dumps(forged).encode())).status_code == 401
