"""Databases of their own on the tests' PostgreSQL, and users who may little there."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.sql import SQL, Identifier, Literal
from sqlalchemy import make_url

PASSWORD = "of-the-tests"


def address(url: str, *, database: str | None = None, user: str | None = None, port: int | None = None) -> str:
    """The same address with another database, user or port."""
    changed = make_url(url)
    if database is not None:
        changed = changed.set(database=database)
    if user is not None:
        changed = changed.set(username=user, password=PASSWORD)
    if port is not None:
        changed = changed.set(host="127.0.0.1", port=port, query={})
    return changed.render_as_string(hide_password=False)


def execute(url: str, *statements: str) -> None:
    """Run each by itself, outside of any transaction."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@contextmanager
def database(url: str, name: str, *, user: str | None = None, like: str = "template1") -> Iterator[str]:
    """A copy of an empty database, and the address at which its owner, or `user` who has nothing in it, finds it."""
    # PostgreSQL's usual way logs and compresses each page, for a third of a second of processor.
    made = SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
    gone = SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
    role = Identifier(user or "nobody")
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(gone.format(Identifier(name)))
        connection.execute(made.format(Identifier(name), Identifier(like)))
        if user is not None:
            connection.execute(SQL("DROP ROLE IF EXISTS {}").format(role))
            connection.execute(SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, Literal(PASSWORD)))
        try:
            yield address(url, database=name, user=user)
        finally:
            connection.execute(gone.format(Identifier(name)))
            if user is not None:
                connection.execute(SQL("DROP ROLE {}").format(role))
