"""Keys, users, receivers and the audit log: who may do what, what is on record, and what is shown once."""

import asyncio
import html
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from config.webhooks import WebhookSettings
from ledger.accounts import audit
from ledger.accounts.audit import Entry
from ledger.notices.webhooks import announce_webhooks
from tests.ledger.conftest import Desk
from tests.receiver import OK, Receiver
from tests.web.conftest import Rows
from tests.web.console.conftest import PASSWORD, Browser, SignIn, console
from web.access import gate
from web.context import Context

KEYS, USERS, HOLDS, RECEIVERS, AUDIT = (
    f"/settings/{tab}" for tab in ("keys", "users", "legal-holds", "receivers", "audit")
)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def done(rows: Rows, deed: str) -> list[tuple[object, ...]]:
    return rows("SELECT by, target FROM audit_entries WHERE deed = :deed AND allowed ORDER BY id", deed=deed)


def secret_of(answer: httpx.Response) -> str:
    found = re.search(r'<code class="secret">([^<]+)</code>', answer.text)
    assert found, answer.text
    return found[1]


def test_a_key_is_shown_once_opens_what_its_role_may_and_is_revoked(sign_in: SignIn, url: str, rows: Rows) -> None:
    admin = sign_in("admin")
    made = admin.post(KEYS, on=KEYS, name="shop", role="reader", days="90")
    secret = secret_of(made)
    prefix = secret.split("_")[1]
    shown = {"Authorization": f"Bearer {secret}"}
    assert httpx.get(f"{url}/v1/vendors", headers=shown).status_code == 200
    listed = admin.get(KEYS).text
    assert prefix in listed
    assert secret not in listed
    assert secret not in str(rows("SELECT CAST(audit_entries AS text), by FROM audit_entries"))
    assert admin.post(f"{KEYS}/{prefix}/revoke", on=KEYS).status_code == 303
    assert "Revoked" in admin.get(KEYS).text
    assert admin.post(f"{KEYS}/{prefix}/revoke", on=KEYS).status_code == 409
    assert done(rows, "keys create") == [("user:admin", f"shop {prefix}")]
    assert done(rows, "keys revoke") == [("user:admin", prefix)]


BAD_KEYS = (
    {"name": "jane@private.example", "role": "reader", "days": "90"},
    {"name": "shop", "role": "king", "days": "90"},
    {"name": "shop", "role": "reader", "days": "1e9"},
    {"name": "shop", "role": "reader", "days": "90", "owner": "No One"},
)


@pytest.mark.parametrize("given", BAD_KEYS, ids=str)
def test_no_key_is_made_of_what_cannot_be(sign_in: SignIn, rows: Rows, given: dict[str, str]) -> None:
    answer = sign_in("admin").post(KEYS, on=KEYS, **given)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text or "field-wrong" in answer.text
    assert rows("SELECT count(*) FROM api_keys") == [(0,)]


def test_a_user_is_added_changed_and_let_go(
    sign_in: SignIn, stranger: Browser, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "TRUSTED_S", 0.0)
    admin = sign_in("admin")
    password = secret_of(admin.post(USERS, on=USERS, name="bob@shop.example", role="reader"))
    stranger.post("/sign-in", on="/sign-in", name="bob@shop.example", password=password, next="/")
    assert stranger.get("/person").status_code == 200
    assert stranger.get("/new").status_code == 403

    def change(deed: str, **more: str) -> None:
        answer = admin.post(f"{USERS}/change", on=USERS, name="bob@shop.example", deed=deed, **more)
        assert answer.status_code in {200, 303}, answer.text
        assert "bob" not in str(answer.headers)

    change("role", role="operator")
    assert stranger.get("/new").status_code == 200, "at once, in the session that has begun"
    change("sign-out")
    assert stranger.get("/new").status_code == 303
    change("disable")
    again = stranger.post("/sign-in", on="/sign-in", name="bob@shop.example", password=password, next="/")
    assert again.status_code == 401
    change("enable")
    change("unlock")
    change("password")
    for deed in ("add", "role", "sign-out", "disable", "enable", "unlock", "password"):
        ((by, target),) = done(rows, f"user {deed}")
        assert by == "user:admin"
        assert str(target).startswith("bob@shop.example")


