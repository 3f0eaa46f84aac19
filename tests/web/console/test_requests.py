"""The overview and the list of requests."""

import re
from collections.abc import Callable
from uuid import UUID

import pytest

from domain.requests import Kind
from tests.ledger.conftest import Desk, people
from tests.ledger.endings import end
from tests.web.conftest import Rows
from tests.web.console.conftest import SignIn


@pytest.fixture(autouse=True)
def vendors(served: Callable[..., None]) -> None:
    served("dfinery", "insider")


def submit(desk: Desk, kind: Kind = Kind.ERASURE, by: str = "key:shop", count: int = 1) -> UUID:
    return desk.submit(people(count), kind=kind, submitted_by=by).recorded.public_id


def shown(page: str) -> set[UUID]:
    return {UUID(found) for found in re.findall(r'href="/requests/([0-9a-f-]{36})"', page)}


def test_a_newcomer_sees_three_steps(sign_in: SignIn) -> None:
    page = sign_in("operator").get("/").text
    assert "Three steps to the first request" in page
    assert "2 vendors ready: dfinery, insider" in page
    assert 'href="/new"' in page
    assert 'href="/new"' not in sign_in("reader").get("/").text


def test_the_overview_tells_what_needs_a_person_what_is_due_and_what_runs(sign_in: SignIn, desk: Desk) -> None:
    running = submit(desk, count=3)
    desk.execute("UPDATE requests SET due_at = now() + interval '1 day'")
    end(desk, "refused", "rejected", vendor="insider", upto=2)
    page = sign_in("operator").get("/").text
    assert "Refused by the vendor" in page
    assert "At risk of being late" in page
    assert page.count(f"/requests/{running}") >= 3
    assert "33 %" in page
    desk.execute("UPDATE vendors SET held_at = now(), held_reason = 'server_error', held_by = 'worker'")
    assert "Held: server error" in sign_in("reader").get("/").text


def test_of_many_vendors_the_overview_shows_those_that_are_not_well_first(
    sign_in: SignIn, desk: Desk, served: Callable[..., None]
) -> None:
    served(*(f"partner_{n:02}" for n in range(20)))
    desk.execute("UPDATE vendors SET held_at = now(), held_reason = 'by_hand', held_by = 'x' WHERE name = 'partner_19'")
    submit(desk)
    page = sign_in("reader").get("/").text
    names = re.findall(r'class="tile-name">([^/]*)</span>', page)
    assert (len(names), names[0]) == (12, "partner_<wbr>19")
    assert "And 10 more vendors, all well." in page
    assert "<h1>partner_<wbr>19</h1>" in sign_in("operator").get("/vendors/partner_19").text


FILTERS: dict[str, Callable[[dict[str, UUID]], set[UUID]]] = {
    "": lambda ids: set(ids.values()),
    "?kind=erasure": lambda ids: {ids["done"], ids["late"]},
    "?kind=&status=&due=": lambda ids: set(ids.values()),
    "?status=completed": lambda ids: {ids["done"]},
    "?kind=opt_in&status=running": lambda ids: {ids["in"]},
    "?due=over": lambda ids: {ids["late"]},
    "?due=week": lambda ids: {ids["late"]},
    "?submitter=me": lambda ids: {ids["in"]},
    "?submitter=000000000000": lambda ids: set(),
    "?received_from=2020-01-01&received_to=2020-12-31": lambda ids: {ids["late"]},
    "?received_from=2021-01-01": lambda ids: {ids["done"], ids["in"]},
    "?received_from=2021-02-31": lambda ids: set(ids.values()),
}


def test_filters_live_in_the_address_and_the_count_is_of_what_is_meant(sign_in: SignIn, desk: Desk, rows: Rows) -> None:
    ids = {"done": submit(desk)}
    end(desk, "accepted", None)
    ids |= {"in": submit(desk, Kind.OPT_IN, "user:operator"), "late": submit(desk)}
    rows(
        "UPDATE requests SET received_at = '2020-06-01', due_at = now() - interval '1 hour' WHERE public_id = :id",
        id=ids["late"],
    )
    browser = sign_in("operator")
    for query, meant in FILTERS.items():
        page = browser.get(f"/requests{query}").text
        assert shown(page) == meant(ids), query
        counted = re.search(r'class="scope" role="status">(\d+) request', page)
        assert counted, query
        assert int(counted[1]) == len(meant(ids)), query


ODD = ("?kind=nonsense", "?status=loading", "?misspelt=1", "?kind=erasure&kind=opt_in", "?after=x")


def test_an_odd_address_says_what_is_wrong(sign_in: SignIn) -> None:
    browser = sign_in("operator")
    for query in ODD:
        answer = browser.get(f"/requests{query}")
        assert answer.status_code in {400, 422}, query
        assert "<h1>" in answer.text
        assert "nonsense" not in answer.text


def test_pages_follow_each_other(sign_in: SignIn, desk: Desk) -> None:
    ids = {submit(desk) for _ in range(53)}
    browser = sign_in("reader")
    first = browser.get("/requests?kind=erasure").text
    older = re.search(r'href="(/requests\?[^"]*after=[^"]+)"', first)
    assert older
    assert "kind=erasure" in older[1]
    second = browser.get(older[1].replace("&amp;", "&")).text
    assert len(shown(first)) == 50
    assert shown(first) | shown(second) == ids
    assert "53 requests" in first


def test_who_only_submits_sees_their_own(sign_in: SignIn, desk: Desk) -> None:
    others, own = submit(desk), submit(desk, by="user:submitter")
    browser = sign_in("submitter")
    for path in ("/", "/requests", "/requests?status=running"):
        assert shown(browser.get(path).text) == {own}
    assert browser.post("/requests/find", id=str(others)).status_code == 404
    assert browser.post("/requests/find", id=str(own)).headers["location"] == f"/requests/{own}"


NO_IDS = ("jane@private.example", "", "123e4567-e89b-42d3-a456-426614174000", "<b>hello</b>")


def test_what_is_no_id_leads_nowhere_and_stands_in_no_address(sign_in: SignIn, rows: Rows) -> None:
    browser = sign_in("operator")
    for given in NO_IDS:
        answer = browser.post("/requests/find", id=given)
        assert answer.status_code == 404, given
        assert not given or given not in answer.text
    assert "jane@" not in str(rows("SELECT CAST(audit_entries AS text) FROM audit_entries"))


def test_no_submitter_stands_in_an_address(sign_in: SignIn, desk: Desk) -> None:
    """Users may be called by their e-mail address."""
    mine = submit(desk, by="user:ann@private.example")
    browser = sign_in("operator", "ann@private.example")
    page = browser.get("/requests").text
    value = re.search(r'<option value="([0-9a-f]{12})">user:ann@private\.example', page)
    assert value
    assert shown(browser.get(f"/requests?submitter={value[1]}").text) == {mine}
    assert not re.search(r'(?:href|action)="[^"]*ann', page)
