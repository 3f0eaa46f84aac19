"""Logging in with an identity provider: a small real one on loopback, and everything that must be refused."""

import hmac
import json
import logging
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
import schemathesis
from fastapi import Response
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import SecretStr
from schemathesis import GenerationMode
from sqlalchemy import Engine

from adapters import identity_provider
from config.oidc import CALLBACK, OidcSettings
from intake.access.passwords import hash_password
from ledger.accounts import access, guesses
from tests.web.api.test_openapi import attack
from tests.web.conftest import Rows, session_name
from tests.web.oidc_provider import CLIENT_ID, KEY, REDIRECT_URL, SECRET, Provider, Sign
from tests.web.serving import serving
from web.access import gate, oidc_login
from web.api.oidc import BEGUN
from web.app import create_app
from web.context import Context

BEGIN = "/v1/session/oidc"
DEVICE = "consent_device"
ANN, PASSWORD = "ann@shop.example", "correct horse battery"
Serve = Callable[..., AbstractContextManager[httpx.Client]]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "LONGEST_DELAY_S", 0.0)


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def issuer(provider: Provider) -> Iterator[str]:
    with serving(provider.app()) as url:
        yield url


@pytest.fixture
def serve(context: Context, issuer: str) -> Serve:
    """Serves the app with these settings changed; gives a browser."""

    @contextmanager
    def served(**changed: Any) -> Iterator[httpx.Client]:
        given = {"issuer": issuer, "client_id": CLIENT_ID, "client_secret": SECRET, "redirect_url": REDIRECT_URL}
        oidc = OidcSettings.model_validate({**given, **changed})
        with ExitStack() as stack:
            settings = context.settings.model_copy(update={"oidc": oidc})
            url = stack.enter_context(serving(create_app(replace(context, settings=settings))))
            yield stack.enter_context(httpx.Client(base_url=url, timeout=30))

    return served


@pytest.fixture
def browser(serve: Serve, engine: Engine) -> Iterator[httpx.Client]:
    with engine.begin() as connection:
        access.add_user(connection, name=ANN, role="reader", password_hash=hash_password(PASSWORD), by="test")
        access.add_user(connection, name="ann", role="admin", password_hash="-", by="test")
    with serve() as client:
        yield client


def begin(browser: httpx.Client, device: str | None = None) -> dict[str, str]:
    """What the provider is asked; by a browser that shows this as its device."""
    shown = {} if device is None else {"cookie": f"{DEVICE}={device}".encode()}
    there = browser.get(BEGIN, headers=shown)
    assert there.status_code == 303, there.text
    assert there.headers["location"].partition("?")[0].endswith("/authorize")
    asked = dict(parse_qsl(urlsplit(there.headers["location"]).query, strict_parsing=True))
    assert asked.pop("tenant") == "1"
    return asked


def log_in(browser: httpx.Client, provider: Provider, **changed: str) -> httpx.Response:
    return browser.get(CALLBACK, params=provider.log_in(begin(browser)) | changed)


def refused(answer: httpx.Response, rows: Rows, because: str, status: int = 401) -> None:
    """It was refused for this reason, is on record, nobody is logged in, and the browser keeps nothing of it."""
    assert (answer.status_code, answer.json()["status"]) == (status, status), answer.text
    assert because in answer.json()["detail"]
    (entry,) = rows("SELECT by, deed, allowed, target, status, because FROM audit_entries")
    assert entry == ("nobody", f"GET {CALLBACK}", False, None, status, answer.json()["detail"])
    (cleared,) = answer.headers.get_list("set-cookie")
    assert cleared.startswith(f'{BEGUN}="";')
    assert "Max-Age=0" in cleared
    assert f"Path={CALLBACK};" in cleared
    assert rows("SELECT count(*) FROM logins") == [(0,)]


