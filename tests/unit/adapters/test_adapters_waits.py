"""How long a vendor asks us to stay away, in every form in which vendors say it."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from adapters.waits import LONGEST_WAIT_S, TELLING, UNREAD_WAIT_S, retry_after_s
from tests.table_rows import each_row

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)  # a Sunday
EPOCH = int(NOW.timestamp())


def wait(*headers: tuple[str, str]) -> float:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    return retry_after_s(httpx.Response(429, headers=raw, content=b"{}"), NOW)


@each_row(
    ("header", "expected"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("+7", 7.0),
        ("30.0", 30.0),
        ("1.5", 1.5),
        (".5", 0.5),
        ("7.", 7.0),
        ('"7"', 7.0),
        ("7; comment", 7.0),
        ("-5", 0.0),  # the time is over
        ("3600", 3600.0),
        ("3601", LONGEST_WAIT_S),
        ("9" * 400, LONGEST_WAIT_S),
        ("7s", 7.0),
        ("7 s", 7.0),
        ("7 S", 7.0),
        ("7sec", 7.0),
        ("7 secs", 7.0),
        ("1 second", 1.0),
        ("7.25 seconds", 7.25),
        ("500ms", 0.5),
        ("500 milliseconds", 0.5),
        ("2m", 120.0),
        ("2 min", 120.0),
        ("2 minutes", 120.0),
        ("1h", 3600.0),
        ("6m0s", 360.0),
        ("1m 30s", 90.0),
        ("PT30S", 30.0),
        ("PT1M30S", 90.0),
        ("3, 7", 7.0),
        ("7, soon", 7.0),
        # the three forms of RFC 9110 5.6.7, and those that are not allowed there and come all the same
        ("Sun, 22 Nov 2026 12:01:30 GMT", 90.0),
        ("Sunday, 22-Nov-26 12:01:30 GMT", 90.0),
        ("Sun Nov 22 12:01:30 2026", 90.0),
        ("Sun Nov  1 12:01:30 2026", 0.0),
        ("Sun, 22 Nov 2026 11:58:30 GMT", 0.0),
        ("Sun, 22 Nov 2026 13:00:30 +0100", 30.0),
        ("Sun, 22 Nov 2026 12:00:05 -0000", 5.0),  # no zone: taken as UTC
        ("22 Nov 2026 12:00:05 GMT", 5.0),
        ("2026-11-22T12:00:30Z", 30.0),
        ("2026-11-22T13:00:30.500+01:00", 30.5),
        ("2026-11-22T12:00:30", 30.0),
        ("Fri, 01 Jan 9999 00:00:00 GMT", LONGEST_WAIT_S),
        ("Sun, 22 Nov 2026 12:00:30 GMT, Sun, 22 Nov 2026 12:01:30 GMT", 90.0),
        ("7, Sun, 22 Nov 2026 12:01:30 GMT", 90.0),
        # an epoch where seconds belong
        (str(EPOCH + 20), 20.0),
        (str((EPOCH + 20) * 1000 + 500), 20.5),
        (str(EPOCH - 20), 0.0),
    ],
)
def test_a_readable_wait(header: str, expected: float) -> None:
    assert wait(("retry-after", header)) == pytest.approx(expected)
    assert wait(("x-ratelimit-reset", header)) == pytest.approx(expected)
    assert wait(("x-rate-limit-reset", header)) == pytest.approx(expected)


@each_row(
    "header",
    [
        "soon",
        "²",
        "7 fortnights",
        "3 months",
        "1e3",
        "0x10",
        "in 7 seconds",
        "Wed, 21 Oct 2015 07:28:99999999999999999999 GMT",
        "Wed, 21 Oct 2015 07:28:00 +99999999999999999999",
        "Wed, 99 Oct 99999 99:99:99 GMT",
        "2026-13-45T99:99:99Z",
        "nan",
        "inf",
        ",",
    ],
)
def test_what_cannot_be_read_waits_for_the_default(header: str) -> None:
    for name in TELLING:
        assert wait((name, header)) == UNREAD_WAIT_S


def test_the_default_is_more_than_a_moment_and_less_than_a_limits_minute() -> None:
    assert 5.0 <= UNREAD_WAIT_S <= 60.0


@pytest.mark.parametrize("headers", [(), (("retry-after", ""),), (("date", "Sun, 22 Nov 2026 12:01:30 GMT"),)])
def test_who_asks_nothing_is_not_waited_for(headers: tuple[tuple[str, str], ...]) -> None:
    assert wait(*headers) == 0.0


@each_row(
    ("headers", "expected"),
    [
        ((("retry-after", "3"), ("retry-after", "7")), 7.0),
        ((("retry-after", "soon"), ("retry-after", "7")), 7.0),
        ((("retry-after", "3"), ("x-rate-limit-reset", str(EPOCH + 50))), 3.0),
        ((("retry-after", "soon"), ("x-rate-limit-reset", str(EPOCH + 50))), 50.0),
        ((("retry-after", ""), ("ratelimit-reset", "50")), 50.0),
        ((("x-ratelimit-reset", "50"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-limit", "100")), 50.0),
        ((("retry-after-ms", "1500"),), 1.5),
        ((("retry-after", "2"), ("retry-after-ms", "1500")), 2.0),
        ((("x-ratelimit-reset-after", "4.25"),), 4.25),
    ],
)
def test_several_headers(headers: tuple[tuple[str, str], ...], expected: float) -> None:
    assert wait(*headers) == pytest.approx(expected)


@each_row(
    ("header", "expected"),
    [
        ('"default";r=0;t=30', 30.0),
        ('"default"; r=0; t=30', 30.0),
        ('"default";r=0;t=30;pk=:AQ==:', 30.0),
        ('"default";t=30', 30.0),
        ('"burst";r=0;t=5, "day";r=900;t=3000', 5.0),
        ('"burst";r=3;t=5, "day";r=0;t=3000', 3000.0),
        ('"a";r=0;t=5, "b";r=0;t=9', 9.0),
        ('"a, b;t=99";r=0;t=7', 7.0),
        ('"a \\" ;t=99";r=0;t=7', 7.0),
        ("limit=100, remaining=0, reset=30", 30.0),
        ("limit=100,remaining=5,reset=30", 30.0),
        ('"default";r=0;t=9999', LONGEST_WAIT_S),
        ('"default";r=0', UNREAD_WAIT_S),
        ('"default";r=0;t=soon', UNREAD_WAIT_S),
    ],
)
def test_the_structured_ratelimit_field(header: str, expected: float) -> None:
    assert wait(("ratelimit", header)) == expected
    policies = header.split(", ")
    if "remaining" not in header and "a, b" not in header:
        assert wait(*(("RateLimit", policy) for policy in policies)) == expected


SECONDS = st.integers(0, int(LONGEST_WAIT_S))
FORMS = {
    "seconds": str,
    "decimal": lambda seconds: f"{seconds}.0",
    "with a unit": lambda seconds: f"{seconds} s",
    "minutes and seconds": lambda seconds: f"{seconds // 60}m{seconds % 60}s",
    "milliseconds": lambda seconds: f"{seconds * 1000}ms",
    "IMF-fixdate": lambda seconds: format_datetime(NOW + timedelta(seconds=seconds), usegmt=True),
    "RFC 850": lambda seconds: f"{NOW + timedelta(seconds=seconds):%A, %d-%b-%y %H:%M:%S GMT}",
    "asctime": lambda seconds: f"{NOW + timedelta(seconds=seconds):%a %b %d %H:%M:%S %Y}",
    "ISO 8601": lambda seconds: (NOW + timedelta(seconds=seconds)).isoformat(),
    "epoch": lambda seconds: str(EPOCH + seconds),
    "epoch in ms": lambda seconds: str((EPOCH + seconds) * 1000),
    "epoch in decimals": lambda seconds: f"{EPOCH + seconds}.0",
}


@given(
    asked=st.lists(st.tuples(SECONDS, st.sampled_from(sorted(FORMS))), min_size=1, max_size=4),
    name=st.sampled_from([name for name in TELLING if name != "ratelimit" and not name.endswith("-ms")]),
    lines=st.booleans(),
    noise=st.sampled_from(["", "soon", "()"]),
)
def test_any_form_in_any_header_once_or_often_is_read_and_the_longest_counts(
    asked: list[tuple[int, str]], name: str, lines: bool, noise: str
) -> None:
    values = [FORMS[form](seconds) for seconds, form in asked] + ([noise] if noise else [])
    headers = [(name, value) for value in values] if lines else [(name, ", ".join(values))]
    assert wait(*headers) == pytest.approx(max(seconds for seconds, _ in asked), abs=1e-3)


@given(
    policies=st.dictionaries(
        st.text("abc,;= ", min_size=1, max_size=8), st.tuples(st.integers(0, 9), SECONDS), min_size=1, max_size=4
    )
)
def test_of_any_policies_the_emptiest_tells(policies: dict[str, tuple[int, int]]) -> None:
    field = ", ".join(f'"{name}";r={left};t={reset}' for name, (left, reset) in policies.items())
    least = min(left for left, _ in policies.values())
    assert wait(("ratelimit", field)) == max(reset for left, reset in policies.values() if left == least)


LATIN = st.characters(max_codepoint=255, exclude_characters="\r\n\0")


@given(header=st.text(LATIN, max_size=60), name=st.sampled_from(TELLING))
@example(header="Wed, 21 Oct 2015 07:28:99999999999999999999 GMT", name="retry-after")
@example(header="1" * 5000, name="ratelimit-reset")
@example(header="1s" * 5000 + "!", name="retry-after")
@example(header="millis1" * 50 + "!", name="retry-after")
def test_no_header_breaks_us(header: str, name: str) -> None:
    assert 0.0 <= wait((name, header)) <= LONGEST_WAIT_S


@given(
    parts=st.lists(st.sampled_from(["Wed,", "21", "Oct", "2015", "07:28:00", "GMT", "+0000", "-9999", "9" * 30, ":"]))
)
def test_nothing_like_a_date_breaks_us(parts: list[str]) -> None:
    assert 0.0 <= wait(("retry-after", " ".join(parts))) <= LONGEST_WAIT_S


@given(header=st.text("abcxyz!?-", min_size=1, max_size=20))
def test_no_word_reads_as_no_time_at_all(header: str) -> None:
    assume(header.strip())
    assert wait(("retry-after", header)) == UNREAD_WAIT_S
