"""PostgreSQL as companies have it: read-only for a while, full, crowded, with other rights. Every failure says so, and
everything continues by itself once it is over."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import httpx
import psycopg
import pytest

from config.settings import Settings
from intake.access.tokens import mint_key
from ledger.accounts import access
from ledger.delivery.vendors import announce
from ledger.sealing import MasterKeys, generate_master_key
from ledger.session import connect, migrate
from ledger.troubles import TROUBLES
from tasks.submission import NO_GUARDS
from tests.ledger.databases import PASSWORD, address, database, execute
from tests.web.serving import serving
from web.access import gate
from web.app import create_app
from web.context import Context

NAME = ROLE = "troubled"
PATIENCE_S = 60.0
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename <> current_user"
"""Every connection but the owner's."""
RELOAD = "SELECT pg_reload_conf()"


class Ledger(NamedTuple):
    """One of a user who owns nothing, and may only do what a worker or web process does."""

    url: str
    owner: str

    def do(self, statements: Sequence[str]) -> None:
        execute(self.owner, *statements)


@pytest.fixture(scope="module")
def ledger(ruled_url: str) -> Iterator[Ledger]:
    with database(ruled_url, NAME, user=ROLE) as url:
        owner = address(ruled_url, database=NAME)
        engine = connect(owner, pool_size=2)
        migrate(engine)
        with engine.begin() as connection:
            announce(connection, {"insider": 10})
        engine.dispose()
        execute(
            owner,
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {ROLE}",
            f"GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {ROLE}",
            f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {ROLE}",
        )
        yield Ledger(url, owner)


@pytest.fixture(scope="module")
def client(ledger: Ledger) -> Iterator[httpx.Client]:
    """Somebody who may everything, at a web process that runs through all of this module."""
    engine = connect(ledger.url, pool_size=4, patience_s=30, trusted_s=1.0)
    masters = MasterKeys.parse(generate_master_key())
    context = Context.at(engine, masters, wake=lambda _: None, guards=NO_GUARDS, settings=Settings())
    minted = mint_key()
    with engine.begin() as connection:
        access.add_key(
            connection, prefix=minted.prefix, name="ann", role="admin", digest=minted.digest, by="test", days=None
        )
    headers = {"Authorization": f"Bearer {minted.secret}"}
    with serving(create_app(context)) as url, httpx.Client(base_url=url, timeout=60, headers=headers) as client:
        yield client
    context.close()
    engine.dispose()


def submit(client: httpx.Client) -> httpx.Response:
    return client.post("/v1/requests", json={"kind": "erasure", "subjects": [{"user_id": "u-1"}]})


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_read_only(ledger: Ledger) -> bool:
    with psycopg.connect(ledger.url.replace("+psycopg", "")) as connection:
        return connection.execute("SHOW transaction_read_only").fetchone() == ("on",)


def assert_told(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    assert "PostgreSQL" in answer.json()["detail"]


class Case(NamedTuple):
    """How to bring it about, how to end it, and what /readyz says."""

    begin: Sequence[str]
    end: Sequence[str]
    word: str


CASES = {
    "read-only by a reload": Case(
        ["ALTER SYSTEM SET default_transaction_read_only = on", RELOAD],
        ["ALTER SYSTEM RESET default_transaction_read_only", RELOAD],
        "read-only",
    ),
    "read-only in every connection that is made": Case(
        [f"ALTER ROLE {ROLE} SET default_transaction_read_only = on", CUT],
        [f"ALTER ROLE {ROLE} RESET default_transaction_read_only"],
        "read-only",
    ),
    "a right less": Case(
        [f"REVOKE INSERT ON requests FROM {ROLE}"], [f"GRANT INSERT ON requests TO {ROLE}"], "refusing"
    ),
    "another password": Case(
        [f"ALTER ROLE {ROLE} PASSWORD 'other'", CUT], [f"ALTER ROLE {ROLE} PASSWORD '{PASSWORD}'"], "refusing"
    ),
    "no login": Case([f"ALTER ROLE {ROLE} NOLOGIN", CUT], [f"ALTER ROLE {ROLE} LOGIN"], "refusing"),
    "no connection left": Case(
        [f"ALTER ROLE {ROLE} CONNECTION LIMIT 0", CUT], [f"ALTER ROLE {ROLE} CONNECTION LIMIT -1"], "full"
    ),
    "no database": Case(
        [f"ALTER DATABASE {NAME} WITH ALLOW_CONNECTIONS false", CUT],
        [f"ALTER DATABASE {NAME} WITH ALLOW_CONNECTIONS true"],
        "refusing",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_trouble_is_told_and_over_when_it_is_over(
    ledger: Ledger, client: httpx.Client, ruled_url: str, name: str
) -> None:
    case = CASES[name]
    assert submit(client).status_code == 201
    assert client.get("/readyz").status_code == 200
    admin = Ledger(ledger.url, ruled_url if "DATABASE" in case.begin[0] else ledger.owner)
    admin.do(case.begin)
    try:
        if RELOAD in case.begin:
            until(lambda: is_read_only(ledger))
        for _ in range(3):
            assert_told(submit(client))
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["checks"]["postgres"]) == (503, case.word)
    finally:
        admin.do(case.end)
    until(lambda: submit(client).status_code == 201)
    assert client.get("/readyz").status_code == 200
    assert submit(client).status_code == 201


def test_no_door_fails_while_it_is_read_only(
    ledger: Ledger, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every path and method of the document, with and without a body that it may take."""
    monkeypatch.setattr(gate, "LONGEST_DELAY_S", 0.0)
    known = submit(client).json()["request_id"]
    document = client.get("/v1/openapi.json").json()
    case = CASES["read-only by a reload"]
    ledger.do(case.begin)
    told = {}
    try:
        until(lambda: is_read_only(ledger))
        for path, methods in document["paths"].items():
            for method in methods.keys() & {"get", "post", "put", "patch", "delete"}:
                where = path.format_map(
                    dict.fromkeys(("name", "vendor", "receiver", "user", "key"), "insider")
                    | {"request_id": known, "deed_id": known, "hold_id": 7}
                )
                answer = client.request(method, where, json=_body(document, methods[method]))
                told[method, path] = answer
    finally:
        ledger.do(case.end)
    for asked, answer in told.items():
        assert answer.status_code != 500, asked
        assert answer.status_code < 500 or "json" in answer.headers["content-type"], asked
    refused = {asked for asked, answer in told.items() if answer.status_code == 503}
    assert {("post", "/v1/requests"), ("get", "/readyz")} <= refused
    until(lambda: submit(client).status_code == 201)


def _body(document: dict[str, Any], operation: dict[str, Any]) -> Any:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    reference = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    examples = document["components"]["schemas"].get(reference, {}).get("examples", [])
    return examples[0] if examples else None


STATES = [
    *sorted(state for state in TROUBLES if len(state) == 5 and state != "0A000"),
    "08006",
    "25P04",
    "28000",
    "40001",
    "40P01",
    "53400",
    "57P01",
    "57P02",
    "58030",
    "XX000",
]


def test_every_trouble_that_a_statement_may_meet(ledger: Ledger, client: httpx.Client) -> None:
    for state in STATES:
        ledger.do([FAILS.format(state=state)])
        try:
            assert_told(submit(client))
        finally:
            ledger.do(["DROP FUNCTION fails CASCADE"])
        assert submit(client).status_code == 201, state


FAILS = """
CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'jane@private.example' USING ERRCODE = '{state}'; END $$;
CREATE TRIGGER fails BEFORE INSERT ON requests FOR EACH STATEMENT EXECUTE FUNCTION fails();
"""
