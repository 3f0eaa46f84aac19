"""Behind a pooler that lends a connection for one transaction only."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text

from domain.requests import Kind
from ledger import volumes
from ledger.delivery.vendors import announce
from ledger.driver_options import STATEMENT_S
from ledger.failures import LedgerError, as_ledger_errors
from ledger.fitness import check_fitness
from ledger.sealing import MasterKeys
from ledger.session import connect, migrate
from ledger.troubles import SET_POOLER
from tasks.submission import Submission
from tasks.submit import submit
from tests.ledger.between import Pooler, pooler
from tests.ledger.conftest import people
from tests.ledger.databases import address, database, execute

ROLE = "pooled_user"


@pytest.fixture(scope="module")
def between(ruled_url: str) -> Iterator[Pooler]:
    """A pooler before an empty ledger whose role ends every statement after 300 ms."""
    with database(ruled_url, "pooled", user=ROLE) as url:
        execute(
            address(ruled_url, database="pooled"),
            f"GRANT CREATE ON SCHEMA public TO {ROLE}",
            f"ALTER ROLE {ROLE} SET statement_timeout = '300ms'",
        )
        with pooler(url) as found:
            yield found


@pytest.fixture(scope="module")
def far(between: Pooler) -> Iterator[Engine]:
    """The ledger, as who knows of the pooler reaches it; migrated through it."""
    engine = connect(at(between), pool_size=4, patience_s=5.0, pooled=True)
    migrate(engine)
    with engine.begin() as connection:
        announce(connection, {"insider": 10})
    yield engine
    engine.dispose()
    assert between.broken == []


def at(between: Pooler) -> str:
    return address(f"postgresql://{ROLE}@x/pooled", port=between.port)


def test_everything_works_and_nothing_outlasts_a_transaction(far: Engine, between: Pooler, masters: MasterKeys) -> None:
    def one(number: int) -> int:
        several = people(1 if number % 3 else 1_200)
        receipt = submit(Submission(Kind.ERASURE), several, engine=far, masters=masters, wake=lambda _: None)
        return receipt.recorded.people

    check_fitness(far)
    with ThreadPoolExecutor(6) as many:
        assert sorted(many.map(one, range(24))) == [1] * 16 + [1_200] * 8
    assert len(between.used) > 2
    assert between.broken == []


def test_our_own_bounds_count_in_each_transaction_and_not_after_it(far: Engine, between: Pooler) -> None:
    with far.begin() as connection:
        connection.execute(text("SELECT pg_sleep(0.4)"))  # the role would have ended it
        found = {
            name: connection.execute(text(f"SHOW {name}")).scalar_one()
            for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        }
    assert found == {
        "statement_timeout": f"{STATEMENT_S / 60:.0f}min",
        "lock_timeout": "5s",
        "idle_in_transaction_session_timeout": "5s",
    }


def test_a_volume_is_dropped(far: Engine, between: Pooler, masters: MasterKeys) -> None:
    with far.begin() as connection:
        assert volumes.turn_over(connection, most_bytes=0) == 2
        connection.execute(text("UPDATE requests SET status = 'completed', closed_at = now() - interval '9 days'"))
        connection.execute(text("UPDATE chunks SET state = 'closed'"))
        connection.execute(text("UPDATE volumes SET ended_at = now() - interval '9 days' WHERE id = 1"))
    assert [one.id for one in volumes.drop_expired(far, 8)] == [1]
    with far.begin() as connection:
        assert connection.execute(text("SELECT to_regclass('outcomes_1'), to_regclass('subjects_1')")).one() == (
            None,
            None,
        )
    assert between.broken == []


@pytest.mark.parametrize("drops_options", [False, True])
def test_who_was_not_told_of_the_pooler_is_told_what_to_set(ruled_url: str, *, drops_options: bool) -> None:
    with pooler(ruled_url, connections=2, drops_options=drops_options) as found:
        engine = connect(address(ruled_url, port=found.port))
        with pytest.raises(LedgerError) as told, as_ledger_errors(), engine.connect():
            pass
        engine.dispose()
    assert str(told.value) == SET_POOLER
    assert "CONSENT_DATABASE_POOLER=transaction" in SET_POOLER