def test_a_password_may_be_typed_and_a_name_is_given_once(sign_in: SignIn) -> None:
    admin = sign_in("admin")
    added = admin.post(USERS, on=USERS, name="bob", role="reader", password=PASSWORD)
    assert "bob is a user now" in added.text
    assert PASSWORD not in added.text
    for given, told in (
        ({"name": "bob", "role": "reader"}, "a user of this name already"),
        ({"name": "carol", "role": "reader", "password": "short"}, "12 to 256 characters"),
        ({"name": "Carol!", "role": "reader"}, "small letters"),
    ):
        answer = admin.post(USERS, on=USERS, **given)
        assert (answer.status_code, told in answer.text) == (422, True), given


def test_nobody_locks_themselves_out(sign_in: SignIn, rows: Rows) -> None:
    admin = sign_in("admin")
    for deed in ({"deed": "disable"}, {"deed": "role", "role": "reader"}):
        assert admin.post(f"{USERS}/change", on=USERS, name="admin", **deed).status_code == 409
    assert admin.post(f"{USERS}/change", on=USERS, name="nobody", deed="disable").status_code == 409
    assert admin.post(f"{USERS}/change", on=USERS, name="admin", deed="delete").status_code == 422
    assert rows("SELECT CAST(role AS text), disabled_at FROM users") == [("admin", None)]


def test_settings_show_and_do_what_the_role_may(sign_in: SignIn) -> None:
    reader, operator, submitter = sign_in("reader"), sign_in("operator"), sign_in("submitter")
    assert submitter.get("/settings").status_code == 403
    assert sign_in("admin").get("/settings").headers["location"] == KEYS
    for browser in (reader, operator):
        assert browser.get("/settings").headers["location"] == HOLDS
        tabs = browser.get(RECEIVERS).text
        assert KEYS not in tabs
        assert USERS not in tabs
        for path in (KEYS, USERS):
            assert browser.get(path).status_code == 403
            assert browser.post(path, on=RECEIVERS, name="x", role="admin").status_code == 403
        assert browser.post(f"{RECEIVERS}/crm/test", on=RECEIVERS).status_code == 403


class Listening:
    """A receiver on loopback, and a console whose settings name it `crm`."""

    def __init__(self, desk: Desk, context: Context) -> None:
        self.receiver = Receiver()
        self._desk, self._context = desk, context

    @contextmanager
    def console(self) -> Iterator[str]:
        with ExitStack() as stack:
            listening = self.receiver.listening()
            self._run(listening.__aenter__())
            stack.callback(lambda: self._run(listening.__aexit__(None, None, None)))
            with self._context.engine.begin() as connection:
                announce_webhooks(connection, {"crm": "127.0.0.1", "gone": "gone.example"})
            crm = {"url": f"http://127.0.0.1:{self.receiver.port}/hooks", "secrets": [SECRET]}
            webhooks = WebhookSettings.model_validate({"receivers": {"crm": crm}, "loopback": True})
            settings = self._context.settings.model_copy(update={"webhooks": webhooks})
            yield stack.enter_context(console(replace(self._context, settings=settings)))

    def _run(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._desk.loop).result(timeout=60)


@pytest.fixture
def listening(desk: Desk, context: Context) -> Listening:
    return Listening(desk, context)


def enter(url: str, role: str) -> Browser:
    browser = Browser(httpx.Client(base_url=url, timeout=30), url)
    assert browser.post("/sign-in", on="/sign-in", name=role, password=PASSWORD, next="/").status_code == 303
    return browser


