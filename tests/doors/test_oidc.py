"""Logging in with an identity provider: a small real one on loopback."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI, Request
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import SecretStr
from sqlalchemy import Engine

from config.oidc import CALLBACK, OidcSettings
from config.settings import Settings
from intake.api import create_app
from intake.door import Door
from ledger import access
from tests.doors.conftest import Rows, serving

KEY, OTHER = RSAKey.generate_key(2048, {"kid": "a"}), RSAKey.generate_key(2048, {"kid": "a"})


@pytest.fixture
def lies() -> dict[str, Any]:
    """What the provider says otherwise than it should."""
    return {}


@pytest.fixture
def provider(lies: dict[str, Any]) -> Iterator[str]:
    app = FastAPI()

    @app.get("/.well-known/openid-configuration")
    async def about(request: Request) -> dict[str, str]:
        own = str(request.base_url).rstrip("/")
        return {"issuer": own} | {
            name: f"{own}/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
        }

    @app.get("/jwks_uri")
    async def keys() -> dict[str, Any]:
        return {"keys": [KEY.as_dict(private=False)]}

    @app.post("/token_endpoint")
    async def token(request: Request) -> dict[str, Any]:
        nonce = parse_qs((await request.body()).decode())["code"][0]  # the test gives it the nonce as its code
        now = int(time.time())
        right = {"iss": str(request.base_url).rstrip("/"), "sub": "1", "aud": "us", "iat": now, "exp": now + 60}
        claims = right | {"nonce": nonce, "email": "ann@shop.example", "email_verified": True} | lies
        key = claims.pop("key", KEY)
        id_token = jwt.encode({"alg": "RS256", "kid": "a"}, claims, key)
        return {"access_token": "x", "token_type": "Bearer", "id_token": id_token}

    with serving(app) as url:
        yield url


@pytest.fixture
def browser(door: Door, engine: Engine, provider: str) -> Iterator[httpx.Client]:
    with engine.begin() as connection:
        access.add_user(connection, name="ann@shop.example", role="reader", password_hash="-", by="test")
    oidc = OidcSettings(
        issuer=provider, client_id="us", client_secret=SecretStr("s"), redirect_url=f"http://127.0.0.1{CALLBACK}"
    )
    with (
        serving(create_app(replace(door, settings=Settings(oidc=oidc)))) as url,
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        yield client


def log_in(browser: httpx.Client, **changed: str) -> httpx.Response:
    there = browser.get("/v1/session/oidc")
    assert there.status_code == 303, there.text
    asked = {name: values[0] for name, values in parse_qs(urlsplit(there.headers["location"]).query).items()}
    assert asked["code_challenge_method"] == "S256"
    return browser.get(CALLBACK, params={"code": asked["nonce"], "state": asked["state"]} | changed)


def test_a_verified_address_of_a_user_logs_in(browser: httpx.Client, rows: Rows) -> None:
    assert log_in(browser).status_code == 200
    assert browser.get("/v1/session").json() == {"name": "user:ann@shop.example", "role": "reader"}
    assert rows("SELECT by, allowed FROM audit_entries") == [("user:ann@shop.example", True)]


@pytest.mark.parametrize(
    "lie",
    [
        {"email": "eve@shop.example"},
        {"email_verified": False},
        {"nonce": "other"},
        {"aud": "them"},
        {"iss": "https://other.example"},
        {"exp": 1},
        {"key": OTHER},
    ],
    ids=str,
)
def test_anything_else_does_not(browser: httpx.Client, lies: dict[str, Any], lie: dict[str, Any], rows: Rows) -> None:
    lies.update(lie)
    assert log_in(browser).status_code == 401
    ((by, because),) = rows("SELECT by, because FROM audit_entries")
    assert by == "nobody"
    assert because


def test_a_state_of_another_login_does_not(browser: httpx.Client) -> None:
    assert log_in(browser, state="other").status_code == 401


def test_without_an_issuer_there_is_no_such_door(stranger: httpx.Client) -> None:
    assert stranger.get("/v1/session/oidc").status_code == 404
