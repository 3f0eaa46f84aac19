"""What every vendor's answers have in common."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.contract import Answer, Verdict
from adapters.triage import LONGEST_WAIT_S, is_page, refusal, retry_after_s, triage
from domain.outcomes import Reason

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WRONG_ADDRESS = Answer(Verdict.VENDOR, Reason.WRONG_ADDRESS)


def answer(status: int, body: bytes = b"{}", **headers: str) -> httpx.Response:
    named = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return httpx.Response(status, headers=named, content=body)


EXPECTED: dict[int, Answer] = {
    **dict.fromkeys([*range(100, 200), *range(300, 400)], WRONG_ADDRESS),
    408: Answer(Verdict.AMBIGUOUS, Reason.ANSWER_LOST),
    429: Answer(Verdict.RETRY, Reason.RATE_LIMITED),
    **dict.fromkeys(range(500, 600), Answer(Verdict.RETRY, Reason.SERVER_ERROR)),
    504: Answer(Verdict.AMBIGUOUS, Reason.ANSWER_LOST),
}


def test_every_status_has_a_meaning_or_is_left_to_the_adapter() -> None:
    assert {status: triage(answer(status), NOW) for status in range(100, 600)} == {
        status: EXPECTED.get(status) for status in range(100, 600)
    }


def test_a_page_is_never_left_to_the_adapter() -> None:
    page = b"<!doctype html><title>Sign in</title>"
    found = {status: triage(answer(status, page, content_type="text/html"), NOW) for status in range(100, 600)}
    assert found == {
        # 401 and 403 mean the same whatever came with them.
        status: None if status in (401, 403) else EXPECTED.get(status, WRONG_ADDRESS)
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
    assert {answer.verdict for answer in told.values()} == {Verdict.VENDOR, Verdict.SPLIT}
    assert all(answer.reason for answer in told.values())
    blamed = {status for status, answer in told.items() if answer.verdict is Verdict.VENDOR}
    assert blamed == {401, 402, 403, 404, 405, 406, 407, 410, 415, 421, 426}


def test_too_large_is_split() -> None:
    assert refusal(413) == Answer(Verdict.SPLIT, Reason.TOO_LARGE)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("3600", 3600.0),
        ("3601", LONGEST_WAIT_S),
        ("9" * 400, LONGEST_WAIT_S),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0.0),
        ("Sun, 22 Nov 2026 13:00:30 +0100", 30.0),
        ("Sun, 22 Nov 2026 12:00:05 -0000", 5.0),  # no zone: taken as UTC
        ("Fri, 01 Jan 9999 00:00:00 GMT", LONGEST_WAIT_S),
        ("-5", 0.0),
        ("1.5", 0.0),
        ("soon", 0.0),
        ("", 0.0),
        ("²", 0.0),
        ("Wed, 21 Oct 2015 07:28:99999999999999999999 GMT", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 +99999999999999999999", 0.0),
        ("Wed, 99 Oct 99999 99:99:99 GMT", 0.0),
    ],
)
def test_retry_after(header: str, wait: float) -> None:
    assert retry_after_s(answer(429, retry_after=header), NOW) == wait


@pytest.mark.parametrize("status", [429, 503, 500])
def test_the_wait_is_in_the_answer(status: int) -> None:
    told = triage(answer(status, retry_after="12"), NOW)
    assert told is not None
    assert told.retry_after_s == 12.0


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        (str(int(NOW.timestamp()) + 20), 20.0),
        (str((int(NOW.timestamp()) + 20) * 1000 + 500), 20.5),
        (str(int(NOW.timestamp()) - 20), 0.0),
        (str((int(NOW.timestamp()) + 86_400) * 1000), LONGEST_WAIT_S),
        ("20", 0.0),  # an epoch, not a number of seconds
        ("later", 0.0),
        ("9" * 400, LONGEST_WAIT_S),
    ],
)
def test_x_rate_limit_reset(header: str, wait: float) -> None:
    assert retry_after_s(answer(429, x_rate_limit_reset=header), NOW) == pytest.approx(wait)


def test_retry_after_goes_before_x_rate_limit_reset() -> None:
    both = answer(429, retry_after="3", x_rate_limit_reset=str(int(NOW.timestamp()) + 50))
    assert retry_after_s(both, NOW) == 3.0


LATIN = st.characters(max_codepoint=255, exclude_characters="\r\n\0")


@given(header=st.text(LATIN, max_size=60))
@example(header="Wed, 21 Oct 2015 07:28:99999999999999999999 GMT")
def test_no_header_breaks_us(header: str) -> None:
    for name in ("retry_after", "x_rate_limit_reset"):
        assert 0.0 <= retry_after_s(answer(429, **{name: header}), NOW) <= LONGEST_WAIT_S


@given(
    parts=st.lists(st.sampled_from(["Wed,", "21", "Oct", "2015", "07:28:00", "GMT", "+0000", "-9999", "9" * 30, ":"]))
)
def test_nothing_like_a_date_breaks_us(parts: list[str]) -> None:
    assert 0.0 <= retry_after_s(answer(503, retry_after=" ".join(parts)), NOW) <= LONGEST_WAIT_S
