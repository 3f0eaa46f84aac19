"""The answer to send back and the report, in the console."""

from collections.abc import Callable
from datetime import UTC
from uuid import UUID

import pytest

from tests.ledger.conftest import Desk, people
from tests.ledger.endings import end
from tests.web.conftest import Rows
from tests.web.console.conftest import SignIn


@pytest.fixture
def answered(served: Callable[..., None], desk: Desk) -> UUID:
    """Two people; at insider one was refused."""
    served("insider")
    public_id = desk.submit(people(2), submitted_by="key:shop").recorded.public_id
    end(desk, "refused", "rejected", vendor="insider", upto=1)
    end(desk, "accepted", None)
    return public_id


def test_the_page_of_a_request_leads_to_its_answer(sign_in: SignIn, answered: UUID, rows: Rows) -> None:
    browser = sign_in("reader")
    page = browser.get(f"/requests/{answered}").text
    assert f'action="/requests/{answered}/answer"' in page
    for part in ('name="for"', 'name="lang"', 'name="line"', 'value="pdf"', "Türkçe", "한국어"):
        assert part in page
    whole = browser.get(f"/requests/{answered}/answer?for=person&lang=de&line=&format=html")
    assert "<h1>Antwort auf Ihren Antrag auf Löschung</h1>" in whole.text
    assert "script" not in whole.headers["content-security-policy"]
    assert whole.headers["cache-control"] == "no-store"
    person = browser.get(f"/requests/{answered}/answer?for=person&lang=en&line=1&format=html").text
    assert "j•••@p•••.example" in person
    assert "jane" not in person
    assert "did not accept the record" in person
    kept = rows("SELECT by, target FROM audit_entries WHERE deed = 'GET /requests/{request_id}/answer'")
    assert kept == [("user:reader", str(answered))]
    assert browser.get(f"/requests/{answered}/answer?format=pdf").content.startswith(b"%PDF-")
    assert browser.get(f"/requests/{answered}/answer?line=77").status_code == 404
    assert browser.get(f"/requests/{answered}/answer?line=a").status_code == 422


def test_who_may_only_submit_has_answers_of_their_own_and_no_report(sign_in: SignIn, answered: UUID) -> None:
    browser = sign_in("submitter")
    assert browser.get(f"/requests/{answered}/answer").status_code == 404
    assert browser.get("/report").status_code == 403
    assert 'href="/report"' not in browser.get("/requests").text


@pytest.mark.usefixtures("answered")
def test_the_report(sign_in: SignIn, rows: Rows) -> None:
    browser = sign_in("reader")
    ((received_at,),) = rows("SELECT received_at FROM requests")
    today = received_at.astimezone(UTC).date().isoformat()  # also where midnight is over since
    page = browser.get("/report").text
    assert "1 request of 2 people" in page
    assert "Refused by the vendor" in page
    assert "GDPR" in page
    saved = browser.get(f"/report?from={today}&to={today}&format=csv")
    assert saved.headers["content-disposition"] == f'attachment; filename="report-{today}-{today}.csv"'
    assert "exception,insider,refused,rejected,1" in saved.text
    assert browser.get(f"/report?from={today}&to={today}&format=json").json()["requests"]["in_part"] == 1
    assert "No request was received" in browser.get("/report?from=2020-01-01&to=2020-01-31").text
    for bad in ("from=2026-02-02&to=2026-01-01", "from=2026-02-30&to=2026-03-01", "from=x"):
        assert browser.get(f"/report?{bad}").status_code == 422
