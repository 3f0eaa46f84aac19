"""What tests of several kinds share: real services of their own, and a clean ledger for each test."""

import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from redis import Redis as Client
from sqlalchemy import Engine

from ledger.sealing import MasterKeys, generate_master_key
from ledger.session import connect, migrate
from local.redis_server import Redis
from tests.reaper import reaping
from tests.services import RuledPostgres, TestPostgres, empty

# A developer's own settings are none of the tests'.
for name in [name for name in os.environ if name.startswith("CONSENT_")]:
    del os.environ[name]

# A machine that others keep busy is no fault of a test.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

# Compiled modules are kept, whatever the environment says: the suite starts hundreds of processes of ours.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a file's tests in one process, so that what they share is started once."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


@pytest.fixture(scope="session", autouse=True)
def _nothing_stays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with reaping(tmp_path_factory.getbasetemp()):
        yield


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL, started for this run on a socket of its own."""
    with TestPostgres(tmp_path_factory.mktemp("services")) as postgres:
        yield postgres.url


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Redis, started for this run on a socket of its own."""
    with Redis(tmp_path_factory.mktemp("services")) as redis:
        yield redis.url


@pytest.fixture
def redis(redis_url: str) -> Iterator[Client]:
    """A client of it, which is empty before and after."""
    with Client.from_url(redis_url) as client:
        client.flushall()
        yield client
        client.flushall()


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


@pytest.fixture(scope="session")
def ruled_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Another real PostgreSQL, for tests that make users, limit them, and change its settings."""
    with RuledPostgres(tmp_path_factory.mktemp("services")) as postgres:
        yield postgres.url
