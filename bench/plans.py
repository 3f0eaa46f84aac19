"""PostgreSQL's plans: the statements of some work, and which of them read a large table from end to end."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event, text

LARGE_BYTES = 1 << 20


@contextmanager
def statements_of(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """Every statement sent meanwhile, with its parameters."""
    heard: list[tuple[str, Any]] = []

    def hear(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        heard.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(engine, "before_cursor_execute", hear)


def large_scans(engine: Engine, heard: list[tuple[str, Any]]) -> list[str]:
    """The statements that read a table of more than LARGE_BYTES without an index, each as table and first words; by
    EXPLAIN."""
    scans = set()
    with engine.connect() as connection:
        large = set(connection.execute(_LARGE, {"least": LARGE_BYTES}).scalars())
        for statement, parameters in {statement: (statement, bound) for statement, bound in heard}.values():
            ((plan,),) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).all()
            for step in _steps(plan[0]["Plan"]):
                if "Seq Scan" in step["Node Type"] and step["Relation Name"] in large:
                    scans.add(f"{step['Relation Name']}: {' '.join(statement.split())[:80]}")
    return sorted(scans)


_LARGE = text("SELECT relname FROM pg_class WHERE relkind = 'r' AND pg_relation_size(oid) > :least")


def _steps(plan: Any) -> Iterator[Any]:
    yield plan
    for step in plan.get("Plans", ()):
        yield from _steps(step)


def rows_scanned(engine: Engine) -> int:
    """How many rows of the record have been read by scans of whole tables so far, whatever the plans say."""
    with engine.connect() as connection:
        return int(connection.execute(_ROWS_SCANNED).scalar_one())


_ROWS_SCANNED = text("""
    SELECT COALESCE(sum(seq_tup_read), 0) FROM pg_stat_user_tables
    WHERE relname ~ '^(subjects|sessions|outcomes|chunks|requests|tallies)(_\\d+)?$'
""")
