"""A sandbox on a real socket, and short ways to ask it things."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientResponse, DummyCookieJar
from aiohttp.test_utils import TestClient, TestServer

from sandbox import gate
from sandbox.app import build_app
from sandbox.state import Sandbox
from sandbox.vendors.algonomy import AlgonomyAccount
from sandbox.vendors.b2core import B2CoreAccount
from sandbox.vendors.dfinery import DfineryAccount
from sandbox.vendors.insider import InsiderAccount


class Bench:
    """The vendors under test; `call` keeps no cookies, so that each test says what it sends."""

    def __init__(self, sandbox: Sandbox, client: TestClient[Any, Any]) -> None:
        self.sandbox = sandbox
        self.client = client

    async def call(self, method: str, path: str, **kwargs: Any) -> ClientResponse:
        response = await self.client.request(method, path, allow_redirects=False, **kwargs)
        await response.read()
        return response

    async def seed(self, *records: dict[str, Any]) -> None:
        assert (await self.call("POST", "/_sandbox/people", json=list(records))).status == 200

    async def facts(self, vendor: str, user_id: str | None = "u-1") -> dict[str, Any]:
        state = await (await self.call("GET", f"/_sandbox/state/{vendor}")).json()
        return next(line for line in state["people"] if line["user_id"] == user_id)

    async def violations(self) -> dict[str, int]:
        found = await (await self.call("GET", "/_sandbox/violations")).json()
        return {f"{each['vendor']}:{each['rule']}": each["count"] for each in found}

    async def set_faults(self, **source: Any) -> None:
        response = await self.call("PUT", "/_sandbox/faults", json=source)
        assert response.status == 200, await response.text()

    async def insider(self, operation: str, users: Any, **kwargs: Any) -> ClientResponse:
        headers = {"X-PARTNER-NAME": "sandbox", "X-REQUEST-TOKEN": InsiderAccount().request_token}
        headers |= kwargs.pop("headers", {})
        path = "/insider/api/user/v1/" + {"delete": "attribute/delete", "upsert": "upsert"}[operation]
        return await self.call("POST", path, json={"users": users}, headers=headers, **kwargs)

    async def insider_one(self, operation: str, body: Any, kind: str = "user") -> ClientResponse:
        headers = {"X-PARTNER-NAME": "sandbox", "X-REQUEST-TOKEN": InsiderAccount().request_token}
        return await self.call("POST", f"/insider/api/{kind}/v1/{operation}", json=body, headers=headers)

    async def dfinery(self, path: str, body: Any, token: str = DfineryAccount().api_token) -> ClientResponse:
        headers = {"Authorization": f"Bearer {token}"}
        return await self.call("POST", f"/dfinery/users/{path}", json=body, headers=headers)

    async def algonomy_token(self, **form: str) -> ClientResponse:
        known = {
            "grant_type": "client_credentials",
            "client_id": AlgonomyAccount().client_id,
            "client_secret": AlgonomyAccount().client_secret,
        }
        return await self.call("POST", "/algonomy/oauth2/token", data=known | form)

    async def b2core(self, method: str, path: str, **kwargs: Any) -> ClientResponse:
        headers = {"Authorization": f"Bearer {B2CoreAccount().token}"}
        return await self.call(method, f"/b2core{path}", headers=headers, **kwargs)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    sandbox = Sandbox()
    async with TestClient(TestServer(build_app(sandbox)), cookie_jar=DummyCookieJar()) as client:
        yield Bench(sandbox, client)


class Clock:
    """The vendors' clock, which goes on when it is told to."""

    def __init__(self) -> None:
        self.at = time.monotonic()
        self.time = time.time

    def monotonic(self) -> float:
        return self.at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Stands still until `at` is changed."""
    clock = Clock()
    monkeypatch.setattr(gate, "time", clock)
    return clock


@pytest.fixture
def person() -> dict[str, Any]:
    return {
        "user_id": "u-1",
        "email": "a@example.org",
        "phone_number": "+821012345678",
        "vendors": {"akinon": {"session_id": "s-1", "csrf_token": "c-1"}, "b2core": {"profile_id": "p-1"}},
    }
