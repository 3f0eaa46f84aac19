"""Failures of PostgreSQL, in words for an operator."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import psycopg
from sqlalchemy.exc import ArgumentError, DBAPIError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from ledger.troubles import CUT, Trouble, refusal_of, trouble_of


class LedgerError(Exception):
    """PostgreSQL cannot be used now. The message says why, and never the address or the statement.

    `lost`: the connection broke off, so whether the last step was recorded is unknown. `word`: a single word for those
    who may not know more.
    """

    def __init__(self, why: str, *, lost: bool = False, word: str = "away") -> None:
        super().__init__(why)
        self.lost, self.word = lost, word


@contextmanager
def as_ledger_errors() -> Iterator[None]:
    """Turn the driver's errors into LedgerError where PostgreSQL is away, is lost, takes no writes, refuses us or lacks
    our tables. Errors of our own statements are raised unchanged."""
    try:
        yield
    except ArgumentError:
        raise LedgerError("its address cannot be read") from None
    except NoConnectionFree:
        raise LedgerError("all of our connections to it are in use; try again in a moment", word="busy") from None
    except PendingRollbackError:
        raise LedgerError(CUT.why, lost=True) from None
    except DBAPIError as error:
        if not isinstance(error.orig, psycopg.Error):
            raise
        _retell(error.orig, error, connected=error.statement is not None or error.connection_invalidated)
    except psycopg.Error as error:  # COPY bypasses SQLAlchemy
        _retell(error, error, connected=True)


def _retell(cause: psycopg.Error, raised: Exception, *, connected: bool) -> NoReturn:
    trouble = trouble_of(cause)
    if trouble is not None:
        raise LedgerError(trouble.why, lost=trouble.lost and connected, word=trouble.word) from None
    if cause.sqlstate is None:
        match cause:
            case psycopg.OperationalError() | psycopg.InterfaceError():
                found = CUT if connected else refusal_of(cause) or Trouble("nobody answers there")
                raise LedgerError(found.why, lost=connected, word=found.word) from None
            case psycopg.ProgrammingError():  # libpq about the address, which it quotes
                raise LedgerError("its address cannot be read") from None
    if isinstance(cause, psycopg.OperationalError):
        raise LedgerError(f"it answers with error {cause.sqlstate}; see its own log") from None
    raise raised
