"""What tests of several kinds share: real services of their own, and a clean ledger for each test."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from ledger.sealing import MasterKeys, generate_master_key
from ledger.session import connect, migrate
from local.services import Postgres, Redis

TABLES = (
    "keys, vendors, requests, subjects, sessions, chunks, outcomes, notes, tallies, "
    "api_keys, users, logins, guesses, audit_entries, webhooks, outbox"
)

NOT_TRUNCATED = ("outcomes", "audit_entries")


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL, started for this run on a port of its own."""
    with Postgres(tmp_path_factory.mktemp("services")) as postgres:
        yield postgres.url


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Redis, started for this run on a port of its own."""
    with Redis(tmp_path_factory.mktemp("services")) as redis:
        yield redis.url


@pytest.fixture(scope="session")
def _migrated(postgres_url: str) -> Iterator[Engine]:
    engine = connect(postgres_url)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(_migrated: Engine) -> Engine:
    """The ledger, migrated and empty."""
    with _migrated.begin() as connection:
        for table in NOT_TRUNCATED:
            connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER {table}_not_truncated"))
        connection.execute(text(f"TRUNCATE {TABLES} RESTART IDENTITY"))
        for table in NOT_TRUNCATED:
            connection.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER {table}_not_truncated"))
    return _migrated


@pytest.fixture
def masters() -> MasterKeys:
    """Fresh master keys."""
    return MasterKeys.parse(generate_master_key())
