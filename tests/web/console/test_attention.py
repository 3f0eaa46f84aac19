"""Attention and vendors: what waits by cause, deeds over all of it, and what is done to a vendor."""

import re
from collections.abc import Callable

import pytest

from domain.by_hand import ByHand
from domain.outcomes import Reason
from ledger.delivery import restored, steps, traffic
from tasks.by_hand import announce as announce_by_hand
from tests.ledger.conftest import Desk, people
from tests.ledger.endings import end
from tests.web.conftest import Rows
from tests.web.console.conftest import SignIn

WHY = "done by support"


@pytest.fixture(autouse=True)
def vendors(served: Callable[..., None]) -> None:
    served("dfinery", "insider")


def wait(desk: Desk, outcome: str = "exhausted", reason: str = "server_error", vendor: str = "dfinery") -> None:
    """Three requests of two people, in which everybody waits at one vendor."""
    for _ in range(3):
        desk.submit(people(2))
    end(desk, outcome, reason, vendor=vendor)
    end(desk, "accepted", None)


def test_each_cause_says_what_to_do_and_nothing_of_the_command_line(sign_in: SignIn, desk: Desk) -> None:
    wait(desk, "refused", "rejected", "insider")
    browser = sign_in("operator")
    page = browser.get("/attention").text
    assert "insider: refused by the vendor" in page
    assert "6 deliveries wait for a person, for 1 cause" in page
    assert "3 requests" in page
    assert "--reason" not in page
    reader = sign_in("reader").get("/attention").text
    assert "insider: refused by the vendor" in reader
    assert "<form class" not in reader.replace('<form class="who"', "")


def test_a_deed_is_done_to_all_that_match_and_shows_its_progress(sign_in: SignIn, desk: Desk, rows: Rows) -> None:
    wait(desk)
    browser = sign_in("operator")
    answer = browser.post("/attention/retry", on="/attention", vendor="dfinery", reason="server_error")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/deeds/")
    page = browser.get(answer.headers["location"]).text
    assert "Done." in page
    assert "6 deliveries in 3 requests" in page
    assert "Nothing needs a person" in browser.get("/attention").text
    assert rows("SELECT by, deed, allowed FROM audit_entries WHERE deed = 'retry'") == [
        ("user:operator", "retry", True)
    ]


def test_all_of_a_cause_is_closed_by_hand_with_a_reason(sign_in: SignIn, desk: Desk, rows: Rows) -> None:
    wait(desk)
    browser = sign_in("operator")
    cause = {"vendor": "dfinery", "reason": "server_error"}
    assert browser.post("/attention/close", on="/attention", **cause, because="").status_code == 422
    assert not rows("SELECT FROM deeds")
    answer = browser.post("/attention/close", on="/attention", **cause, because=WHY)
    assert "6 deliveries in 3 requests" in browser.get(answer.headers["location"]).text
    assert rows("SELECT DISTINCT status FROM requests") == [("completed",)]


def test_a_cause_that_is_not_named_whole_is_nobodys(sign_in: SignIn, desk: Desk, rows: Rows) -> None:
    """Left out, a vendor or a reason would mean all of them."""
    wait(desk)
    browser = sign_in("operator")
    for fields in ({}, {"vendor": "dfinery"}, {"reason": "server_error"}, {"vendor": "dfinery", "reason": "nonsense"}):
        for deed in ("retry", "close"):
            assert browser.post(f"/attention/{deed}", on="/attention", **fields).status_code == 422, fields
    assert browser.post("/attention/retry", on="/attention", vendor="x", reason="busy").status_code == 422
    assert not rows("SELECT FROM deeds")


def test_who_cannot_be_found_is_led_to_the_requests(sign_in: SignIn, desk: Desk) -> None:
    wait(desk, "unreachable", "no_identifier", "insider")
    page = sign_in("operator").get("/attention").text
    assert len(set(re.findall(r'href="(/requests/[0-9a-f-]{36})"', page))) == 3
    assert "consent provide" not in page


def test_who_waits_at_the_vendor_for_something_else_is_not_meant(sign_in: SignIn, desk: Desk) -> None:
    lacking, refused = (desk.submit(people(1)).recorded.public_id for _ in range(2))
    end(desk, "unreachable", "no_identifier", [1], "insider")
    end(desk, "refused", "rejected", [2], "insider")
    end(desk, "accepted", None)
    page = sign_in("operator").get("/attention").text
    assert f"/requests/{lacking}" in page
    assert f"/requests/{refused}" not in page


def test_nothing_waits(sign_in: SignIn) -> None:
    assert "Nothing needs a person" in sign_in("reader").get("/attention").text


def test_a_vendor_is_held_resumed_switched_and_retired(sign_in: SignIn, desk: Desk, rows: Rows) -> None:
    desk.submit(people(2))
    browser = sign_in("operator")
    steps = [
        ("hold", {}, "insider is held", "Held: by hand"),
        ("resume", {}, "insider goes on", "Well"),
        ("off", {}, "insider is off", "Switched off"),
        ("on", {}, "insider is on", "Well"),
        ("retire", {"because": WHY}, "insider is retired; 2 deliveries ended as cancelled", "Retired"),
    ]
    for deed, fields, said, state in steps:
        answer = browser.post(f"/vendors/insider/{deed}", on="/vendors", **fields)
        assert (answer.status_code, answer.headers["location"]) == (303, "/vendors/insider"), deed
        page = browser.get("/vendors/insider").text
        assert said in page
        assert state in page
        assert state in browser.get("/vendors").text
    kept = [deed for (deed,) in rows("SELECT deed FROM audit_entries WHERE target = 'insider' ORDER BY id")]
    assert kept == [
        "POST /vendors/{name}/hold",
        "POST /vendors/{name}/resume",
        "vendor off",
        "vendor on",
        "vendor retire",
    ]


