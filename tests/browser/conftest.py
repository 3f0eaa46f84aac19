"""A real browser, the system's own Chromium, at the app with a ledger in which much has happened."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from intake.access.passwords import hash_password
from ledger.accounts import access
from tests.browser.chromium import HOW, find_chromium, missing
from tests.browser.past import Past, live
from tests.browser.watched import PASSWORD, Watched
from tests.ledger.conftest import Desk, _loop, desk  # noqa: F401 - fixtures
from tests.web.conftest import _cheap_passwords, context, rows, url, woken  # noqa: F401 - fixtures
from web.context import Context

OpenPage = Callable[..., Watched]
ROLES = ("submitter", "reader", "operator", "admin")
PATIENCE_MS = 60_000
"""Longest wait for anything: a machine that others keep busy is no fault of a page."""


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The browser, started once. It ends with these tests: while Playwright is at work no other loop can run here."""
    if lacking := missing():
        pytest.skip(f"{lacking}. {HOW}")
    with sync_playwright() as playwright:
        # Without its sandbox: root may not have one, nor containers, and it sees pages of ours alone.
        browser = playwright.chromium.launch(executable_path=find_chromium(), chromium_sandbox=False)
        yield browser
        browser.close()


@pytest.fixture
def past(desk: Desk, context: Context) -> Past:  # noqa: F811 - the fixture
    """What has happened in the ledger, and a user of every role."""
    with desk.engine.begin() as connection:
        for role in ROLES:
            access.add_user(connection, name=role, role=role, password_hash=hash_password(PASSWORD), by="test")
    return live(desk)


@pytest.fixture(scope="package")
def window(chromium: Browser) -> Watched:
    """The one that all tests have in turn: a window of its own costs as much as five pages in one that is there."""
    return Watched(_new_page(chromium))


@pytest.fixture
def open_page(chromium: Browser, window: Watched, url: str) -> Iterator[OpenPage]:  # noqa: F811 - the fixture
    """Opens a page, in a profile of its own where it asks for more than a width; who has a role is signed in. What the
    browser complains of fails the test."""
    opened: list[Watched] = []

    def open_one(role: str = "", width: int = 1280, **profile: Any) -> Watched:
        watched = window if not profile and window not in opened else Watched(_new_page(chromium, **profile))
        opened.append(watched)
        watched.begin(url, width)
        if role:
            watched.enter(role)
        return watched

    yield open_one
    for watched in opened:
        if watched is window:
            watched.end()
        else:
            watched.page.context.close()
        assert not watched.complaints


def _new_page(chromium: Browser, **profile: Any) -> Page:
    page = chromium.new_context(timezone_id="Asia/Seoul", locale="en-GB", **profile).new_page()
    page.context.set_default_timeout(PATIENCE_MS)
    return page
