"""Every page at both widths and in both schemes: accessible, fitting, and without a complaint of the browser."""

from itertools import pairwise

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import OpenPage
from tests.browser.looking import look_at
from tests.browser.past import Past
from tests.web.console.test_safety import page_routes
from web.context import Context

LISTS = {
    "overview": "/",
    "requests": "/requests",
    "requests-none-found": "/requests?kind=erasure&status=completed",
    "attention": "/attention",
    "vendors": "/vendors",
}
ONES = {
    "request": "/requests/{past.exceptions}",
    "request-running": "/requests/{past.running}",
    "request-unconfirmed": "/requests/{past.unconfirmed}",
    "vendor": "/vendors/insider",
    "vendor-held": "/vendors/b2core",
    "new": "/new",
}
SETTINGS = {
    "settings-keys": "/settings/keys",
    "settings-users": "/settings/users",
    "settings-legal-holds": "/settings/legal-holds",
    "settings-receivers": "/settings/receivers",
    "settings-audit": "/settings/audit",
    "report": "/report",
    "report-of-nothing": "/report?from=2020-01-01&to=2020-01-31",
}
OF_ROLES = {
    "operator lists": ("operator", LISTS),
    "operator ones": ("operator", ONES),
    "submitter": ("submitter", {"overview-of-a-submitter": "/", "requests-of-a-submitter": "/requests"}),
    "admin": ("admin", SETTINGS),
}


@pytest.mark.parametrize(("role", "pages"), OF_ROLES.values(), ids=OF_ROLES)
def test_pages_are_accessible_and_fit(open_page: OpenPage, past: Past, role: str, pages: dict[str, str]) -> None:
    watched = open_page(role)
    for name, path in pages.items():
        page = watched.go(path.format(past=past))
        assert_read_in_order(page, name)
        look_at(page, name)


def assert_read_in_order(page: Page, name: str) -> None:
    """One heading of the first level, no level left out, and the language."""
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(one => +one.tagName[1])")
    assert levels[0] == 1, name
    assert levels.count(1) == 1, name
    assert all(after <= before + 1 for before, after in pairwise(levels)), name
    assert page.locator("html").get_attribute("lang") == "en"


IN_OTHER_TESTS = {
    "/sign-in",
    "/sign-in/once",
    "/new/file",
    "/drafts/{draft_id}",
    "/person",
    "/deeds/{deed_id}",
    "/docs",
}
IN_OTHER_TESTS |= {"/requests/{request_id}", "/requests/{request_id}/answer", "/vendors/{name}"}
PARTS = ("/live", "/whole", "/stream", "/timeline", "/rate", "/session/left", "/session/stay")
LEAD_ELSEWHERE = {"/settings", "/flower", "/sign-in/provider"}


def test_no_page_is_left_out(context: Context) -> None:
    pages = {path for method, path in page_routes(context) if method == "GET" and not path.endswith(PARTS)}
    looked_at = {path.partition("?")[0] for _, paths in OF_ROLES.values() for path in paths.values()}
    missing = pages - looked_at - IN_OTHER_TESTS - LEAD_ELSEWHERE
    assert not missing, "give them a name in a list above, or look at them in a test of their own"