def test_a_verified_address_of_a_user_logs_in(browser: httpx.Client, provider: Provider, rows: Rows) -> None:
    answer = log_in(browser, provider)
    assert (answer.status_code, answer.headers["location"]) == (303, "/v1/session")
    assert browser.get("/v1/session").json() == {"name": f"user:{ANN}", "role": "reader"}
    assert set(browser.cookies) == {session_name(browser), DEVICE}
    assert rows("SELECT by, deed, allowed, status, because FROM audit_entries") == [
        (f"user:{ANN}", f"GET {CALLBACK}", True, 303, None)
    ]
    assert rows("SELECT last_login_at IS NOT NULL FROM users WHERE name = :ann", ann=ANN) == [(True,)]
    log_in(browser, provider)
    assert provider.asked == {"about": 1, "jwks": 1, "token": 2}  # it is asked about itself once


def test_who_has_logged_in_by_the_provider_is_not_locked_out_by_strangers_on_that_device(
    browser: httpx.Client, provider: Provider, rows: Rows
) -> None:
    log_in(browser, provider)
    device = browser.cookies[DEVICE]
    there = provider.log_in(begin(browser))
    browser.cookies.delete(DEVICE)  # as a browser does not show it to who comes back from another site
    browser.get(CALLBACK, params=there)
    assert browser.cookies[DEVICE] == device, "it is the same device"
    assert rows("SELECT count(*) FROM devices") == [(1,)]
    browser.cookies.clear()
    for _ in range(guesses.FREE + 1):
        browser.post("/v1/session", json={"name": ANN, "password": "wrong password"})
    rows("UPDATE guesses SET locked_until = now() + interval '10 minutes'")
    right = {"name": ANN, "password": PASSWORD}
    assert browser.post("/v1/session", json=right).status_code == 429
    browser.cookies.set(DEVICE, device)
    assert browser.post("/v1/session", json=right).status_code == 200


@pytest.mark.parametrize("shown", ["", "A" * 43, "not a token", "x" * 500, "a.b", "\u00e9"])
def test_a_device_that_is_not_theirs_is_given_another_token(
    browser: httpx.Client, provider: Provider, rows: Rows, shown: str
) -> None:
    there = provider.log_in(begin(browser, shown))
    answer = browser.get(CALLBACK, params=there)
    assert answer.status_code == 303
    (kept,) = (one for one in answer.headers.get_list("set-cookie") if one.startswith(f"{DEVICE}="))
    assert kept.partition("=")[2].partition(";")[0] not in {shown, ""}
    assert {"SameSite=strict", "HttpOnly"} <= {part.strip() for part in kept.split(";")}
    assert rows("SELECT count(*) FROM devices") == [(1,)]


def test_the_cookie_is_for_a_short_time_and_for_the_way_back_only(browser: httpx.Client, serve: Serve) -> None:
    (kept,) = browser.get(BEGIN).headers.get_list("set-cookie")
    assert {part.strip() for part in kept.split(";")[1:]} == {
        "HttpOnly", "Max-Age=600", f"Path={CALLBACK}", "SameSite=lax",
    }  # fmt: skip
    with serve(redirect_url=f"https://consent.example/privacy{CALLBACK}") as client:
        (kept,) = client.get(BEGIN).headers.get_list("set-cookie")
        assert kept.startswith(f"__Host-{BEGUN}=")
        assert "; Secure" in kept
        assert "; Path=/;" in kept  # as a name with __Host- wants it


@pytest.mark.parametrize(
    ("lies", "because"),
    [
        ({"email": "eve@shop.example"}, "no console user"),
        ({"email_verified": False}, "no verified"),
        ({"nonce": "other"}, "not for us"),
        ({"aud": "them"}, "not for us"),
        ({"iss": "https://other.example"}, "not for us"),
        ({"exp": 1}, "expired"),
    ],
    ids=str,
)
def test_no_other_claims_do(
    browser: httpx.Client, provider: Provider, lies: dict[str, Any], because: str, rows: Rows
) -> None:
    provider.lies = lies
    refused(log_in(browser, provider), rows, because)


def by_hand(header: dict[str, Any], secret: bytes | None = None) -> Sign:
    """joserfc refuses to make these."""

    def sign(claims: dict[str, Any]) -> str:
        said = f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(claims).encode())}"
        return f"{said}.{encoded(hmac.digest(secret, said.encode(), 'sha256')) if secret else ''}"

    return sign


def encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def by_a_stranger(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": "a"}, claims, RSAKey.generate_key(2048))


@pytest.mark.parametrize(
    "sign",
    [
        by_hand({"alg": "none"}),
        by_hand({"alg": "HS256", "kid": "a"}, SECRET.encode()),
        by_hand({"alg": "HS256", "kid": "a"}, KEY.as_pem(private=False)),
        by_a_stranger,
    ],
)
def test_no_other_signatures_do(browser: httpx.Client, provider: Provider, sign: Sign, rows: Rows) -> None:
    provider.sign = sign
    refused(log_in(browser, provider), rows, "signature or form")


def test_a_disabled_user_stays_out(browser: httpx.Client, provider: Provider, engine: Engine, rows: Rows) -> None:
    with engine.begin() as connection:
        access.set_disabled(connection, ANN, disabled=True)
    refused(log_in(browser, provider), rows, "disabled")


def test_a_login_can_be_used_once(browser: httpx.Client, provider: Provider, rows: Rows) -> None:
    back = provider.log_in(begin(browser))
    kept = browser.cookies[BEGUN]
    assert browser.get(CALLBACK, params=back).status_code == 303
    browser.cookies.set(BEGUN, kept, path=CALLBACK)
    again = browser.get(CALLBACK, params=back)
    assert (again.status_code, "has been used" in again.text) == (401, True)
    assert provider.asked["token"] == 1
    rows("UPDATE spent SET until = now() - interval '1 second'")
    browser.cookies.clear()
    assert log_in(browser, provider).status_code == 303
    assert rows("SELECT count(*) FROM spent") == [(1,)]  # what is old is forgotten


@pytest.mark.parametrize("kept", [None, "", "0.0", "x", '"\\377"'])
def test_without_its_cookie_a_login_is_nobody_s(
    browser: httpx.Client, provider: Provider, kept: str | None, rows: Rows
) -> None:
    back = provider.log_in(begin(browser))
    browser.cookies.clear()
    header = {"Cookie": f"{BEGUN}={kept}"} if kept is not None else {}
    refused(browser.get(CALLBACK, params=back, headers=header), rows, "not begun in this browser")
    assert provider.asked["token"] == 0


def test_a_cookie_that_was_made_younger_is_not_ours(browser: httpx.Client, provider: Provider, rows: Rows) -> None:
    back = provider.log_in(begin(browser))
    at, _, rest = browser.cookies[BEGUN].partition(".")
    browser.cookies.clear()
    browser.cookies.set(BEGUN, f"{int(at) + 1}.{rest}", path=CALLBACK)
    refused(browser.get(CALLBACK, params=back), rows, "not begun in this browser")


def test_a_login_is_over_after_ten_minutes(
    browser: httpx.Client, provider: Provider, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = provider.log_in(begin(browser))
    monkeypatch.setattr(oidc_login, "WITHIN_S", -1)
    refused(browser.get(CALLBACK, params=back), rows, "too long ago")


@pytest.mark.parametrize("state", ["", "other", "\u00e9\0"])
def test_a_state_of_another_login_does_not(browser: httpx.Client, provider: Provider, state: str, rows: Rows) -> None:
    refused(log_in(browser, provider, state=state), rows, "not begun in this browser")


def test_whoever_says_no_at_the_provider_is_not_logged_in(
    browser: httpx.Client, provider: Provider, rows: Rows
) -> None:
    said = {"error": "access_denied", "error_description": "jane@private.example", "state": begin(browser)["state"]}
    answer = browser.get(CALLBACK, params=said)
    refused(answer, rows, "the identity provider refused")
    assert "jane" not in answer.text
    assert provider.asked["token"] == 0


def test_another_login_s_code_is_worth_nothing(browser: httpx.Client, provider: Provider, rows: Rows) -> None:
    theirs = provider.log_in(begin(browser))
    browser.cookies.clear()
    refused(log_in(browser, provider, code=theirs["code"]), rows, "the identity provider refused")  # by PKCE


def test_who_guesses_codes_waits_and_who_logs_in_is_forgiven(
    browser: httpx.Client, provider: Provider, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guesses, "FIRST_LOCK_S", 600.0)  # no lock is over before the test is
    answers = [log_in(browser, provider, code="guess") for _ in range(guesses.FREE + 2)]
    assert [answer.status_code for answer in answers] == [401] * (guesses.FREE + 1) + [429]
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert rows("SELECT status FROM audit_entries ORDER BY id DESC LIMIT 1") == [(429,)]
    rows("UPDATE guesses SET locked_until = now() + interval '1 minute'")
    asked = provider.asked["token"]
    assert log_in(browser, provider).status_code == 429
    assert provider.asked["token"] == asked  # nobody is asked
    rows("UPDATE guesses SET locked_until = now() - interval '1 second'")
    assert log_in(browser, provider).status_code == 303
    assert rows("SELECT count(*) FROM guesses") == [(0,)]


def test_guessing_the_password_does_not_lock_out_whom_the_provider_knows(
    browser: httpx.Client, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guesses, "FIRST_LOCK_S", 600.0)
    for _ in range(guesses.FREE + 2):
        guessed = browser.post("/v1/session", json={"name": ANN, "password": "wrong password"})
    assert guessed.status_code == 429
    assert log_in(browser, provider).status_code == 303
    browser.cookies.delete(DEVICE)
    assert browser.post("/v1/session", json={"name": ANN, "password": PASSWORD}).status_code == 429


NONSENSE = [
    ("about", {}, {"issuer": "https://other.example"}, "otherwise than CONSENT_OIDC__ISSUER"),
    ("about", {}, {"token_endpoint": "https://127.0.0.1/token"}, "from https to http"),
    ("about", {}, {"token_endpoint": "http://other.example/token"}, "can be used"),
    ("about", {}, {"jwks_uri": 7}, "can be used"),
    ("about", {}, {"authorization_endpoint": "https://[broken"}, "can be used"),
    ("about", {}, {"jwks_uri": "http://127.0.0.1:99999/"}, "can be used"),
    ("about", {}, {"jwks_uri": f"http://localhost.{'a' * 70}.example"}, "can be used"),
    ("about", {"content": b"[]"}, {}, "can be used"),
    ("about", {"content": b"[" * 100_000}, {}, "can be used"),
    ("about", {"content": b"\xff"}, {}, "can be used"),
    ("about", {"content": b"{}", "status_code": 302, "headers": {"location": "/jwks"}}, {}, "can be used"),
    ("about", {"content": b" " * 600_000}, {}, "larger than any"),
    ("about", {"content": b"hush", "headers": {"content-encoding": "gzip"}}, {}, "can be used"),
    ("jwks", {"content": b"{}"}, {}, "can be used"),
    ("jwks", {"content": b'{"keys": [7]}'}, {}, "can be used"),
    ("jwks", {"content": b'{"keys": []}', "status_code": 500}, {}, "can be used"),
]


@pytest.mark.parametrize("nonsense", NONSENSE, ids=lambda nonsense: str(nonsense)[:60])
def test_where_the_provider_talks_nonsense_nobody_is_sent_there(
    serve: Serve, provider: Provider, rows: Rows, nonsense: tuple[str, dict[str, Any], dict[str, Any], str]
) -> None:
    name, answer, provider.about, said = nonsense
    if answer:
        provider.answers[name] = Response(**answer)
    with serve() as browser:
        told = browser.get(BEGIN)
        assert (told.status_code, told.json()["type"]) == (503, "urn:consent:problem:provider-away")
        assert said in told.json()["detail"]
        assert told.headers["retry-after"]
        assert rows("SELECT by, deed, allowed, status, because FROM audit_entries") == [
            ("nobody", f"GET {BEGIN}", False, 503, told.json()["detail"])
        ]
        assert "set-cookie" not in told.headers
        provider.about, provider.answers = {}, {}
        begin(browser)  # as soon as it is well again


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"content": b"{}"}, "can be used"),
        ({"content": b'{"id_token": 7}'}, "can be used"),
        ({"content": b'{"id_token": "\\ud800"}'}, "can be used"),
        ({"content": b"<html>busy", "status_code": 502}, "can be used"),
        ({"content": b'{"error": "server_error"}', "status_code": 500}, "does not serve us"),
    ],
    ids=str,
)
def test_where_the_provider_gives_no_token_it_counts_as_away(
    browser: httpx.Client, provider: Provider, rows: Rows, answer: dict[str, Any], said: str
) -> None:
    provider.answers["token"] = Response(**answer)
    refused(log_in(browser, provider), rows, said, 503)
    assert rows("SELECT count(*) FROM guesses") == [(0,)]


