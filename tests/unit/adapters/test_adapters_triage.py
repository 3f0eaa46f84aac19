"""What every vendor's answers have in common."""

from datetime import UTC, datetime

import httpx
import pytest

from adapters.contract import Answer, Verdict
from adapters.triage import is_page, refusal, triage
from domain.outcomes import Reason
from tests.table_rows import each_row

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WRONG_ADDRESS = Answer(Verdict.VENDOR, Reason.WRONG_ADDRESS)


def answer(status: int, body: bytes = b"{}", **headers: str) -> httpx.Response:
    named = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return httpx.Response(status, headers=named, content=body)


EXPECTED: dict[int, Answer] = {
    **dict.fromkeys([*range(100, 200), *range(300, 400)], WRONG_ADDRESS),
    429: Answer(Verdict.RETRY, Reason.RATE_LIMITED),
    **dict.fromkeys(range(500, 600), Answer(Verdict.RETRY, Reason.SERVER_ERROR)),
    **dict.fromkeys([408, 499, 504], Answer(Verdict.AMBIGUOUS, Reason.ANSWER_LOST)),
    **dict.fromkeys([423, 424, 425, 449], Answer(Verdict.RETRY, Reason.CONFLICT)),
}


def test_every_status_has_a_meaning_or_is_left_to_the_adapter() -> None:
    assert {status: triage(answer(status), NOW) for status in range(100, 600)} == {
        status: EXPECTED.get(status) for status in range(100, 600)
    }


def test_a_page_is_never_left_to_the_adapter() -> None:
    page = b"<!doctype html><title>Sign in</title>"
    found = {status: triage(answer(status, page, content_type="text/html"), NOW) for status in range(100, 600)}
    assert found == {
        # 401 and 403 mean the same whatever came with them. A gateway refuses one id or a whole API with a page:
        # what a page of a 4xx means is told by its status.
        status: None
        if status in (401, 403)
        else EXPECTED.get(status, refusal(status) if 400 <= status < 500 else WRONG_ADDRESS)
        for status in range(100, 600)
    }


@pytest.mark.parametrize("body", [b"<html>", b"\n\t <html>", b"<?xml version='1.0'?>", b"<Error/>"])
def test_a_page_is_known_by_its_first_character_whatever_its_type_says(body: bytes) -> None:
    assert is_page(answer(200, body, content_type="application/json"))


def test_a_page_is_known_by_its_type() -> None:
    assert is_page(answer(200, b"Sign in", content_type="text/html; charset=utf-8"))


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'"<html>"', b"null"])
def test_what_is_no_page(body: bytes) -> None:
    assert not is_page(answer(200, body, content_type="application/json"))


def test_a_refusal_never_reads_as_success_nor_as_nothing() -> None:
    told = {status: refusal(status) for status in range(400, 500)}
    assert {answer.verdict for answer in told.values()} == {Verdict.VENDOR, Verdict.SPLIT, Verdict.RETRY}
    assert {status for status, answer in told.items() if answer.verdict is Verdict.RETRY} == {409}
    assert all(answer.reason for answer in told.values())
    blamed = {status for status, answer in told.items() if answer.verdict is Verdict.VENDOR}
    assert blamed == {401, 402, 403, 404, 405, 406, 407, 410, 415, 421, 426}


def test_too_large_is_split() -> None:
    assert refusal(413) == Answer(Verdict.SPLIT, Reason.TOO_LARGE)


@each_row("wait", ["12", "Sun, 22 Nov 2026 12:00:12 GMT"])
@each_row("status", [429, 503, 500, 423, 425])
def test_the_wait_is_in_the_answer(status: int, wait: str) -> None:
    told = triage(answer(status, retry_after=wait), NOW)
    assert told is not None
    assert told.retry_after_s == 12.0
