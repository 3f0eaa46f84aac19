"""A ledger as it is now, kept beside its tables: to begin again from there costs less than to make it again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, text

from tests.services import empty

Restore = Callable[[], None]

_KEEP = text("""
DO $$
DECLARE
    of_tests record;
BEGIN
    DROP SCHEMA IF EXISTS kept CASCADE;
    CREATE SCHEMA kept;
    FOR of_tests IN
        SELECT relname AS name FROM pg_class
        WHERE relnamespace = CAST('public' AS regnamespace) AND relkind = 'r'
            AND relname NOT IN ('volumes', 'alembic_version') AND pg_relation_size(oid) > 0
    LOOP
        EXECUTE format('CREATE TABLE kept.%I AS TABLE public.%I', of_tests.name, of_tests.name);
    END LOOP;
    CREATE TABLE kept." sequences" AS
        SELECT CAST(format('%I.%I', schemaname, sequencename) AS text) AS name, last_value
        FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL;
END $$""")
_RESTORE = text("""
DO $$
DECLARE
    of_tests record;
BEGIN
    SET LOCAL session_replication_role = replica; -- without triggers, which have done their work
    FOR of_tests IN
        SELECT relname AS name FROM pg_class
        WHERE relnamespace = CAST('kept' AS regnamespace) AND relname <> ' sequences'
    LOOP
        EXECUTE format(
            'INSERT INTO public.%I OVERRIDING SYSTEM VALUE TABLE kept.%I', of_tests.name, of_tests.name);
    END LOOP;
    PERFORM setval(CAST(name AS regclass), last_value) FROM kept." sequences";
END $$""")


@contextmanager
def kept(engine: Engine) -> Iterator[Restore]:
    """What brings the ledger back to what it is now."""
    with engine.begin() as connection:
        connection.execute(_KEEP)

    def restore() -> None:
        with engine.begin() as connection:
            empty(connection)
            connection.execute(_RESTORE)

    yield restore
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA kept CASCADE"))