def test_a_provider_that_is_away_is_told_as_such(serve: Serve, provider: Provider, rows: Rows) -> None:
    with serve(issuer="http://127.0.0.1:1") as browser:
        assert browser.get(BEGIN).json()["detail"] == "the identity provider did not answer"
    assert rows("SELECT status FROM audit_entries") == [(503,)]


def test_a_provider_that_dawdles_is_not_waited_for(
    browser: httpx.Client, provider: Provider, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = provider.log_in(begin(browser))
    monkeypatch.setattr(identity_provider, "WITHIN_S", 0.2)
    provider.slow_s = 1.0
    refused(browser.get(CALLBACK, params=back), rows, "did not answer", 503)


def test_a_wrong_secret_is_ours_to_mend(serve: Serve, provider: Provider, rows: Rows) -> None:
    with serve(client_secret=SecretStr("wrong")) as browser:
        refused(log_in(browser, provider), rows, "CLIENT_SECRET", 503)


def test_a_provider_may_want_the_secret_in_the_form(serve: Serve, provider: Provider, rows: Rows) -> None:
    provider.about = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    provider.lies = {"email": "eve@shop.example"}
    with serve() as browser:
        refused(log_in(browser, provider), rows, "no console user")


def test_a_new_key_of_the_provider_is_looked_up_once_a_minute_at_most(
    browser: httpx.Client, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert log_in(browser, provider).status_code == 303
    provider.rotate()
    assert log_in(browser, provider).status_code == 401
    assert provider.asked["jwks"] == 1
    monkeypatch.setattr(identity_provider, "RENEWED_AFTER_S", 0.0)
    assert log_in(browser, provider).status_code == 303
    assert log_in(browser, provider).status_code == 303
    assert provider.asked["jwks"] == 2


def test_nothing_of_a_person_and_no_secret_is_logged_or_kept(
    browser: httpx.Client, provider: Provider, rows: Rows, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    back = provider.log_in(begin(browser))
    hushed = [back["state"], back["code"], browser.cookies[BEGUN], SECRET, "hush", "eve"]
    provider.lies = {"email": "eve@private.example"}
    assert browser.get(CALLBACK, params=back).status_code == 401
    provider.answers["token"] = Response(b'{"id_token": "hush", "email": "eve@private.example"}')
    assert log_in(browser, provider).status_code == 401
    provider.answers["token"] = Response(b"eve@private.example", 418)
    assert log_in(browser, provider).status_code == 503
    kept = str([rows(f"TABLE {table}") for table in ("audit_entries", "guesses", "spent", "logins")])
    assert "nobody" in kept
    # pytest hears also what uvicorn is told not to log; and this thread is the browser.
    ours = [
        record for record in caplog.records if record.threadName != "MainThread" and record.name != "uvicorn.access"
    ]
    logged = "\n".join(f"{record.name} {record.getMessage()} {record.exc_info}" for record in ours)
    assert "httpcore" in logged  # it is all of it
    for secret in hushed:
        assert secret not in kept + logged


def test_without_settings_there_is_no_such_door(stranger: httpx.Client) -> None:
    for path in (BEGIN, CALLBACK):
        assert stranger.get(path).status_code == 404


def test_the_document_describes_what_these_routes_answer(
    browser: httpx.Client, context: Context, issuer: str, key: Callable[..., dict[str, str]]
) -> None:
    headers = key()
    document = browser.get("/v1/openapi.json", headers=headers).json()
    document["paths"] = {path: said for path, said in document["paths"].items() if path.startswith(BEGIN)}
    seen: set[int] = set()
    for operation in schemathesis.openapi.from_dict(document).get_all_operations():
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            attack(
                operation.ok(),
                mode,
                url=str(browser.base_url),
                headers={"authorization": ""} | headers,
                known="",
                seen=seen,
            )
    assert seen >= {303, 401}
