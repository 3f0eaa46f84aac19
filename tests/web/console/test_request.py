"""The page of a request: what it tells, whom it shows, and what can be done on it."""

import re
from collections.abc import Callable
from uuid import UUID

import pytest

from domain.requests import Kind
from ledger.delivery.vendors import hold
from tests.ledger.conftest import Desk, people
from tests.ledger.endings import end
from tests.ledger.given_up import give_up_master_key
from tests.web.conftest import Rows
from tests.web.console.conftest import SignIn
from web.console import request

WHY = "as the vendor's support wrote"


@pytest.fixture(autouse=True)
def vendors(served: Callable[..., None]) -> None:
    served("dfinery", "insider")


@pytest.fixture
def waiting(desk: Desk) -> UUID:
    """Four people: at insider two were refused, at dfinery all still fail."""
    submitted = desk.submit(people(4), submitted_by="key:shop").recorded.public_id
    end(desk, "refused", "rejected", vendor="insider", upto=2)
    end(desk, "exhausted", "server_error", vendor="dfinery")
    end(desk, "accepted", None)
    return submitted


def test_it_says_what_keeps_what_is_pending(sign_in: SignIn, desk: Desk) -> None:
    submitted = desk.submit(people(2)).recorded.public_id
    reader = sign_in("reader")
    assert "what is pending waits" not in reader.get(f"/requests/{submitted}").text
    with desk.engine.begin() as connection:
        hold(connection, "dfinery", "cli:ann")
    desk.execute("UPDATE vendors SET served_at = NULL WHERE name = 'insider'")
    for path in ("", "/live", "/whole"):
        page = reader.get(f"/requests/{submitted}{path}").text
        assert "Held (by hand): what is pending waits" in page
        assert "Nobody has looked for its deliveries in the last minute." in page
    end(desk, "accepted", None)
    assert "what is pending waits" not in reader.get(f"/requests/{submitted}/live").text


def test_what_is_too_much_for_a_page_is_counted_when_asked_for(
    sign_in: SignIn, waiting: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request, "COUNTED_AT_ONCE", 5)
    reader = sign_in("reader")
    page = reader.get(f"/requests/{waiting}").text
    assert "6 deliveries wait for somebody." in page
    assert "Ask the vendor what is wrong with these" not in page
    link = re.search(r'<a href="([^"]*)#causes">Count them by cause', page)
    assert link
    assert "Ask the vendor what is wrong with these" in reader.get(link[1]).text
    monkeypatch.setattr(request, "COUNTED_AT_ONCE", 6)
    assert "Ask the vendor what is wrong with these" in reader.get(f"/requests/{waiting}").text


def test_it_tells_how_it_stands_at_each_vendor_in_plain_words(sign_in: SignIn, waiting: UUID) -> None:
    page = sign_in("reader").get(f"/requests/{waiting}").text
    assert "<h1>Erasure of 4 people</h1>" in page
    assert "Completed, with exceptions" in page
    assert 'aria-label="dfinery: Still failing, given up: 4"' in page
    assert 'aria-label="insider: ' in page
    assert "Ask the vendor what is wrong with these" in page
    assert "Not known to be done" in page
    assert "GDPR" in page


def test_people_are_masked_until_somebody_asks_which_is_on_record(sign_in: SignIn, waiting: UUID, rows: Rows) -> None:
    browser = sign_in("operator")
    page = browser.get(f"/requests/{waiting}").text
    assert "jane-0000" not in page
    assert "private.example" not in page
    assert "j•••@p•••.example" in page
    asked = browser.post(f"/requests/{waiting}/people", on=f"/requests/{waiting}")
    assert asked.status_code == 200
    assert "jane-00001@private.example" in asked.text
    assert asked.headers["cache-control"] == "no-store"
    kept = rows("SELECT by, deed, target, allowed FROM audit_entries ORDER BY id DESC LIMIT 1")
    assert kept == [("user:operator", "POST /requests/{request_id}/people", str(waiting), True)]


def test_a_reader_cannot_ask_for_identifiers(sign_in: SignIn, waiting: UUID) -> None:
    browser = sign_in("reader")
    page = browser.get(f"/requests/{waiting}").text
    assert "Show identifiers" not in page
    refused = browser.post(f"/requests/{waiting}/people", on=f"/requests/{waiting}")
    assert refused.status_code == 403
    assert "jane" not in refused.text


