"""Time stamps of RFC 3161, made by an authority that was written apart."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.timestamps import Question, TimestampError, ask_for, check, read_roots
from tests.examples import examples
from tests.timestamping import Authority, der, integer

AUTHORITY, OTHER = Authority(), Authority()
CONTENT = b"consent.example/log\n5\n"
QUESTION = ask_for(CONTENT, datetime.now(UTC))
ANSWER = AUTHORITY.answer(QUESTION.raw)
REFUSED = der(0x30, der(0x30, integer(2)))


def test_a_time_stamp_is_believed_by_its_root() -> None:
    assert check(ANSWER, CONTENT, AUTHORITY.roots, QUESTION) == check(ANSWER, CONTENT, ())
    assert read_roots(AUTHORITY.pem) == AUTHORITY.roots
    assert CONTENT not in QUESTION.raw


@pytest.mark.parametrize(
    ("answer", "content", "authority", "question"),
    [
        (ANSWER, b"another content", AUTHORITY, None),
        (ANSWER, CONTENT, OTHER, None),
        (ANSWER, CONTENT, AUTHORITY, ask_for(CONTENT, datetime.now(UTC))),
        (REFUSED, CONTENT, AUTHORITY, None),
        (b"", CONTENT, AUTHORITY, None),
        (b"<html>", CONTENT, AUTHORITY, None),
        (ANSWER[:-1], CONTENT, AUTHORITY, None),
    ],
)
def test_what_is_no_time_stamp_of_it_is_refused(
    answer: bytes, content: bytes, authority: Authority, question: Question | None
) -> None:
    with pytest.raises(TimestampError):
        check(answer, content, authority.roots, question)


@pytest.mark.parametrize(
    ("authority", "says"),
    [
        (Authority(valid_until=timedelta(minutes=-5)), "no authority that is trusted has signed it"),
        (Authority(may=ExtendedKeyUsageOID.SERVER_AUTH), "no authority that is trusted has signed it"),
        (Authority(hours_late=3), "its time and our clock differ by more than an hour"),
        (Authority(hours_late=-3), "its time and our clock differ by more than an hour"),
    ],
    ids=["its certificate is over", "its certificate is for something else", "its clock is late", "it is ahead"],
)
def test_an_authority_that_may_not_or_lies_is_not_believed(authority: Authority, says: str) -> None:
    with pytest.raises(TimestampError, match=says):
        check(authority.answer(QUESTION.raw), CONTENT, authority.roots, QUESTION)


@settings(max_examples=examples(100), deadline=None)
@given(st.integers(0, len(ANSWER) - 1), st.integers(1, 255))
def test_a_changed_byte_is_found_or_says_the_same(place: int, by: int) -> None:
    raw = bytearray(ANSWER)
    raw[place] ^= by
    try:
        at = check(bytes(raw), CONTENT, AUTHORITY.roots, QUESTION)
    except TimestampError:
        return
    assert at == check(ANSWER, CONTENT, AUTHORITY.roots)


def test_what_has_no_certificates_is_no_file_of_roots() -> None:
    with pytest.raises(TimestampError):
        read_roots(b"nothing")
