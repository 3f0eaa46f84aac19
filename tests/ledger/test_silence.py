"""A silent server is noticed; one that works for a long time is not taken for silent."""

import time
from collections.abc import Callable, Iterator

import psycopg
import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from ledger import driver_options, liveness
from ledger.failures import LedgerError, as_ledger_errors
from ledger.liveness import WatchedConnection
from ledger.session import connect, driver_of
from tests.ledger.between import Link, link
from tests.ledger.databases import address, database, execute

GENEROUS_S = 60.0


IS_ACTIVE = "SELECT state = 'active' FROM pg_stat_activity WHERE pid = %s"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "QUIET_S", 0.4)
    monkeypatch.setitem(driver_options.NETWORK, "connect_timeout", 2)


@pytest.fixture
def _patient(_impatient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that answers, if late: the machine may be busy."""
    monkeypatch.setitem(driver_options.NETWORK, "connect_timeout", int(GENEROUS_S))


@pytest.fixture
def network(postgres_url: str) -> Iterator[Link]:
    with link(postgres_url) as between:
        yield between


@pytest.fixture
def far(postgres_url: str, network: Link) -> Iterator[Engine]:
    engine = connect(address(postgres_url, port=network.port), pool_size=2)
    yield engine
    engine.dispose()


def _ask(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))


def _commit(connection: Connection) -> None:
    connection.commit()


def _roll_back(connection: Connection) -> None:
    connection.rollback()
    connection.execute(text("SELECT 1"))


def _copy(connection: Connection) -> None:
    with driver_of(connection).cursor() as cursor, cursor.copy("COPY swallowed FROM STDIN") as copy:
        for _ in range(10_000):
            copy.write(b"x" * 65_536 + b"\n")


def _nobody() -> WatchedConnection:
    raise psycopg.OperationalError("nobody answers")


@pytest.mark.parametrize("step", [_ask, _commit, _roll_back, _copy])
def test_silence_is_noticed_whatever_waits(far: Engine, network: Link, step: Callable[[Connection], None]) -> None:
    began = time.monotonic()

    def work() -> None:
        with as_ledger_errors(), far.begin() as connection:
            connection.execute(text("CREATE TEMPORARY TABLE swallowed (line text) ON COMMIT DROP"))
            if step is not _ask:  # which asks in earnest, and waits for that
                watched = driver_of(connection)
                assert isinstance(watched, WatchedConnection)
                watched.ask = _nobody
            network.silent.set()
            step(connection)

    with pytest.raises(LedgerError) as told:
        work()
    assert told.value.lost
    assert time.monotonic() - began < GENEROUS_S
    network.silent.clear()
    with far.begin() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


@pytest.mark.usefixtures("_patient")
def test_one_that_works_for_long_is_let_work(far: Engine) -> None:
    with far.begin() as connection:
        assert connection.execute(text("SELECT 1 FROM pg_sleep(1.5)")).scalar_one() == 1


@pytest.mark.usefixtures("_patient")
def test_one_that_has_no_room_to_be_asked_is_let_work(ruled_url: str) -> None:
    with database(ruled_url, "crowded", user="crowded_user") as url:
        execute(ruled_url, "ALTER ROLE crowded_user CONNECTION LIMIT 1")
        engine = connect(url, pool_size=1)
        with engine.begin() as connection:
            assert connection.execute(text("SELECT 1 FROM pg_sleep(1)")).scalar_one() == 1
        engine.dispose()


def test_a_transaction_whose_answer_was_lost_is_not_taken_for_one_at_work(far: Engine, network: Link) -> None:
    """The server is done with it, and can be reached by others."""
    with far.connect() as connection:
        watched = driver_of(connection)
        assert isinstance(watched, WatchedConnection)
        ask = watched.ask
        assert ask is not None

        def asked() -> WatchedConnection:
            network.silent.clear()  # what was swallowed stays so
            return ask()

        watched.ask = asked
        network.silent.set()
        with pytest.raises(OperationalError):
            connection.execute(text("SELECT 1"))


@pytest.mark.usefixtures("_patient")
def test_an_answer_that_comes_while_the_server_is_asked_is_taken(far: Engine) -> None:
    with far.connect() as connection:
        watched = driver_of(connection)
        assert isinstance(watched, WatchedConnection)
        ask, backend = watched.ask, watched.backend
        assert ask is not None

        def asked_late() -> WatchedConnection:
            other = ask()
            while other.execute("SELECT state = 'active' FROM pg_stat_activity WHERE pid = %s", [backend]).fetchone()[
                0
            ]:
                time.sleep(0.01)
            return other

        watched.ask = asked_late
        assert connection.execute(text("SELECT 1 FROM pg_sleep(0.8)")).scalar_one() == 1


def test_the_kernel_is_told_to_notice_too(far: Engine) -> None:
    with far.connect() as connection:
        found = {one.keyword: one.val for one in driver_of(connection).pgconn.info}
    told = {name.decode(): value.decode() for name, value in found.items() if value is not None}
    assert told["keepalives"] == "1"
    assert int(told["tcp_user_timeout"]) <= 15_000
    assert int(told["keepalives_idle"]) + 3 * int(told["keepalives_interval"]) <= 30


def test_a_server_that_ends_us_is_no_silence(far: Engine, postgres_url: str) -> None:
    with far.connect() as connection:
        execute(postgres_url, f"SELECT pg_terminate_backend({driver_of(connection).info.backend_pid})")
        with pytest.raises(OperationalError):
            connection.execute(text("SELECT 1"))


def test_the_connections_of_tests_are_replaced_where_one_was_ended(engine: Engine, postgres_url: str) -> None:
    def backend() -> int:
        with engine.begin() as connection:
            return int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())

    ended = backend()
    execute(postgres_url, f"SELECT pg_terminate_backend({ended}, {GENEROUS_S * 1000:.0f})")  # and waits for its end
    assert backend() != ended
