"""PostgreSQL's binary COPY, in the caller's transaction: a page of rows is one record of its write-ahead log."""

import struct
from typing import LiteralString

import psycopg
from sqlalchemy import Connection

_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
_TRAILER = struct.pack("!h", -1)


def copy_in(connection: Connection, statement: LiteralString, rows: bytes) -> None:
    """Run a `COPY ... FROM STDIN (FORMAT binary)`; `rows` in its format, without header and trailer.

    Raises psycopg.Error: this goes past SQLAlchemy.
    """
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101 - for the type checker: session.connect chose the driver
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(_HEADER + rows + _TRAILER)
