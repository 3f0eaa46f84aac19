"""Answers and reports over HTTP: for whom, in which form, and what is put on record."""

from collections.abc import Callable
from datetime import UTC

import httpx
import pytest

from answers import pdf
from tests.ledger.conftest import Desk, _loop, desk, people  # noqa: F401 - fixtures
from tests.ledger.endings import end
from tests.web.conftest import Rows

Key = Callable[..., dict[str, str]]


@pytest.fixture
def answered(desk: Desk, client: httpx.Client) -> str:  # noqa: F811 - the fixture
    """A request of two people by `key:shop`; at insider one was refused."""
    public_id = desk.submit(people(2), submitted_by="key:shop").recorded.public_id
    end(desk, "refused", "rejected", vendor="insider", upto=1)
    end(desk, "accepted", None)
    return str(public_id)


@pytest.fixture
def day(answered: str, rows: Rows) -> str:
    """On which that request came: midnight may be over since."""
    ((at,),) = rows("SELECT received_at FROM requests")
    return str(at.astimezone(UTC).date())


def kept(rows: Rows) -> list[tuple[object, ...]]:
    return rows("SELECT by, deed, target, allowed FROM audit_entries WHERE deed LIKE '%/answer' ORDER BY id")


def test_every_form_of_an_answer(client: httpx.Client, answered: str, rows: Rows) -> None:
    at = f"/v1/requests/{answered}/answer"
    told = client.get(at, params={"for": "regulator", "lang": "tr"}).json()
    assert (told["people"], told["lang"], told["for"]) == (2, "tr", "regulator")
    page = client.get(at, params={"format": "html", "lang": "ko"})
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-language"] == "ko"
    assert "'unsafe" not in page.headers["content-security-policy"]
    made = client.get(at, params={"format": "pdf"})
    assert made.headers["content-disposition"] == f'attachment; filename="answer-{answered[:8]}-en.pdf"'
    assert made.content.startswith(b"%PDF-")
    assert made.headers["cache-control"] == "no-store"
    assert kept(rows) == []


def test_an_answer_about_a_person_is_on_record_and_masked(client: httpx.Client, answered: str, rows: Rows) -> None:
    told = client.get(f"/v1/requests/{answered}/answer", params={"line": 2})
    assert told.json()["person"]["email"] == "j•••@p•••.example"
    assert "jane" not in told.text
    assert [one["endings"][0]["outcome"] for one in told.json()["recipients"]] == ["accepted", "accepted"]
    assert [row[1:] for row in kept(rows)] == [("GET /v1/requests/{request_id}/answer", answered, True)]


def test_who_may_have_one(client: httpx.Client, answered: str, day: str, key: Key, rows: Rows) -> None:
    at, report = f"/v1/requests/{answered}/answer?line=1", f"/v1/report?from={day}&to={day}"
    assert httpx.get(f"{client.base_url}{at}").status_code == 401
    assert client.get(at, headers=key("submitter", "another")).status_code == 404
    assert client.get(at, headers=key("reader", "auditor")).status_code == 200
    assert [row[3] for row in kept(rows)] == [False, False, True]
    rows("UPDATE requests SET submitted_by = 'key:own'")
    own = key("submitter", "own")
    assert client.get(at, headers=own).status_code == 200
    assert client.get(report, headers=own).status_code == 403
    assert client.get(report, headers=key("reader", "dashboard")).status_code == 200


def test_what_cannot_be_answered(client: httpx.Client, answered: str, rows: Rows) -> None:
    at = f"/v1/requests/{answered}/answer"
    assert client.get(at, params={"line": 9}).json()["type"].endswith("no-such-person")
    assert client.get("/v1/requests/123e4567-e89b-42d3-a456-426614174000/answer").status_code == 404
    for bad in ({"lang": "xx"}, {"for": "me"}, {"format": "docx"}, {"line": 0}, {"lines": 1}):
        assert client.get(at, params=bad).status_code == 422, bad
    rows("DELETE FROM data_keys")
    forgotten = client.get(at, params={"line": 1})
    assert (forgotten.status_code, forgotten.json()["type"].rpartition(":")[2]) == (409, "no-answer")
    assert "forgotten" in forgotten.json()["detail"]
    assert client.get(at).json()["forgotten"] is True


def test_without_the_extra_the_api_says_how_to_have_it(
    client: httpx.Client, answered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf, "can_make_pdf", lambda: False)
    refused = client.get(f"/v1/requests/{answered}/answer", params={"format": "pdf"})
    assert refused.status_code == 409
    assert "consent-worker[pdf]" in refused.json()["detail"]


def test_a_report(client: httpx.Client, day: str) -> None:
    told = client.get("/v1/report", params={"from": day, "to": day}).json()
    assert told["requests"]["in_part"] == 1
    assert told["exceptions"][0]["reason"] == "rejected"
    table = client.get("/v1/report", params={"from": day, "to": day, "format": "csv"})
    assert table.headers["content-type"].startswith("text/csv")
    assert "exception,insider,refused,rejected,1" in table.text
    for bad in ({}, {"from": day}, {"from": "2026-02-30", "to": day}, {"from": "2020-01-01", "to": day}):
        assert client.get("/v1/report", params=bad).status_code == 422, bad
