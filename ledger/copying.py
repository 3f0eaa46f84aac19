"""PostgreSQL's binary COPY, in the caller's transaction: a page of rows is one record of its write-ahead log."""

import struct
from typing import LiteralString

from sqlalchemy import Connection

from ledger.session import driver_of

_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
_TRAILER = struct.pack("!h", -1)


def copy_in(connection: Connection, statement: LiteralString, rows: bytes) -> None:
    """Run a `COPY ... FROM STDIN (FORMAT binary)`; `rows` in its format, without header and trailer.

    Raises psycopg.Error: this goes past SQLAlchemy.
    """
    with driver_of(connection).cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(_HEADER + rows + _TRAILER)
