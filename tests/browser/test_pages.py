"""Every page at both widths and in both schemes: accessible, fitting, and without a complaint of the browser."""

import pytest

from tests.browser.conftest import OpenPage
from tests.browser.looking import look_at
from tests.browser.past import Past

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
        look_at(watched.go(path.format(past=past)), name)
