"""People lose the date of their own record on the way in, and the record of all dates is whole."""

from datetime import UTC, datetime, timedelta
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from domain.deadlines import AskedInRows
from domain.requests import Subject
from tasks.dated_people import undated

NOON = datetime(2026, 5, 25, 12, tzinfo=UTC)
DATE = st.none() | st.integers(0, 90).map(lambda days: NOON + timedelta(days=days))
PERSON = st.fixed_dictionaries({"user_id": st.sampled_from("abc")}, optional={"asked_at": DATE})


@given(st.lists(PERSON, max_size=5), st.integers(0, 250), st.lists(PERSON, max_size=5))
def test_whichever_of_many_say_when_they_asked(first: list[Subject], others: int, last: list[Subject]) -> None:
    people = [*first, *[cast(Subject, {"user_id": "plain"})] * others, *last]
    rows, expected = AskedInRows(), AskedInRows()

    assert list(undated(people, rows)) == [{"user_id": person["user_id"]} for person in people]

    for line, person in enumerate(people, start=1):
        if asked_at := person.get("asked_at"):
            expected.add(line, asked_at)
        else:
            expected.undated = True
    assert (rows.earliest, rows.latest, rows.undated) == (expected.earliest, expected.latest, expected.undated)
    assert rows.digest() == expected.digest()
