"""A request for one person, by the form."""

from collections.abc import Callable

import pytest

from tests.web.conftest import Rows
from tests.web.console.conftest import SignIn

JANE = {"kind": "erasure", "email": "jane@private.example"}
BOTH = {"vendor.dfinery": "on", "vendor.insider": "on"}


@pytest.fixture(autouse=True)
def vendors(served: Callable[..., None]) -> None:
    served("dfinery", "insider")


def test_a_request_is_on_record_and_its_page_follows(sign_in: SignIn, rows: Rows, woken: list[str]) -> None:
    browser = sign_in("submitter")
    more = {"asked_at": "2026-11-01", "effective_at": "2026-10-31", "regulation": "kvkk"}
    answer = browser.post("/new", on="/new", **JANE, **BOTH, **more)
    assert answer.status_code == 303
    assert "jane" not in answer.headers["location"]
    page = browser.get(answer.headers["location"]).text
    assert "The request is on record." in page
    assert "<h1>Erasure of 1 person</h1>" in page
    assert "KVKK" in page
    assert "jane@" not in page
    ((kind, by, asked),) = rows("SELECT kind, submitted_by, CAST(CAST(asked_at AS date) AS text) FROM requests")
    assert (kind, by, asked) == ("erasure", "user:submitter", "2026-11-01")
    assert sorted({*woken}) == ["dfinery", "insider"]
    assert "jane" not in str(rows("SELECT CAST(audit_entries AS text) FROM audit_entries"))


def test_only_the_chosen_vendors(sign_in: SignIn, rows: Rows) -> None:
    sign_in("operator").post("/new", on="/new", **JANE, **{"vendor.insider": "on"})
    assert rows("SELECT name FROM requests JOIN vendors ON vendors.id = ANY(vendor_ids)") == [("insider",)]


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "nobody": ({"kind": "erasure", **BOTH}, "has no identifier"),
    "no e-mail address": ({"kind": "erasure", "email": "jane", **BOTH}, 'id="email-wrong"'),
    "a number without its country": ({"kind": "erasure", "phone_number": "0301234", **BOTH}, 'id="phone_number-wrong"'),
    "no vendor": ({**JANE}, "choose one vendor at least"),
    "no kind": ({"email": "jane@private.example", **BOTH}, "say what is asked for"),
    "an odd kind": ({**JANE, "kind": "praise", **BOTH}, "say what is asked for"),
    "no such day": ({**JANE, **BOTH, "asked_at": "2026-02-31"}, 'id="asked_at-wrong"'),
    "no such law": ({**JANE, **BOTH, "regulation": "murphy"}, "is not a known law"),
    "a placeholder": ({"kind": "erasure", "user_id": "null", **BOTH}, 'id="user_id-wrong"'),
}


def test_what_is_wrong_stands_beside_its_field_and_nothing_is_recorded(sign_in: SignIn, rows: Rows) -> None:
    browser = sign_in("operator")
    for case, (fields, said) in WRONG.items():
        answer = browser.post("/new", on="/new", **fields)
        assert answer.status_code == 422, case
        assert said in answer.text, case
        assert 'role="alert"' in answer.text
    assert not rows("SELECT FROM requests")


def test_the_form_says_where_the_person_can_be_found(sign_in: SignIn, rows: Rows) -> None:
    browser = sign_in("operator")
    part = browser.post("/new/reach", on="/new", **JANE, **BOTH).text
    assert part.count("<li>") == 2
    assert part.count("the person can be looked for there") == 1
    assert "needs " in part
    assert "jane" not in part
    nobody = browser.post("/new/reach", on="/new", kind="erasure", **BOTH).text
    assert "looked for there" not in nobody
    assert not rows("SELECT FROM audit_entries WHERE deed LIKE '%reach'")


def test_who_may_not_submit_has_no_form(sign_in: SignIn, rows: Rows) -> None:
    browser = sign_in("reader")
    assert browser.get("/new").status_code == 403
    assert browser.post("/new", on="/requests", **JANE, **BOTH).status_code == 403
    assert 'href="/new"' not in browser.get("/requests").text
    assert not rows("SELECT FROM requests")
