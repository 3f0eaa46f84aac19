"""The console in this process, and people of every role signed in to it."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from sqlalchemy import text

from intake.access.passwords import hash_password
from ledger.accounts import access
from tests.ledger.conftest import Desk, _loop, desk  # noqa: F401 - fixtures
from tests.web.serving import serving
from web.app import create_app
from web.context import Context

PASSWORD = "correct horse battery"
FORM = "application/x-www-form-urlencoded"
SignIn = Callable[..., "Browser"]


class Browser:
    """A browser without JavaScript: it keeps cookies, follows nothing by itself, and sends the forms of its page."""

    def __init__(self, client: httpx.Client, url: str) -> None:
        self.client, self.url = client, url

    def get(self, path: str, **headers: str) -> httpx.Response:
        """A page, as a browser asks for it."""
        return self.client.get(path, headers={"Accept": "text/html,*/*", **headers})

    def post(self, path: str, *, on: str = "/requests", **fields: str) -> httpx.Response:
        """A form of the page `on`, sent as that page would."""
        page = self.get(on)
        token = re.search(r'name="form_token" value="([0-9a-f]+)"', page.text)
        assert token, page.text[:300]
        return self.send(path, {"form_token": token[1], **fields})

    def send(self, path: str, fields: dict[str, str], **headers: str) -> httpx.Response:
        """Any form."""
        return self.client.post(
            path, data=fields, headers={"Accept": "text/html", "Origin": self.url, "Content-Type": FORM, **headers}
        )


@pytest.fixture
def stranger(url: str) -> Iterator[Browser]:
    """A browser in which nobody has signed in."""
    with httpx.Client(base_url=url, timeout=30) as client:
        yield Browser(client, url)


@pytest.fixture
def add_user(context: Context) -> Callable[[str, str], None]:
    """Makes a console user of a name and role."""

    def add(name: str, role: str) -> None:
        with context.engine.begin() as connection:
            access.add_user(connection, name=name, role=role, password_hash=hash_password(PASSWORD), by="test")

    return add


@pytest.fixture
def sign_in(url: str, add_user: Callable[[str, str], None]) -> Iterator[SignIn]:
    """Opens a browser in which a new user of this role is signed in."""
    clients: list[httpx.Client] = []

    def enter(role: str = "operator", name: str | None = None) -> Browser:
        add_user(name or role, role)
        client = httpx.Client(base_url=url, timeout=30)
        clients.append(client)
        browser = Browser(client, url)
        answer = browser.post("/sign-in", on="/sign-in", name=name or role, password=PASSWORD, next="/")
        assert answer.status_code == 303, answer.text
        return browser

    yield enter
    for client in clients:
        client.close()


@contextmanager
def console(context: Context) -> Iterator[str]:
    """The console of another context."""
    with serving(create_app(context)) as url:
        yield url


@pytest.fixture
def served(desk: Desk) -> Callable[..., None]:  # noqa: F811 - the fixture
    """Has workers look for the chunks of these vendors."""

    def serve(*names: str) -> None:
        desk.announce(**dict.fromkeys(names, 10))
        with desk.engine.begin() as connection:
            connection.execute(
                text("UPDATE vendors SET served_at = now() WHERE name = ANY(:names)"), {"names": [*names]}
            )

    return serve
