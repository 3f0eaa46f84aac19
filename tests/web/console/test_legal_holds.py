"""Legal holds in the console: added, listed, released, and what they withhold beside what needs a person."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from domain.requests import Subject
from tests.ledger.conftest import APPLIED, Desk, everybody
from tests.web.conftest import Rows
from tests.web.console.conftest import SignIn

HERE = "/settings/legal-holds"
ANN: Subject = {"user_id": "ann-1", "email": "ann@private.example"}
GIVEN = {"user_id": "ann-1", "reason": "litigation", "because": "case 12"}


@pytest.fixture(autouse=True)
def vendors(served: Callable[..., None]) -> None:
    served("insider")


def test_a_hold_is_added_withholds_and_is_released(sign_in: SignIn, desk: Desk, rows: Rows) -> None:
    browser = sign_in("operator")
    assert "Nobody&#39;s data is kept" in browser.get(HERE).text.replace("'", "&#39;")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    assert browser.post(HERE, on=HERE, **GIVEN, until=tomorrow).status_code == 303
    page = browser.get(HERE).text
    assert "1: Legal claims" in page
    assert "case 12" in page
    assert "ann-1" not in page
    assert "0 deliveries" in page
    desk.submit([ANN], vendors=("insider",))
    desk.work_off(desk.tools_for(everybody(APPLIED)))
    assert "1 delivery</dd>" in browser.get(HERE).text
    attention = sign_in("reader").get("/attention").text
    assert "Kept by legal holds" in attention
    assert "insider: 1 delivery in 1 request" in attention
    assert "Nothing needs a person" in attention
    assert browser.post(f"{HERE}/1/release", on=HERE, because="settled").status_code == 303
    ended = browser.get(HERE).text
    assert "settled" in ended
    assert "Release legal hold" not in ended
    assert browser.post(f"{HERE}/1/release", on=HERE, because="settled").status_code == 404
    assert rows("SELECT deed FROM audit_entries WHERE deed LIKE 'legal-hold%' ORDER BY id") == [
        ("legal-hold add",),
        ("legal-hold release",),
    ]
    assert rows("SELECT outcome FROM outcomes ORDER BY round") == [("withheld",), ("pending",)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"user_id": ""}, "has no identifier"),
        ({"email": "nobody"}, 'id="email-wrong"'),
        ({"reason": "spite"}, "choose why"),
        ({"because": "ann@private.example"}, "names a person"),
        ({"until": "2020-01-01"}, "must be still to come"),
        ({"until": "soon"}, 'id="until-wrong"'),
        ({"until": "9999-12-31"}, "must lie between the years 1900 and 3000"),
    ],
)
def test_what_cannot_be_a_hold_is_told_beside_its_field(
    sign_in: SignIn, rows: Rows, change: dict[str, str], said: str
) -> None:
    refused = sign_in("operator").post(HERE, on=HERE, **{**GIVEN, **change})
    assert refused.status_code == 422
    assert said in refused.text
    assert rows("SELECT count(*) FROM legal_holds") == [(0,)]


def test_who_may_only_read_is_not_offered_the_forms(sign_in: SignIn) -> None:
    reader = sign_in("reader")
    assert "Keep the data of a person" not in reader.get(HERE).text
    assert reader.post(HERE, on="/attention", **GIVEN).status_code == 403
