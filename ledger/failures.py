"""What goes wrong between us and PostgreSQL, in words for an operator."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import psycopg
from psycopg.errors import UndefinedColumn, UndefinedTable
from sqlalchemy.exc import ArgumentError, DBAPIError


class LedgerError(Exception):
    """PostgreSQL cannot be used now. The message says why, and never where, as whom or what was asked.

    `lost`: it went away in the middle, so whether the last step was recorded is not known.
    """

    def __init__(self, why: str, *, lost: bool = False) -> None:
        super().__init__(why)
        self.lost = lost


REFUSALS = (
    ("authentication failed", "it refuses the login: check user and password in the address"),
    ("no password supplied", "it wants a password, and the address has none"),
    ('role "', "it does not know the user in the address"),
    ('database "', "it has no such database: check the end of the address"),
    ("too many clients", "all of its connections are taken; try again later"),
    ("starting up", "it is starting; try again in a moment"),
    ("shutting down", "it is shutting down"),
)
"""Signs in what libpq says where somebody answers and refuses. Its own words name the user and the database."""


@contextmanager
def told_as_ledger_errors() -> Iterator[None]:
    """Turn what the driver raises where PostgreSQL is away, is lost or has not got our tables into LedgerError."""
    try:
        yield
    except ArgumentError:
        raise LedgerError("its address cannot be read") from None
    except DBAPIError as error:
        if not isinstance(error.orig, psycopg.Error):
            raise
        _retell(error.orig, error, lost=error.connection_invalidated)
    except psycopg.Error as error:  # COPY goes past SQLAlchemy
        _retell(error, error, lost=True)


def _retell(cause: psycopg.Error, raised: Exception, *, lost: bool) -> NoReturn:
    match cause:
        case UndefinedTable() | UndefinedColumn():
            raise LedgerError("its tables are not ours, or older than this program: run `consent migrate`") from None
        case psycopg.OperationalError() | psycopg.InterfaceError():
            raise LedgerError(_why(cause, lost), lost=lost) from None
        case psycopg.ProgrammingError(sqlstate=None):  # libpq on the address, which it quotes
            raise LedgerError("its address cannot be read") from None
    raise raised


def _why(cause: psycopg.Error, lost: bool) -> str:
    if lost:
        return "the connection was lost"
    if cause.sqlstate:
        return f"it answers with error {cause.sqlstate}; see its own log"
    said = str(cause)
    return next((why for sign, why in REFUSALS if sign in said), "nobody answers there")
