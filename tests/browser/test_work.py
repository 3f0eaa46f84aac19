"""A day's work in a real browser, with and without JavaScript."""

import pytest
from playwright.sync_api import Route

from tests.browser.conftest import OpenPage
from tests.browser.looking import PERSONAL, look_at
from tests.browser.past import Past
from tests.ledger.conftest import APPLIED, Desk, everybody


def test_attention_is_worked_to_done(open_page: OpenPage, past: Past) -> None:
    page = open_page("operator").go("/")
    page.get_by_role("link", name="Attention").click()
    cause = page.get_by_role("region", name="insider: refused by the vendor (rejected)")
    cause.get_by_text("Close all by hand").click()
    cause.get_by_label("Why").fill("done by the vendor's support")
    cause.get_by_role("button", name="Close 3 deliveries").click()
    page.get_by_text("3 deliveries in 1 request").wait_for()
    page.get_by_text("Done.").wait_for()
    look_at(page, "deed")
    page.get_by_role("link", name="Back to what needs a person").click()
    page.get_by_role("heading", name="dfinery: still failing, given up").wait_for()
    assert page.get_by_role("heading", name="insider: refused").count() == 0


@pytest.mark.usefixtures("past")
@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
def test_a_person_is_erased_by_a_form(open_page: OpenPage, desk: Desk, script: bool) -> None:
    watched = open_page("submitter", 390, java_script_enabled=script)
    page = watched.go("/new")
    page.get_by_label("E-mail address").fill("jane-new@private.example")
    page.get_by_label("User id").fill("jane-new")
    if script:
        page.get_by_text("the person can be looked for there").nth(2).wait_for()
    for name in ("akinon", "b2core"):
        page.get_by_role("checkbox", name=name).uncheck()
    page.get_by_role("button", name="Submit the request").click()
    page.get_by_text("The request is on record.").wait_for()
    assert not PERSONAL.search(page.url + page.title())
    vendors = ("algonomy", "dfinery", "insider")
    assert page.get_by_role("link", name="Pending 1").count() == len(vendors)
    for vendor in vendors:
        desk.work_off(desk.tools_for(everybody(APPLIED), vendor=vendor))
    if not script:
        page.reload()
    accepted = page.get_by_role("link", name="Accepted by the vendor 1")
    accepted.nth(len(vendors) - 1).wait_for()  # with JavaScript, without anybody's reloading it
    page.get_by_text("Show identifiers").click()
    page.get_by_text("jane-new@private.example").first.wait_for()
    assert not PERSONAL.search(page.url + page.title())
    if script:
        kept = page.evaluate("[...Object.entries(localStorage), ...Object.entries(sessionStorage)].join()")
        assert not PERSONAL.search(kept)


@pytest.mark.usefixtures("past")
def test_an_answer_that_comes_late_undoes_no_choice(open_page: OpenPage) -> None:
    """At which vendors the person can be found is answered with boxes as they were when it was asked."""
    page = open_page("submitter").go("/new")
    asked: list[Route] = []
    page.route("**/new/reach", lambda route: route.continue_() if asked else asked.append(route))
    with page.expect_request("**/new/reach"):
        page.get_by_label("User id").fill("jane-new")
        page.get_by_label("User id").blur()
    page.get_by_role("checkbox", name="b2core").uncheck()
    asked[0].continue_()
    page.get_by_text("the person can be looked for there").first.wait_for()
    assert not page.get_by_role("checkbox", name="b2core").is_checked()


def test_a_form_with_faults_says_what_to_do_and_keeps_what_was_given(open_page: OpenPage, past: Past) -> None:
    watched = open_page("submitter")
    page = watched.go("/new")
    page.locator("#new").evaluate("form => form.noValidate = true")
    page.get_by_label("E-mail address").fill("no address")
    page.get_by_label("Phone number").fill("12")
    with watched.answered(422):
        page.get_by_role("button", name="Submit the request").click()
        page.get_by_role("alert").get_by_text("Nothing was recorded").wait_for()
    field = page.get_by_label("E-mail address")
    assert field.input_value() == "no address"
    assert page.locator(f"#{field.get_attribute('aria-describedby')}").inner_text()
    look_at(page, "new-with-faults")


def test_moments_are_the_readers_own_and_utc_where_one_points(open_page: OpenPage, past: Past, desk: Desk) -> None:
    desk.execute("UPDATE requests SET received_at = '2026-05-04 20:30:00+00' WHERE public_id = :id", id=past.completed)
    page = open_page("reader").go(f"/requests/{past.completed}")
    received = page.locator("dt", has_text="Received").locator("xpath=..").locator("time")
    assert "5 May 2026" in received.inner_text()
    assert "05:30" in received.inner_text()
    assert received.get_attribute("title") == "4 May 2026, 20:30 UTC"
    assert page.get_by_role("button", name="Cancel what was not sent").count() == 0
    assert page.get_by_role("link", name="New request").count() == 0


@pytest.mark.usefixtures("past")
def test_the_list_is_filtered_and_the_filter_stands_in_the_address(open_page: OpenPage) -> None:
    page = open_page("reader").go("/requests")
    page.get_by_label("Kind").select_option("Opt-out")
    page.get_by_role("button", name="Filter").click()
    page.get_by_text("1 request with these filters").wait_for()
    assert "kind=opt_out" in page.url
    assert not PERSONAL.search(page.url)
    page.get_by_role("link", name="Clear").click()
    page.get_by_text("4 requests in all").wait_for()
