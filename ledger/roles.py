"""Makes the roles of a ledger in PostgreSQL, and gives them their rights, after every migration: later ones make tables
too."""

from collections.abc import Iterable, Sequence

from psycopg.errors import InsufficientPrivilege, LockNotAvailable
from psycopg.sql import SQL, Composed, Identifier
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from ledger.role_gaps import GAPS
from ledger.role_names import Place, place_of


def keep_roles(engine: Engine) -> str | None:
    """Make the roles that are missing, have the owner own what is ours, and give each role its rights. What is done
    already is not done again.

    Returns what an administrator has to run first where this user may not do it; or None.
    """
    with engine.connect() as connection:
        place = place_of(connection)
    for gap in GAPS:
        with engine.connect() as connection:
            statements = list(gap(connection, place))
        if not statements:
            continue
        try:
            _run(engine, statements)
        except DBAPIError as error:
            if isinstance(error.orig, LockNotAvailable):
                return None  # a program is at work on one of our tables: the next migration goes on
            if isinstance(error.orig, InsufficientPrivilege):
                return for_administrator(place)
            raise
    return None


def for_administrator(place: Place) -> str:
    """SQL that makes the roles, and lets this user give them their rights at the next migration."""
    user, schema, owner = Identifier(place.user), Identifier(place.schema), Identifier(place.roles.owner)
    statements = [
        *(SQL("CREATE ROLE {}").format(Identifier(role)) for role in place.roles),
        SQL("GRANT {} TO {}").format(owner, user),
        SQL("GRANT USAGE, CREATE ON SCHEMA {} TO {}").format(schema, owner),
    ]
    return " ".join(f"{statement.as_string()};" for statement in statements)


def _run(engine: Engine, statements: Sequence[Composed]) -> None:
    """All at once where nobody works on the tables; else one after the other, so that others wait only briefly."""
    try:
        _in_one(engine, statements, wait="100ms")
    except DBAPIError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise
        for statement in statements:
            _in_one(engine, [statement], wait="2s")


def _in_one(engine: Engine, statements: Iterable[Composed], *, wait: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(f"SET LOCAL lock_timeout = '{wait}'"))
        for statement in statements:
            connection.exec_driver_sql(statement.as_string())
