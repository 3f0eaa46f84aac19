"""A session that nobody uses ends; what a page asks by itself is no use. What cookies are called, and who gets them."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import Engine

from config.settings import Settings, SettingsError
from intake.access.passwords import hash_password
from ledger.accounts import access
from tests.web.conftest import Rows
from tests.web.serving import serving
from web.access import gate
from web.app import create_app
from web.context import Context

LOGIN = {"name": "ann", "password": "correct horse battery"}
Serve = Callable[..., httpx.Client]


@pytest.fixture
def serve(context: Context, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Serves the app with other settings; gives a client in which nobody has logged in."""
    monkeypatch.setattr(gate, "TRUSTED_S", 0.0)
    with engine.begin() as connection:
        access.add_user(
            connection, name="ann", role="operator", password_hash=hash_password(LOGIN["password"]), by="test"
        )
    opened = []

    def at(**settings: object) -> httpx.Client:
        other = replace(context, settings=Settings().model_copy(update=settings))
        serving_now = serving(create_app(other))
        client = httpx.Client(base_url=serving_now.__enter__(), timeout=30)
        opened.append((client, serving_now))
        return client

    yield at
    for client, serving_now in opened:
        client.close()
        serving_now.__exit__(None, None, None)


def pass_minutes(rows: Rows, minutes: float) -> None:
    rows("UPDATE logins SET seen_at = seen_at - make_interval(mins => CAST(:minutes AS integer))", minutes=minutes)


def left(client: httpx.Client, path: str = "left") -> httpx.Response:
    return client.get(f"/session/{path}", headers={"HX-Request": "true"})


def test_a_session_that_nobody_uses_ends(serve: Serve, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "NOTED_S", 0.0)
    client = serve()
    client.post("/v1/session", json=LOGIN)
    pass_minutes(rows, 29)
    assert client.get("/v1/session").status_code == 200, "which is a use"
    pass_minutes(rows, 29)
    assert client.get("/requests", headers={"Accept": "text/html"}).status_code == 200
    pass_minutes(rows, 31)
    assert client.get("/v1/session").status_code == 401
    assert rows("SELECT COALESCE(sum(failures), 0) FROM guesses") == [(0,)], (
        "somebody who comes back from lunch does not guess"
    )


def test_a_page_that_asks_by_itself_keeps_no_session(serve: Serve, rows: Rows) -> None:
    client = serve()
    client.post("/v1/session", json=LOGIN)
    assert client.get("/v1/session").status_code == 200
    pass_minutes(rows, 29)
    answer = left(client).json()
    assert 0 < answer["seconds"] <= 60
    assert answer["warn"] == 120
    pass_minutes(rows, 1)
    gone = left(client)
    assert (gone.status_code, gone.headers["hx-redirect"]) == (401, "/sign-in?next=/session/left")


def test_who_says_so_stays(serve: Serve, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "NOTED_S", 0.0)
    client = serve(session_idle_minutes=2.0)
    client.post("/v1/session", json=LOGIN)
    pass_minutes(rows, 1)
    assert left(client).json()["seconds"] <= 60
    kept = left(client, "stay").json()
    assert kept["seconds"] > 60
    assert kept["warn"] == 30
    pass_minutes(rows, 2)
    assert left(client).status_code == 401


def test_on_loopback_the_port_is_in_the_name(serve: Serve) -> None:
    one, other = serve(), serve()
    answer = one.post("/v1/session", json=LOGIN)
    port = one.base_url.port
    set_cookies = answer.headers.get_list("set-cookie")
    assert {cookie.partition("=")[0] for cookie in set_cookies} == {f"consent_session_{port}", "consent_device"}
    assert not any("secure" in cookie.lower() for cookie in set_cookies)
    shown = {"Cookie": "; ".join(f"{name}={value}" for name, value in one.cookies.items())}
    assert one.get("/v1/session", headers=shown).status_code == 200
    assert other.get("/v1/session", headers=shown).status_code == 401, "another stack on this machine"


def test_the_public_address_decides_about_tls(serve: Serve) -> None:
    client = serve(public_url="https://consent.example")
    set_cookies = client.post("/v1/session", json=LOGIN).headers.get_list("set-cookie")
    assert all(cookie.startswith("__Host-consent_") for cookie in set_cookies)
    assert all("; secure" in cookie.lower() and "; httponly" in cookie.lower() for cookie in set_cookies)
    shown = {"Cookie": set_cookies[0].partition(";")[0]}
    own = {"Origin": "https://consent.example", **shown}
    assert client.post("/v1/vendors/insider/hold", headers=own).status_code == 200
    other = {"Origin": "https://consent.example.evil", **shown}
    assert client.post("/v1/vendors/insider/hold", headers=other).status_code == 403
    plain = serve(public_url="http://localhost:8080", web_behind_tls=True)
    assert "__Host-" not in str(plain.post("/v1/session", json=LOGIN).headers.get_list("set-cookie"))


BAD = (
    "consent.example",
    "http://consent.example",
    "https://consent.example/console",
    "https://a:b",
    "ftp://x",
    "https://",
)


@pytest.mark.parametrize("address", BAD)
def test_what_is_no_public_address_is_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("CONSENT_PUBLIC_URL", address)
    with pytest.raises(SettingsError, match="CONSENT_PUBLIC_URL"):
        Settings.load()


def test_public_addresses_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for given, read in (
        ("https://Consent.example/", "https://consent.example"),
        ("http://localhost:1", "http://localhost:1"),
    ):
        monkeypatch.setenv("CONSENT_PUBLIC_URL", given)
        assert Settings.load().public_url == read
