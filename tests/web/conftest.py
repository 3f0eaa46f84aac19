"""The HTTP app at the real ledger, in this process, and keys of every role to it."""

import os
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine, text

from config.settings import PREFIX, Settings
from intake.access import passwords
from intake.access.tokens import mint_key
from ledger.accounts import access
from ledger.delivery.vendors import announce
from ledger.sealing import MasterKeys
from ledger.session import one_by_one
from tasks.submission import NO_GUARDS
from tests.row_order import rows_as_promised
from tests.web.serving import serving
from web.access.gate import COOKIE
from web.api import selections
from web.app import create_app
from web.console import attention
from web.context import Context

Rows = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture(autouse=True)
def _cheap_passwords(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing a password costs next to nothing, but where `dear_passwords` are asked for."""
    if "dear_passwords" not in request.fixturenames:
        cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        monkeypatch.setattr(passwords, "_HASHER", cheap)
        monkeypatch.setattr(passwords, "_NOBODYS", cheap.hash("nobody's password"))


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call ends its deed over a selection however long that takes: on a busy machine it would be left to workers."""
    for module in (attention, selections):
        monkeypatch.setattr(module, "AT_ONCE_S", 60.0)


@pytest.fixture
def dear_passwords() -> None:
    """Passwords cost what they cost in earnest."""


@pytest.fixture
def rows(engine: Engine) -> Rows:
    """Asks the ledger."""

    def ask(statement: str, **values: Any) -> list[tuple[Any, ...]]:
        with one_by_one(engine) as connection:
            result = connection.execute(text(statement), values)
            return rows_as_promised(statement, result) if result.returns_rows else []

    return ask


@pytest.fixture
def woken() -> list[str]:
    """The vendors whose workers were woken."""
    return []


@cache
def _settings(environment: frozenset[tuple[str, str]]) -> Settings:
    """Read once from each environment, and shared, as they can't be changed: reading takes ten milliseconds."""
    return Settings()


@pytest.fixture
def context(engine: Engine, masters: MasterKeys, woken: list[str]) -> Iterator[Context]:
    """The context of the app; two vendors are switched on."""
    with engine.begin() as connection:
        announce(connection, {"dfinery": 100, "insider": 10})
    ours = frozenset((name, value) for name, value in os.environ.items() if name.startswith(PREFIX))
    context = Context.at(engine, masters, wake=woken.extend, guards=NO_GUARDS, settings=_settings(ours))
    yield context
    context.close()


@pytest.fixture
def key(engine: Engine) -> Callable[..., dict[str, str]]:
    """Makes an API key; gives the header that shows it."""

    def make(role: str = "admin", name: str = "shop", days: float | None = None) -> dict[str, str]:
        minted = mint_key()
        with engine.begin() as connection:
            access.add_key(
                connection, prefix=minted.prefix, name=name, role=role, digest=minted.digest, by="test", days=days
            )
        return {"Authorization": f"Bearer {minted.secret}"}

    return make


@pytest.fixture
def url(context: Context) -> Iterator[str]:
    """Where the app is served."""
    with serving(create_app(context)) as url:
        yield url


def session_name(client: httpx.Client) -> str:
    """What the cookie of a session is called there, which is on loopback."""
    return f"{COOKIE}_{client.base_url.port}"


@pytest.fixture
def stranger(url: str) -> Iterator[httpx.Client]:
    """A client without a key."""
    with httpx.Client(base_url=url, timeout=30) as client:
        yield client


@pytest.fixture
def client(stranger: httpx.Client, key: Callable[..., dict[str, str]]) -> httpx.Client:
    """A client that may everything."""
    stranger.headers.update(key())
    return stranger
