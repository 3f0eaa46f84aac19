"""PostgreSQL's binary COPY, in the caller's transaction. A page of rows is one record of the write-ahead log."""

import struct
from collections.abc import Iterable
from typing import LiteralString

from sqlalchemy import Connection

from ledger.session import driver_of

_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
_TRAILER = struct.pack("!h", -1)


def copy_in(connection: Connection, statement: LiteralString, blocks: Iterable[bytes]) -> None:
    """Run a `COPY ... FROM STDIN (FORMAT binary)`. `blocks` are rows in its format, without header and trailer.

    Raises psycopg.Error, because it bypasses SQLAlchemy. An exception from `blocks` ends the COPY, and is raised here.
    """
    with driver_of(connection).cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(_HEADER)
        for block in blocks:
            copy.write(block)
        copy.write(_TRAILER)
