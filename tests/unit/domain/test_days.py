"""A day without a time is taken in every way in, and read to people's advantage."""

import json
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.given import read_day_or_moment
from domain.deadlines import TERMS, AskedInRows, Times, times_of
from domain.moments import Day, begin_of, end_of, possible_from
from domain.regulations import Regulation
from domain.requests import SUBJECT, Kind
from intake.exit_codes import CommandError
from tasks.payloads import Payload
from tests.table_rows import each_row
from web.api.requests import NewRequest

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = Day(2026, 11, 1, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 1, tzinfo=UTC)
WITHDRAWALS = [Kind.ERASURE, Kind.OPT_OUT]


def times(
    kind: Kind, asked_at: datetime | None, effective_at: datetime | None = None, *rows: datetime, undated: bool = False
) -> Times:
    asked = AskedInRows(undated=undated)
    for line, moment in enumerate(rows, start=1):
        asked.add(line, moment)
    term = TERMS[Regulation.GDPR][kind]
    return times_of(kind, term, received_at=NOON, asked_at=asked_at, effective_at=effective_at, rows=asked)


@pytest.mark.parametrize("kind", list(Kind))
def test_what_was_asked_on_a_day_is_due_as_if_it_was_at_its_beginning(kind: Kind) -> None:
    for found in (times(kind, DAY), times(kind, None, None, DAY), times(kind, NOON, None, NOON, DAY)):
        assert (found.asked_at, type(found.asked_at)) == (MIDNIGHT, datetime)
        assert found.due_at == datetime(2026, 12, 1, tzinfo=UTC)


@given(st.times(), st.sampled_from(["asked_at", "effective_at", "row"]))
def test_a_withdrawal_of_a_day_is_newer_than_an_opt_in_of_that_day(time: object, given_as: str) -> None:
    moment = datetime.combine(MIDNIGHT, time, UTC)
    by_day = {"asked_at": (DAY,), "effective_at": (None, DAY), "row": (None, None, DAY)}[given_as]
    by_moment = {"asked_at": (moment,), "effective_at": (None, moment), "row": (None, None, moment)}[given_as]
    for kind in WITHDRAWALS:
        assert times(kind, *by_day).effective_at >= times(Kind.OPT_IN, *by_moment).effective_at
        assert times(kind, *by_moment).effective_at >= times(Kind.OPT_IN, *by_day).effective_at


def test_nothing_was_wished_after_its_receipt() -> None:
    today = Day(2026, 11, 20, tzinfo=UTC)
    assert times(Kind.ERASURE, today).effective_at == NOON
    assert times(Kind.OPT_IN, today).effective_at == datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(("hours", "ahead"), [(-100, False), (0, False), (13, False), (15, True)])
def test_a_day_is_ahead_when_it_has_begun_nowhere_on_earth(hours: int, ahead: bool) -> None:
    assert (possible_from(DAY) > MIDNIGHT - timedelta(hours=hours)) is ahead
    rows = AskedInRows()
    rows.add(1, DAY)
    assert rows.possible_from == possible_from(DAY)


def test_a_day_is_another_answer_than_its_first_moment() -> None:
    rows = [AskedInRows() for _ in range(3)]
    for one, moment in zip(rows, (DAY, MIDNIGHT, MIDNIGHT.astimezone(timezone(timedelta(hours=9)))), strict=True):
        one.add(1, moment)
    assert rows[0].digest() != rows[1].digest() == rows[2].digest()
    assert all(
        earlier < later for earlier, later in pairwise([begin_of(DAY), end_of(DAY), MIDNIGHT + timedelta(days=1)])
    )


@pytest.mark.parametrize("field", ["asked_at", "effective_at"])
def test_every_way_in_takes_a_day(field: str) -> None:
    body = json.dumps({"kind": "erasure", "subjects": [{"user_id": "u-1"}], field: "2026-11-01"})
    found = [
        getattr(NewRequest.model_validate_json(body), field),
        getattr(Payload.model_validate_json(body), field),
        SUBJECT.validate_json('{"user_id": "u-1", "asked_at": "2026-11-01"}')["asked_at"],
        SUBJECT.validate_python({"user_id": "u-1", "asked_at": "2026-11-01"})["asked_at"],
        read_day_or_moment(f"--{field}", "2026-11-01"),
    ]
    assert all(isinstance(one, Day) and one == DAY for one in found)


@each_row(
    "bad",
    ["2026-02-30", "2026-13-01", "2026-11", "20261101", "26-11-01", "2026-11-01 ", "2026-11-01T10:00", "", "today"],
)
def test_what_is_no_day_is_refused_with_what_to_write(bad: str) -> None:
    with pytest.raises(CommandError, match=r"--asked-at must be .*2026-05-25T00:00:00Z, or a day, as in 2026-05-25"):
        read_day_or_moment("--asked-at", bad)
    if bad:
        with pytest.raises(ValueError, match="or a day, as in 2026-05-25"):
            SUBJECT.validate_python({"user_id": "u-1", "asked_at": bad})
