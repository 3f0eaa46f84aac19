"""What tests of several kinds share: real services of their own, and a clean ledger for each test.

What a fixture needs is imported when it is asked for, so that one test of a pure function starts in a second.
"""

import gc
import os
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import table_rows
from tests.in_memory import folder_in_memory
from tests.named_in_logs import logs_that_name
from tests.no_processes import no_processes
from tests.reaper import reaping

if TYPE_CHECKING:
    from redis import Redis as Client
    from sqlalchemy import Engine
    from xdist.remote import Producer

    from ledger.sealing import MasterKeys
    from tests.sharing_out import ByGroup

# A developer's own settings are none of the tests', but those that are for tests.
for name in [name for name in os.environ if name.startswith("CONSENT_") and not name.startswith("CONSENT_TEST_")]:
    del os.environ[name]

# Compiled modules are kept, whatever the environment says: the suite starts hundreds of processes of ours.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# In the background of a script Ctrl-C is ignored, and it would be in all processes that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# As an ordinary user of Debian has it, where each has a group of their own. Folders that must be private say so.
os.umask(0o002)

# No test needs the authorities of the internet, and every client would read all of them, for some 40 ms.
os.environ["SSL_CERT_FILE"] = str(Path(__file__).with_name("trusts_nobody.pem"))

# Nothing of a run outlasts it but the logs of tests that failed.
if in_memory := folder_in_memory():
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(in_memory))

# All that is imported and collected stays: until it is frozen the garbage collector would look through it in vain.
gc.disable()

GENERATES_CASES = b"hypothesis"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--few-examples", action="store_true", help="try properties with a sixth of the generated cases")
    parser.addoption("--many-examples", action="store_true", help="try properties with all of the generated cases")
    parser.addoption("--share", metavar="1/2", help="collect the first of two shares of the files alone")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("few_examples"):
        table_rows.thin()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """To collect takes a fifth of what quick tests take: no process looks into what another will run."""
    share = config.getoption("share")
    if not share or not collection_path.match("test_*.py"):
        return None
    from tests.sharing_out import is_of_another

    return is_of_another(collection_path, share) or None


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> None:
    """Before a module that generates cases is imported: a machine that others keep busy is no fault of a test."""
    if GENERATES_CASES in module_path.read_bytes():
        from hypothesis import HealthCheck, settings

        from tests.examples import FEW, MANY, USUAL

        if settings.get_current_profile_name() != "default":
            return
        given = parent.config.getoption
        settings.register_profile(
            "unhurried",
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
            max_examples=MANY if given("many_examples") else FEW if given("few_examples") else USUAL,
        )
        settings.load_profile("unhurried")


QUICK = ("tests/unit/", "tests/contract/")
"""What is run every few minutes."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    if not item.nodeid.startswith(QUICK):
        return (yield)
    with no_processes(item.nodeid):
        return (yield)


SLOW = ("tests/chaos/", "tests/flows/", "tests/browser/", "tests/processes/", "tests/slow/")
"""What waits for whole stacks and for processes, and what one process has for long."""
LONG = ("tests/ledger/", "tests/web/")
"""Where a file may take half a minute. Those of the rest take a few seconds."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest come first, so that all processes are busy to the end."""
    items.sort(key=lambda item: (not item.nodeid.startswith(SLOW), not item.nodeid.startswith(LONG)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: "Producer") -> "ByGroup":
    """Keep a file's tests in one process, so that what they share is started once."""
    from tests.sharing_out import ByGroup

    return ByGroup(config, log)


def pytest_collection_finish() -> None:
    """What was imported and collected stays until the end. Of what comes later the collector need not look at every
    few hundred objects, which took a tenth of a run."""
    gc.freeze()
    gc.enable()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def _nothing_stays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No process, and nobody's name in any log that is left of the run."""
    with reaping(tmp_path_factory.getbasetemp()):
        yield
    assert logs_that_name(tmp_path_factory.getbasetemp()) == []


@pytest.fixture(scope="session", autouse=True)
def _clusters_are_shared(tmp_path_factory: pytest.TempPathFactory) -> None:
    """By all processes of this run, and those that they start."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "clusters"
    folder.mkdir(mode=0o700, exist_ok=True)
    os.environ |= {"CLUSTERS_OF_TEST_RUN": str(folder), "DRAFTS_OF_TEST_RUN": str(own)}


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL, started for this run on a socket of its own."""
    from tests.services import TestPostgres, prepare

    folder = tmp_path_factory.mktemp("services")
    prepare(folder, TestPostgres)
    with TestPostgres(folder) as postgres:
        yield postgres.url


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Redis, started for this run on a socket of its own."""
    from local.redis_server import Redis

    with Redis(tmp_path_factory.mktemp("services")) as redis:
        yield redis.url


@pytest.fixture
def redis(redis_url: str) -> "Iterator[Client]":
    """A client of it, which is empty before and after."""
    from redis import Redis as Client

    with Client.from_url(redis_url) as client:
        client.flushall()
        yield client
        client.flushall()


@pytest.fixture(scope="session")
def _migrated(postgres_url: str) -> "Iterator[Engine]":
    from ledger.session import migrate
    from tests.engines import connect_for_long

    engine = connect_for_long(postgres_url)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def emptied(postgres_url: str, _migrated: "Engine") -> Iterator[Callable[[], None]]:
    """Leaves nothing in the ledger but its tables."""
    # Setting guards aside makes a connection forget its plans, so this one is not among those that tests use.
    from ledger.session import connect
    from tests.services import empty

    engine = connect(postgres_url, pool_size=1)

    def now() -> None:
        with engine.begin() as connection:
            empty(connection)

    yield now
    engine.dispose()


@pytest.fixture
def engine(_migrated: "Engine", emptied: Callable[[], None]) -> "Engine":
    """The ledger, migrated and empty."""
    emptied()
    return _migrated


@pytest.fixture
def masters() -> "MasterKeys":
    """Fresh master keys."""
    from ledger.sealing import MasterKeys, generate_master_key

    return MasterKeys.parse(generate_master_key())


@pytest.fixture(scope="session")
def ruled_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Another real PostgreSQL, for tests that make users, limit them, and change its settings."""
    from tests.services import RuledPostgres

    with RuledPostgres(tmp_path_factory.mktemp("services")) as postgres:
        yield postgres.url