def test_a_part_of_the_people_is_shown_by_vendor_and_outcome(sign_in: SignIn, waiting: UUID) -> None:
    browser = sign_in("reader")
    page = browser.get(f"/requests/{waiting}?vendor=insider&outcome=refused").text
    table = page[page.index("Since</th>") :]
    assert table.count("<tr>") >= 2
    assert "dfinery" not in table[: table.index("</table>")]
    assert browser.get(f"/requests/{waiting}?vendor=nobody").status_code == 200
    assert browser.get(f"/requests/{waiting}?outcome=%3Cb%3E").status_code == 422


def test_many_people_are_shown_page_by_page(sign_in: SignIn, desk: Desk) -> None:
    submitted = desk.submit(people(30), vendors=("insider",)).recorded.public_id
    browser = sign_in("reader")
    lines: list[str] = []
    path = f"/requests/{submitted}"
    for _ in range(2):
        page = browser.get(path).text
        lines += re.findall(r'<td class="number">(\d+)</td>', page)
        more = re.search(r'href="([^"]*after=[^"]+)#people"', page)
        path = more[1].replace("&amp;", "&") if more else ""
    assert lines == [str(line) for line in range(1, 31)]
    assert not path


DEEDS: dict[str, tuple[dict[str, str], str]] = {
    "retry": ({"vendor": "dfinery", "reason": "server_error"}, "4 deliveries go out again."),
    "close": ({"vendor": "insider", "reason": "rejected", "because": WHY}, "2 deliveries closed by hand."),
    "extend": ({"count": "1", "unit": "months", "because": "many at once"}, "Tell the people."),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_a_deed_is_done_once_said_and_kept(sign_in: SignIn, waiting: UUID, deed: str, rows: Rows) -> None:
    browser = sign_in("operator")
    fields, said = DEEDS[deed]
    answer = browser.post(f"/requests/{waiting}/{deed}", on=f"/requests/{waiting}", **fields)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/requests/{waiting}")
    page = browser.get(f"/requests/{waiting}").text
    assert said in page
    assert said not in browser.get(f"/requests/{waiting}").text, "said once"
    assert rows("SELECT by, deed FROM notes") == [("user:operator", deed)]
    assert rows("SELECT by, target FROM audit_entries WHERE deed LIKE :deed", deed=f"%/{deed}") == [
        ("user:operator", str(waiting))
    ]


def test_who_cannot_be_found_is_accepted(sign_in: SignIn, desk: Desk) -> None:
    submitted = desk.submit(people(2), vendors=("insider",)).recorded.public_id
    end(desk, "unreachable", "no_identifier")
    browser = sign_in("operator")
    assert "Accept for 2 deliveries" in browser.get(f"/requests/{submitted}").text
    answer = browser.post(f"/requests/{submitted}/accept", on=f"/requests/{submitted}", vendor="insider", because=WHY)
    assert answer.status_code == 303
    page = browser.get(f"/requests/{submitted}").text
    assert "2 deliveries stay as they are" in page
    assert WHY.replace("'", "&#39;") in page
    assert "Needs a person" not in page


def test_a_request_is_confirmed_by_a_second_person_and_cancelled(sign_in: SignIn, desk: Desk) -> None:
    submitted = desk.submit(people(1), submitted_by="user:ann").recorded.public_id
    desk.execute("UPDATE requests SET status = 'unconfirmed'")
    ann, bob = sign_in("operator", "ann"), sign_in("operator", "bob")
    at = f"/requests/{submitted}"
    assert "Let it run" not in ann.get(at).text
    assert "Let it run" in bob.get(at).text
    assert ann.post(f"{at}/confirm", on=at).status_code == 409
    assert bob.post(f"{at}/confirm", on=at).status_code == 303
    assert "The request runs." in bob.get(at).text
    assert ann.post(f"{at}/cancel", on=at).status_code == 303
    assert "Cancelled: 2 deliveries not sent" in ann.get(at).text
    assert "Cancel the request" not in ann.get(at).text


REFUSED: dict[str, tuple[str, dict[str, str], int]] = {
    "no reason": ("close", {"vendor": "insider", "because": ""}, 422),
    "a person in the reason": ("close", {"vendor": "insider", "because": "jane@private.example asked"}, 422),
    "no such vendor": ("retry", {"vendor": "nobody"}, 409),
    "an odd period": ("extend", {"count": "-1", "unit": "months", "because": WHY}, 422),
    "people who are still needed": ("forget", {"because": WHY}, 409),
    "an odd unit": ("extend", {"count": "1", "unit": "years", "because": WHY}, 422),
    "an unknown field": ("retry", {"surprise": "1"}, 422),
}


def test_what_cannot_be_done_is_refused_and_changes_nothing(sign_in: SignIn, waiting: UUID, rows: Rows) -> None:
    before = rows("SELECT count(*) FROM outcomes")
    browser = sign_in("operator")
    for case, (deed, fields, status) in REFUSED.items():
        answer = browser.post(f"/requests/{waiting}/{deed}", on=f"/requests/{waiting}", **fields)
        assert answer.status_code == status, case
        assert "jane@" not in answer.text
    assert rows("SELECT count(*) FROM outcomes") == before
    assert not rows("SELECT FROM notes")


def test_a_request_whose_master_key_was_given_up_still_shows_what_is_left(
    sign_in: SignIn, desk: Desk, waiting: UUID, rows: Rows
) -> None:
    called = desk.submit(people(1), kind=Kind.OPT_OUT, reference="DSR 7").recorded.public_id
    give_up_master_key(rows)
    browser = sign_in("operator")
    for path in (f"/requests/{waiting}", f"/requests/{waiting}/whole", f"/requests/{called}"):
        page = browser.get(path)
        assert page.status_code == 200, path
        assert "Its people cannot be read" in page.text
        assert '<span class="quiet">cannot be read</span>' in page.text
        assert "Show identifiers" not in page.text
        assert "DSR 7" not in page.text
    asked = browser.post(f"/requests/{waiting}/people", on=f"/requests/{waiting}")
    assert asked.status_code == 200
    assert "Its people cannot be read" in asked.text
    assert browser.post(f"/requests/{waiting}/close", vendor="insider", because=WHY).status_code == 303


def test_people_are_forgotten_once_nobody_needs_them(sign_in: SignIn, desk: Desk, rows: Rows) -> None:
    public_id = desk.submit(people(2)).recorded.public_id
    browser, at = sign_in("operator"), f"/requests/{desk.submit(people(2)).recorded.public_id}"
    assert "Forget its people" not in browser.get(at).text, "it runs"
    assert browser.post(f"{at}/cancel", on=at).status_code == 303
    assert "Forget its people" in browser.get(at).text
    assert browser.post(f"{at}/forget", on=at, because=WHY).status_code == 303
    page = browser.get(at).text
    assert "Its people are forgotten. How many ended how stays on record." in page
    assert "Forget its people" not in page
    assert rows("SELECT public_id FROM requests JOIN data_keys ON request_id = id") == [(public_id,)], "no other one is"


def test_deeds_are_refused_to_who_may_not(sign_in: SignIn, waiting: UUID, rows: Rows) -> None:
    before = rows("SELECT count(*), max(settled_at) FROM outcomes")
    for role in ("reader", "submitter"):
        browser = sign_in(role)
        for deed in ("retry", "close", "accept", "confirm", "extend", "cancel", "forget", "people", "provide"):
            answer = browser.post(f"/requests/{waiting}/{deed}")
            assert answer.status_code in {403, 404}, (role, deed)
            assert "jane" not in answer.text
            assert rows("SELECT allowed FROM audit_entries ORDER BY id DESC LIMIT 1") == [(False,)], (role, deed)
    assert rows("SELECT count(*), max(settled_at) FROM outcomes") == before


def test_a_submitter_sees_and_cancels_their_own_only(sign_in: SignIn, desk: Desk, waiting: UUID) -> None:
    own = desk.submit(people(1), kind=Kind.OPT_OUT, submitted_by="user:submitter").recorded.public_id
    browser = sign_in("submitter")
    assert browser.get(f"/requests/{waiting}").status_code == 404
    page = browser.get(f"/requests/{own}").text
    assert "Cancel the request" in page
    assert "Put off" not in page
    assert "jane-00001" in browser.post(f"/requests/{own}/people", on=f"/requests/{own}").text
    assert browser.post(f"/requests/{own}/cancel", on=f"/requests/{own}").status_code == 303
