"""A page on which nothing goes wrong unseen."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page

PASSWORD = "correct horse battery"
OURS = ("data:", "blob:", "about:")


class Watched:
    """Keeps the complaints of the browser, which are also those about our policy, and what asks another host."""

    def __init__(self, page: Page) -> None:
        self.page, self.home = page, "nowhere yet"
        self.complaints: list[str] = []
        page.on("console", lambda said: self._note(said.type, said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._leave(request.url))

    def begin(self, home: str, width: int) -> None:
        """With the pages that are served there, in light and in a window so wide."""
        self.home = home
        self.complaints.clear()
        self.page.emulate_media(color_scheme="light")
        self.page.set_viewport_size({"width": width, "height": 900})

    def end(self) -> None:
        """Leave nothing to who has this window next. What a page stores stays with its address."""
        context = self.page.context
        for other in context.pages:
            if other is not self.page:
                other.close()
        self.page.goto("about:blank")
        self.page.unroute_all()
        context.clear_cookies()

    def _note(self, kind: str, said: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(said)

    def _leave(self, address: str) -> None:
        if not address.startswith((self.home, *OURS)):
            self.complaints.append(f"asked another host: {address}")

    def go(self, path: str) -> Page:
        """To a page of ours."""
        self.page.goto(self.home + path)
        return self.page

    def enter(self, name: str) -> None:
        """As somebody who has signed in before."""
        answer = self.page.context.request.post(f"{self.home}/v1/session", data={"name": name, "password": PASSWORD})
        assert answer.ok, answer.status

    def sign_in(self, name: str) -> None:
        """As somebody who fills the form in."""
        self.go("/")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("heading", name="Overview", exact=True).wait_for()

    @contextmanager
    def answered(self, status: int) -> Iterator[None]:
        """In here the browser may say that a page was answered with this status, and must."""
        before = len(self.complaints)
        yield
        said = f"the server responded with a status of {status}"
        told = [one for one in self.complaints[before:] if said in one]
        assert told, f"no page was answered with {status}"
        self.complaints[before:] = [one for one in self.complaints[before:] if one not in told]
