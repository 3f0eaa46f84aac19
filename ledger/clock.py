"""The time by PostgreSQL: the only one that is compared with what the ledger keeps."""

from datetime import datetime

from sqlalchemy import Connection, text


def now(connection: Connection) -> datetime:
    """When the present transaction began."""
    moment: datetime = connection.execute(_NOW).scalar_one()
    return moment


def time_by(connection: Connection) -> datetime:
    """The moment at which it is asked."""
    moment: datetime = connection.execute(_THIS_MOMENT).scalar_one()
    return moment


_NOW = text("SELECT now()")
_THIS_MOMENT = text("SELECT clock_timestamp()")
