"""What tests of several kinds share: real services of their own, and a clean ledger for each test."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from ledger.sealing import MasterKeys, generate_master_key
from ledger.session import connect, migrate
from local.postgres import Postgres
from local.redis_server import Redis

TABLES = (
    "keys, vendors, steps, requests, subjects, other_identifiers, sessions, chunks, outcomes, successions, notes, "
    "tallies, "
    "deeds, api_keys, users, logins, devices, sent_lately, guesses, spent, audit_entries, webhooks, outbox, "
    "opendsr_requests, resolver, settling, turns"
)


def empty(connection: Connection) -> None:
    """Leave nothing in the ledger but its tables, though outcomes and the audit log are guarded."""
    volumes = connection.execute(text("SELECT CAST(relid AS text) FROM pg_partition_tree('outcomes')")).scalars().all()
    guarded = [*((volume, "outcomes") for volume in volumes), ("audit_entries", "audit_entries")]
    guards = [f"ALTER TABLE {table} {{0}} TRIGGER {name}_not_truncated" for table, name in guarded]
    rest, stand = ([guard.format(verb) for guard in guards] for verb in ("DISABLE", "ENABLE"))
    connection.execute(text("UPDATE volumes SET ended_at = NULL, dropped_at = NULL"))
    connection.execute(text(";".join([*rest, f"TRUNCATE {TABLES} RESTART IDENTITY", *stand])))


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
        empty(connection)
    return _migrated


@pytest.fixture
def masters() -> MasterKeys:
    """Fresh master keys."""
    return MasterKeys.parse(generate_master_key())


class Ruled(Postgres):
    """One whose user may do everything, so that a test can do to it what its owner may."""

    def _prepare(self, *args: Any, **more: Any) -> None:
        super()._prepare(*args, **more)
        self._single_user(self.folder, ["ALTER ROLE consent SUPERUSER"])


@pytest.fixture(scope="session")
def ruled_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Another real PostgreSQL, for tests that make users, limit them, and change its settings."""
    with Ruled(tmp_path_factory.mktemp("services")) as postgres:
        yield postgres.url
