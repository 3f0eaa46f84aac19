"""Pages of what went wrong are ours too, and each says what to do."""

from typing import Any

import pytest

from ledger.failures import LedgerError
from tests.browser.conftest import OpenPage
from tests.browser.looking import look_at
from web.console import vendors
from web.context import Context

GONE = "/requests/123e4567-e89b-42d3-a456-426614174000"


@pytest.mark.usefixtures("past")
def test_who_is_not_in_or_goes_astray_is_told_so(open_page: OpenPage) -> None:
    watched = open_page()
    look_at(watched.go("/"), "sign-in")
    watched.page.get_by_label("Name").fill("ann")
    watched.page.get_by_label("Password").fill("wrong")
    with watched.answered(401):
        watched.page.get_by_role("button", name="Sign in").click()
        watched.page.get_by_role("alert").wait_for()
    look_at(watched.page, "sign-in-refused")
    look_at(watched.go("/sign-in/once"), "sign-in-once")
    watched.sign_in("reader")
    for name, status, path in (
        ("no-such-page", 404, "/no/such/page"),
        ("no-such-request", 404, GONE),
        ("odd-address", 422, "/requests?kind=nonsense"),
        ("not-allowed", 403, "/new"),
        ("no-such-method", 405, "/attention/retry"),
    ):
        with watched.answered(status):
            watched.go(path)
        look_at(watched.page, name)


@pytest.mark.usefixtures("past")
def test_what_is_broken_on_our_side_says_so_and_what_to_do(
    open_page: OpenPage, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = open_page("reader")

    def fail(error: Exception) -> Any:
        def raise_it(*_: object) -> None:
            raise error

        return raise_it

    for name, status, error in (
        ("broken", 500, ValueError("jane@private.example")),
        ("ledger-away", 503, LedgerError("cannot be reached")),
    ):
        monkeypatch.setattr(vendors, "_all", fail(error))
        with watched.answered(status):
            watched.go("/vendors")
        assert "jane" not in watched.page.content()
        look_at(watched.page, name)
    monkeypatch.undo()
    watched.page.get_by_role("link", name="Try again").click()
    watched.page.get_by_role("heading", name="Vendors", exact=True).wait_for()
