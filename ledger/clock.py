"""PostgreSQL's time, the only one compared with times in the ledger."""

from datetime import datetime

from sqlalchemy import Connection, text


def now(connection: Connection) -> datetime:
    """When the present transaction began."""
    moment: datetime = connection.execute(_NOW).scalar_one()
    return moment


def time_by(connection: Connection) -> datetime:
    """The time now."""
    moment: datetime = connection.execute(_THIS_MOMENT).scalar_one()
    return moment


_NOW = text("SELECT now()")
_THIS_MOMENT = text("SELECT clock_timestamp()")
