"""Limits that a database's owner has set for our role must not break our longer statements."""

import pytest
from sqlalchemy import text

from domain.requests import Kind
from ledger.delivery.vendors import announce
from ledger.failures import LedgerError
from ledger.sealing import MasterKeys
from ledger.session import connect, migrate
from tasks.submission import Submission
from tasks.submit import submit
from tests.ledger.conftest import people
from tests.ledger.databases import address, database, execute

ROLE = "hurried"
LIMITS = (
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "transaction_timeout",
)
SLOW = """
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.6); RETURN NULL; END $$;
CREATE TRIGGER slow AFTER INSERT ON subjects FOR EACH STATEMENT EXECUTE FUNCTION slow();
"""


@pytest.mark.parametrize("count", [2, 1_200])
def test_the_limits_of_the_role_do_not_count(ruled_url: str, masters: MasterKeys, count: int) -> None:
    """A migration takes longer than they allow, and so do a few people and a file of them."""
    with database(ruled_url, "limited", user=ROLE) as url:
        own = address(ruled_url, database="limited")
        execute(own, f"GRANT CREATE ON SCHEMA public TO {ROLE}")
        execute(own, *(f"ALTER ROLE {ROLE} SET {limit} = '400ms'" for limit in LIMITS))
        engine = connect(url, pool_size=2)
        try:
            migrate(engine)
            with engine.begin() as connection:
                connection.execute(text(SLOW))
                announce(connection, {"insider": 1_000})
            receipt = submit(
                Submission(Kind.ERASURE), people(count), engine=engine, masters=masters, wake=lambda _: None
            )
            assert receipt.recorded.people == count
        finally:
            engine.dispose()


def test_who_may_create_nothing_is_told_what_to_run_and_that_is_enough(ruled_url: str) -> None:
    with database(ruled_url, "foreign", user="guest-role") as url:
        engine = connect(url, pool_size=2)
        try:
            with pytest.raises(LedgerError) as told:
                migrate(engine)
            said = str(told.value)
            assert "\n" not in said
            execute(address(ruled_url, database="foreign"), said[said.index("GRANT") :])
            migrate(engine)
        finally:
            engine.dispose()


def test_who_owns_nothing_of_it_is_told(ruled_url: str) -> None:
    with database(ruled_url, "owned", user="no_owner") as url:
        owner = connect(address(ruled_url, database="owned"), pool_size=2)
        migrate(owner, "0010")
        owner.dispose()
        execute(
            address(ruled_url, database="owned"),
            "GRANT ALL ON SCHEMA public TO no_owner",
            "GRANT ALL ON ALL TABLES IN SCHEMA public TO no_owner",
        )
        engine = connect(url, pool_size=2)
        with pytest.raises(LedgerError, match="as the user who made them"):
            migrate(engine)
        engine.dispose()