def test_the_card_says_what_is_done_and_what_is_not(sign_in: SignIn) -> None:
    page = sign_in("reader").get("/vendors/insider").text
    assert "What it cannot do" in page
    assert "Not reached:" in page
    assert "Retire" not in page
    assert "</form>" not in page.replace("</form>", "", 1), "a reader has the way out only"


def test_a_ledger_from_a_backup_is_the_first_thing_to_see_to(sign_in: SignIn, desk: Desk) -> None:
    with desk.engine.begin() as connection:
        assert restored.note(connection, 10, 20, b"r" * 32)
    browser = sign_in("operator")
    page = browser.get("/attention").text
    assert "Restored from a backup: every vendor is held" in page
    assert "Nothing needs a person" not in page
    assert "Held: restored from a backup" in browser.get("/vendors").text
    vendor = browser.get("/vendors/insider").text
    assert ("consent restored" in vendor, "/resume" in vendor) == (True, False)
    refused = browser.post("/vendors/insider/resume", on="/vendors/dfinery")
    assert (refused.status_code, "consent restored" in refused.text) == (409, True)


def test_a_recipient_without_an_api_has_a_card_too(sign_in: SignIn, desk: Desk) -> None:
    with desk.engine.begin() as connection:
        announce_by_hand(
            connection, {"printshop": ByHand("Muster Print GmbH", ("email",), 5.0, "addresses", "strikes them out")}
        )
    reader = sign_in("reader")
    page = reader.get("/vendors/printshop").text
    for said in (
        "Muster Print GmbH",
        "A recipient without an API",
        "5 days of receipt",
        "addresses",
        "strikes them out",
    ):
        assert said in page
    assert "workers look for them" not in page
    assert "Muster Print GmbH" in reader.get("/vendors").text


def test_nobodys_vendor_and_who_may_not(sign_in: SignIn, rows: Rows) -> None:
    operator, reader, submitter = (sign_in(role) for role in ("operator", "reader", "submitter"))
    assert operator.get("/vendors/acme").status_code == 404
    for deed in ("hold", "resume", "on", "off", "retire"):
        fields = {"because": WHY} if deed == "retire" else {}
        assert operator.post(f"/vendors/acme/{deed}", **fields).status_code == 404, deed
        for browser in (reader, submitter):
            assert browser.post(f"/vendors/insider/{deed}", **fields).status_code == 403, deed
    for deed in ("retry", "close"):
        for browser in (reader, submitter):
            assert browser.post(f"/attention/{deed}", vendor="dfinery", reason="busy").status_code == 403
    assert rows("SELECT count(*) FROM vendors WHERE held_at IS NULL AND enabled") == [(2,)]
    assert not rows("SELECT FROM deeds")


def test_a_recipient_without_an_api_is_asked_by_hand(sign_in: SignIn, desk: Desk, rows: Rows) -> None:
    with desk.engine.begin() as connection:
        announce_by_hand(connection, {"printshop": ByHand("Muster Print GmbH", ("email",), 5.0)})
    desk.submit(people(2), vendors=("printshop",))
    end(desk, "needs_action", "manual", vendor="printshop")
    browser = sign_in("operator")

    page = browser.get("/attention").text
    taken = browser.post("/recipients/printshop/list", on="/attention")
    assert "Note 2 deliveries as done" in page
    assert "Deliver all again" not in page
    assert taken.headers["content-type"].startswith("text/csv")
    assert taken.headers["cache-control"] == "no-store"
    assert [line.split(",")[-1] for line in taken.text.splitlines()[1:]] == [
        "jane-00001@private.example",
        "jane-00002@private.example",
    ]
    assert browser.post("/recipients/insider/list", on="/attention").status_code == 404
    assert sign_in("reader").post("/recipients/printshop/list", on="/attention").status_code == 403
    answer = browser.post(
        "/attention/close", on="/attention", vendor="printshop", reason="manual", because="letter of May"
    )
    assert "2 deliveries in 1 request" in browser.get(answer.headers["location"]).text
    assert rows("SELECT status FROM requests") == [("completed",)]
    assert rows("SELECT DISTINCT CAST(outcome AS text), reason FROM outcomes WHERE round = 2") == [
        ("accepted", "done_by_hand")
    ]
    assert rows("SELECT by, target FROM audit_entries WHERE target = 'printshop' AND allowed") == [
        ("user:operator", "printshop")
    ]


def test_a_vendors_page_tells_its_pace_and_what_it_answers_as_classes(sign_in: SignIn, desk: Desk) -> None:
    ((number,),) = desk.rows("SELECT id FROM vendors WHERE name = 'dfinery'")
    with desk.engine.begin() as connection:
        traffic.describe_limits(connection, {"dfinery": {"": 600.0}})
        told = {"vendor": "dfinery", "bucket": "", "answer": "5xx", "answers": 150, "units": 150.0}
        traffic.note_answers(connection, [told])
        steps.strike(connection, number, "flags", Reason.SERVER_ERROR, weight=1, refused=(), limit=5, interval_s=10)
    reader = sign_in("reader")
    for path in ("/vendors/dfinery", "/vendors/dfinery/live"):
        page = reader.get(path).text
        assert "150 of 600 a minute" in page
        assert "Failed (5xx)" in page
    assert "Failing: server error at flags" in reader.get("/vendors/dfinery").text
    assert "150 of 600" in reader.get("/vendors").text
    assert reader.get("/vendors/acme/live").status_code == 404
    assert sign_in("submitter").get("/vendors/dfinery/live").status_code == 403
