"""By the keyboard all through, and for who sees otherwise: focus, menus, own colours, no movement."""

from playwright.sync_api import Page

from tests.browser.conftest import OpenPage
from tests.browser.looking import SHOTS
from tests.browser.past import Past
from tests.ledger.conftest import Desk
from tests.ledger.endings import end

AROUND = """() => {
    const one = document.activeElement, how = getComputedStyle(one), box = one.getBoundingClientRect()
    return {name: (one.ariaLabel || one.textContent || one.id).trim().slice(0, 40),
            ring: how.outlineStyle !== 'none' && parseFloat(how.outlineWidth) >= 2,
            seen: box.width > 0 && box.height > 0 && box.right > 0 && one.checkVisibility()}
}"""
PLACES = """() => [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex]')]
    .filter(one => one.tabIndex >= 0 && one.type !== 'hidden' && one.checkVisibility()).length"""

CAME_LIVE = """window.came = []
window.EventSource = class extends EventSource {
    constructor(...where) { super(...where); this.addEventListener('live', event => came.push(event.data)) }
}"""
"""Keeps what a stream has brought, before the page hears of it."""


def walk(page: Page) -> list[str]:
    """Go by Tab through all of a page; what is come by, each with a ring around it."""
    came_by = []
    count = page.evaluate(PLACES)
    for _ in range(count):
        page.keyboard.press("Tab")
        found = page.evaluate(AROUND)
        assert found["ring"], f"no focus is seen at: {found}"
        assert found["seen"], f"the focus is where nothing is seen: {found}"
        came_by.append(found["name"])
    return came_by


def test_the_focus_is_always_seen_and_goes_from_the_top_to_the_end(open_page: OpenPage, past: Past) -> None:
    watched = open_page("operator")
    for path in ("/", "/requests", f"/requests/{past.running}", "/attention", "/new"):
        came_by = walk(watched.go(path))
        assert came_by[:3] == ["Skip to the content", "consent", "Overview"], path
        assert len(came_by) > 10, path


def test_a_request_is_found_and_cancelled_by_the_keyboard_alone(open_page: OpenPage, past: Past) -> None:
    page = open_page("operator").go("/requests")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # skip to the content
    tab_to(page, "id")
    page.keyboard.type(str(past.running))
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Erasure of 60 people").wait_for()
    tab_to(page, "Cancel the request")
    page.keyboard.press("Enter")
    tab_to(page, "Cancel what was not sent")
    page.keyboard.press("Enter")
    page.get_by_role("status").get_by_text("Cancelled: ").wait_for()


def tab_to(page: Page, name: str) -> None:
    """By Tab to what has this text, or this id where it has none."""
    for _ in range(100):
        if page.evaluate(AROUND)["name"] == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not come to: {name}")


def test_what_has_the_focus_is_not_replaced_by_what_is_live(open_page: OpenPage, past: Past, desk: Desk) -> None:
    watched = open_page("operator")
    with watched.page.add_init_script(CAME_LIVE):
        page = watched.go(f"/requests/{past.running}")
    all_accepted = page.get_by_role("link", name="Accepted by the vendor 60")
    link = page.locator("#live a").first
    page.wait_for_function("() => came.length > 0")
    link.focus()
    number = desk.one("SELECT id FROM requests WHERE public_id = :id", id=past.running)
    end(desk, "accepted", None, [number], "dfinery")
    page.wait_for_function("() => came.at(-1) !== came[0]")
    assert link.evaluate("one => one === document.activeElement")
    assert all_accepted.count() == 1, "of Algonomy's alone"
    link.evaluate("one => one.blur()")
    all_accepted.nth(1).wait_for()


def test_a_narrow_page_has_its_menu_behind_a_button(open_page: OpenPage, past: Past) -> None:
    page = open_page("operator", 390).go("/")
    links = page.get_by_role("navigation", name="Console").get_by_role("link", name="Vendors")
    assert not links.is_visible()
    page.get_by_role("button", name="Menu").press("Enter")
    links.wait_for()
    page.screenshot(path=SHOTS / "menu-390-light.png")
    page.keyboard.press("Escape")
    links.wait_for(state="hidden")
    page.get_by_role("button", name="Menu").press("Enter")
    links.press("Enter")
    page.get_by_role("heading", name="Vendors", exact=True).wait_for()


def test_own_colours_and_no_movement_are_respected(open_page: OpenPage, past: Past) -> None:
    page = open_page("operator", forced_colors="active", reduced_motion="reduce").go(f"/requests/{past.exceptions}")
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.pill.bad i')).backgroundColor") == "rgb(201, 42, 42)"
    )
    assert page.evaluate("getComputedStyle(document.querySelector('[aria-current]')).outlineStyle") == "solid"
    moving = (
        "[...document.querySelectorAll('*')].filter(one => parseFloat(getComputedStyle(one).transitionDuration) > 0)"
    )
    assert page.evaluate(f"{moving}.length") == 0
    page.screenshot(path=SHOTS / "request-1280-forced-colours.png")
