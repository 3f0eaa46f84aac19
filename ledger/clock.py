"""The time by PostgreSQL."""

from datetime import datetime

from sqlalchemy import text

from ledger.session import Connection


def time_by(connection: Connection) -> datetime:
    """The moment at which it is asked."""
    moment: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    return moment