def test_the_test_button_sends_a_signed_message_and_says_what_came_of_it(
    listening: Listening, add_user: Callable[[str, str], None], rows: Rows
) -> None:
    add_user("admin", "admin")
    with listening.console() as url:
        admin = enter(url, "admin")
        for answer, said in ((OK, "crm took the test message"), (None, "crm did not take the test message")):
            listening.receiver.answer = lambda _, answer=answer: answer
            assert admin.post(f"{RECEIVERS}/crm/test", on=RECEIVERS).status_code == 303
            assert said in admin.get(RECEIVERS).text
        post = listening.receiver.posts[0]
        body = Webhook(SECRET).verify(post.body, post.headers)
        assert (body["type"], body["data"]) == ("webhook.test", {})
        admin.post(f"{RECEIVERS}/gone/test", on=RECEIVERS)
        assert "CONSENT_WEBHOOKS__RECEIVERS" in admin.get(RECEIVERS).text
        assert len(listening.receiver.posts) == 2
        key = {"Authorization": f"Bearer {secret_of(admin.post(KEYS, on=KEYS, name='x', role='admin', days='30'))}"}
        listening.receiver.answer = lambda _: OK
        tried = httpx.post(f"{url}/v1/webhooks/crm/test", headers=key).json()
        assert tried == {"taken": True, "failure": None, "answer": 204, "said": "the receiver answered 204"}
        assert [one["receiver"] for one in httpx.get(f"{url}/v1/webhooks", headers=key).json()["receivers"]] == [
            "crm",
            "gone",
        ]
        assert httpx.post(f"{url}/v1/webhooks/none/test", headers=key).status_code == 404
        admin.client.close()
    assert len(done(rows, f"POST {RECEIVERS}/{{name}}/test")) == 3


def test_receivers_are_switched_and_their_state_is_told(sign_in: SignIn, context: Context, rows: Rows) -> None:
    with context.engine.begin() as connection:
        announce_webhooks(connection, {"crm": "crm.example"})
    admin = sign_in("admin")
    assert "crm.example" in admin.get(RECEIVERS).text
    admin.post(f"{RECEIVERS}/crm/off", on=RECEIVERS)
    assert "Switched off" in admin.get(RECEIVERS).text
    admin.post(f"{RECEIVERS}/crm/on", on=RECEIVERS)
    assert "Well" in admin.get(RECEIVERS).text
    assert admin.post(f"{RECEIVERS}/crm/retry", on=RECEIVERS).status_code == 303
    assert admin.post(f"{RECEIVERS}/none/off", on=RECEIVERS).status_code == 404
    for deed in ("webhook off", "webhook on", "webhook retry"):
        assert done(rows, deed) == [("user:admin", "crm")]


def test_the_audit_log_is_filtered_by_its_address_which_names_nobody(sign_in: SignIn) -> None:
    admin = sign_in("admin", "ann@shop.example")
    admin.post(KEYS, on=KEYS, name="shop", role="reader", days="30")
    admin.post(USERS, on=USERS, name="bob", role="reader")
    page = admin.get(AUDIT)
    assert "keys create" in page.text
    assert "user add" in page.text
    assert not re.search(r'(?:href|value)="[^"]*ann', page.text)
    keys = admin.get(f"{AUDIT}?action=keys&by=me&allowed=yes&since=2026-01-01").text
    assert "keys create" in keys
    assert "user add" not in keys
    assert "No entry is like this" in admin.get(f"{AUDIT}?until=2020-01-01").text
    nobody = admin.get(f"{AUDIT}?by={'0' * 12}").text
    assert "No entry is like this" in nobody
    for odd in ("action=jane", "by=ann@shop.example", "after=0", "request=1", "since=yesterday", "who=me"):
        assert admin.get(f"{AUDIT}?{odd}").status_code == 422, odd


def test_the_audit_log_is_read_page_by_page(sign_in: SignIn, context: Context) -> None:
    with context.engine.begin() as connection:
        audit.add(connection, [Entry("cli:x", "vendor hold", allowed=True, target=f"vendor-{n}") for n in range(120)])
    reader, seen = sign_in("reader"), set()
    path: str | None = f"{AUDIT}?action=vendor"
    while path:
        page = reader.get(path).text
        seen |= set(re.findall(r"vendor-\d+", page))
        more = re.search(r'href="([^"]+after=[^"]+)"', page)
        path = html.unescape(more[1]) if more else None
    assert len(seen) == 120
