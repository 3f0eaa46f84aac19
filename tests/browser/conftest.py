"""A real browser, the system's own Chromium, at the app with a ledger in which much has happened."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from intake.access.passwords import hash_password
from ledger.accounts import access
from tests.browser.past import Past, live
from tests.ledger.conftest import Desk, _loop, desk  # noqa: F401 - fixtures
from tests.web.conftest import _cheap_passwords, context, rows, serving, url, woken  # noqa: F401 - fixtures
from web.context import Context

PASSWORD = "correct horse battery"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HOW = "needs Chromium; on Debian or Ubuntu: apt-get install chromium"
SHOTS = Path(__file__).parents[2] / "test-results" / "console"
WIDTHS = (1280, 390)
SCHEMES = ("light", "dark")


def find_chromium() -> str | None:
    """The system's Chromium; None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser, started once."""
    path = find_chromium()
    if path is None:
        pytest.skip(HOW)
    args = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium refuses to run as root with it
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*args, "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture
def past(desk: Desk, context: Context) -> Past:  # noqa: F811
    """What has happened in the ledger, and a user of every role."""
    with desk.engine.begin() as connection:
        for role in ("submitter", "reader", "operator", "admin"):
            access.add_user(connection, name=role, role=role, password_hash=hash_password(PASSWORD), by="test")
    return live(desk)


class Watched:
    """A page on which nothing may go wrong unseen: complaints of the browser, and requests to anybody else."""

    def __init__(self, page: Page, home: str) -> None:
        self.page, self.url = page, home
        self.complaints: list[str] = []
        page.on("console", lambda said: self._note(said.type, said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._leave(request.url))

    def _note(self, kind: str, said: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(said)

    def _leave(self, address: str) -> None:
        if not address.startswith((self.url, "data:", "blob:", "about:")):
            self.complaints.append(f"asked another host: {address}")

    def sign_in(self, name: str) -> None:
        """As somebody who fills the form in."""
        self.page.goto(self.url)
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("heading", name="Overview", exact=True).wait_for()


@pytest.fixture
def open_page(chromium: Browser, url: str) -> Iterator[Any]:  # noqa: F811
    """Opens a page of a width and scheme, in a browser profile of its own; what it complains of fails the test."""
    opened: list[tuple[BrowserContext, Watched]] = []

    def open_one(width: int = 1280, scheme: Any = "light", **more: Any) -> Watched:
        profile = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, timezone_id="Asia/Seoul", **more
        )
        profile.set_default_timeout(60_000)
        watched = Watched(profile.new_page(), url)
        opened.append((profile, watched))
        return watched

    yield open_one
    for profile, watched in opened:
        profile.close()
        assert not watched.complaints
