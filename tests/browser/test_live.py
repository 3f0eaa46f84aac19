"""What is live in a real browser: streams and their limits, the end of a session, charts, and the page of the API."""

import pytest
from playwright.sync_api import Page

from ledger.desk import timeline
from tests.browser.conftest import OpenPage
from tests.browser.looking import look_at
from tests.browser.past import Past
from tests.ledger.conftest import Desk
from tests.ledger.endings import end
from web.access import gate

TABS = 10


def test_ten_tabs_are_live_and_clicks_go_through(open_page: OpenPage, past: Past, desk: Desk) -> None:
    watched = open_page("operator")
    page = watched.go(f"/requests/{past.running}")
    tabs = [page, *(_opened_from(page) for _ in range(TABS - 1))]
    held = page.evaluate("navigator.locks.query().then(all => all.held.map(one => one.name))")
    assert len(held) <= 3, "of the six connections to a host"
    assert held
    number = desk.one("SELECT id FROM requests WHERE public_id = :id", id=past.running)
    end(desk, "accepted", None, [number], "dfinery")
    for tab in tabs:
        tab.get_by_role("link", name="Accepted by the vendor 60").nth(1).wait_for()
    tabs[-1].get_by_role("link", name="Requests").first.click()
    tabs[-1].get_by_role("heading", name="Requests").wait_for()


def _opened_from(page: Page) -> Page:
    """Another tab with the same page, of the same process as where somebody opens a link in a new tab."""
    with page.expect_popup() as opened:
        page.evaluate("() => void open(location.href)")
    return opened.value


def test_a_page_that_is_watched_follows_to_the_end_and_takes_nothing_from_who_is_at_work(
    open_page: OpenPage, past: Past, desk: Desk
) -> None:
    page = open_page("operator").go(f"/requests/{past.running}?vendor=dfinery")
    at_work = page.context.new_page()
    at_work.goto(page.url)
    at_work.get_by_label("Line of the person").fill("3")
    page.get_by_text("Cancel the request").wait_for()
    assert not at_work.get_by_text("How it stands has changed.").is_visible()
    assert page.get_by_text("Forget its people").count() == 0
    number = desk.one("SELECT id FROM requests WHERE public_id = :id", id=past.running)
    end(desk, "refused", "rejected", [number])
    desk.execute(
        "UPDATE requests SET status = 'completed_with_exceptions', closed_at = now() WHERE id = :id", id=number
    )
    page.get_by_role("heading", name="dfinery: refused by the vendor (rejected)").wait_for()
    page.get_by_text("Put off when it is due").wait_for()
    assert not page.get_by_text("How it stands has changed.").is_visible()
    assert page.get_by_text("Cancel the request").count() == 0
    assert page.url.endswith("?vendor=dfinery")
    assert page.get_by_role("heading", name="People: dfinery").is_visible()
    at_work.get_by_text("How it stands has changed.").wait_for()
    assert at_work.get_by_label("Line of the person").input_value() == "3"
    at_work.get_by_role("link", name="Show the page as it is now").click()
    at_work.get_by_role("heading", name="dfinery: refused by the vendor (rejected)").wait_for()


def test_a_chart_is_drawn_from_its_table(open_page: OpenPage, past: Past) -> None:
    page = open_page("reader").go(f"/requests/{past.running}")
    page.locator(".chart canvas").wait_for()
    page.get_by_text("As a table").click()
    rows = page.get_by_role("table").filter(has_text="Deliveries ended").get_by_role("row")
    assert 2 <= rows.count() <= timeline.BUCKETS * 2 + 2


def test_the_page_warns_before_the_session_ends_and_leaves_when_it_has(
    open_page: OpenPage, past: Past, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "TRUSTED_S", 0.0)
    watched = open_page("reader")
    page = watched.go(f"/requests/{past.completed}")
    desk.execute("UPDATE logins SET seen_at = now() - interval '29 minutes'")
    look_again = "document.dispatchEvent(new Event('visibilitychange'))"
    page.evaluate(look_again)
    dialog = page.get_by_role("dialog", name="Are you still there?")
    dialog.wait_for()
    desk.execute("UPDATE logins SET seen_at = now()")  # as if in another tab
    page.evaluate(look_again)
    dialog.wait_for(state="hidden")
    desk.execute("UPDATE logins SET expires_at = now()")
    with watched.answered(401):
        page.evaluate(look_again)
        page.get_by_role("heading", name="Sign in").wait_for()


def test_the_page_of_the_api_is_accessible_fits_and_loads_nothing_from_elsewhere(open_page: OpenPage) -> None:
    page = open_page().go("/docs")
    page.get_by_text("/v1/requests/upload", exact=True).wait_for()
    look_at(page, "api-docs")
    page.get_by_text("/healthz", exact=True).first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    page.get_by_text("Server response").wait_for()
