"""PostgreSQL's time: the only one that is compared with what the ledger keeps."""

from datetime import datetime

from sqlalchemy import Connection, text


def now(connection: Connection) -> datetime:
    """When the present transaction began, by PostgreSQL's clock."""
    moment: datetime = connection.execute(_NOW).scalar_one()
    return moment


_NOW = text("SELECT now()")
