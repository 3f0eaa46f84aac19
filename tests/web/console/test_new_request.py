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


def test_all_that_can_be_said_of_it(sign_in: SignIn, rows: Rows) -> None:
    browser, reader = sign_in("operator"), sign_in("reader")
    more = {"not_before": "2026-12-02T08:30", "accept_unreachable": "on", "asked_at": "2026-11-20"}
    answer = browser.post("/new", on="/new", **JANE, **BOTH, **more, reference="Ticket jane@private.example")
    assert answer.status_code == 303, answer.text
    at = answer.headers["location"]
    assert "Ticket jane@private.example" in browser.get(at).text
    assert "Ticket" not in reader.get(at).text, "it may be somebody's name"
    assert rows("SELECT not_before = '2026-12-02T08:30Z' FROM requests") == [(True,)]
    assert rows("SELECT count(*) FROM notes WHERE deed = 'accept'") == [(1,)]
    found = browser.post("/requests/find", on="/requests", id="ticket  JANE@private.example")
    assert (found.status_code, found.headers["location"]) == (303, at)
    assert browser.post("/requests/find", on="/requests", id="jane@private.example").status_code == 404
    browser.post("/new", on="/new", **JANE, **BOTH, reference="ticket jane@private.example")
    several = browser.post("/requests/find", on="/requests", id="Ticket jane@private.example")
    assert several.status_code == 200
    assert several.text.count('class="row-link"') == 2
    mine = sign_in("submitter").post("/requests/find", on="/requests", id="Ticket jane@private.example")
    assert mine.status_code == 404
    wrong = browser.post("/new", on="/new", **JANE, **BOTH, reference="\x07", not_before="soon")
    assert 'id="reference-wrong"' in wrong.text
    assert 'id="not_before-wrong"' in wrong.text


def test_an_opt_in_of_who_was_erased_says_so(sign_in: SignIn) -> None:
    browser = sign_in("operator")
    first = browser.post("/new", on="/new", **JANE, **BOTH)
    assert "erased before" not in browser.get(first.headers["location"]).text
    again = browser.post("/new", on="/new", **{**JANE, "kind": "opt_in"}, **BOTH)
    assert "1 person was erased before: line 1" in browser.get(again.headers["location"]).text
