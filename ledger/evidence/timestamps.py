"""Time stamps of the log's checkpoints, by an authority outside."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from cryptography.x509 import Certificate
from sqlalchemy import Connection, text

from evidence.timestamps import TimestampError, check
from ledger.evidence.sequencer import Signed, newest_checkpoint


class Stamped(NamedTuple):
    """A checkpoint as it was signed, and the authority's answer for it."""

    size: int
    signed: str
    answer: bytes
    at: datetime


def find_due(connection: Connection) -> Signed | None:
    """The newest checkpoint, where it has grown since the last time stamp and that is a day old."""
    newest = newest_checkpoint(connection)
    if newest is None or connection.execute(_RECENT, {"size": newest.size}).scalar_one():
        return None
    return newest


_RECENT = text("""
    SELECT EXISTS (SELECT FROM log_timestamps WHERE size >= :size OR at > now() - interval '1 day')
""")


def keep(connection: Connection, checkpoint: Signed, answer: bytes) -> None:
    """Keep the answer for a checkpoint. Where another process was first, its answer stays."""
    connection.execute(_KEEP, {"size": checkpoint.size, "signed": checkpoint.signed, "answer": answer})


_KEEP = text("""
    INSERT INTO log_timestamps (size, signed, answer) VALUES (:size, :signed, :answer) ON CONFLICT DO NOTHING
""")


def stamped(connection: Connection, but: Collection[int] = ()) -> list[Stamped]:
    """All of them but those of these sizes, the oldest first."""
    return [Stamped(*row) for row in connection.execute(_STAMPED, {"but": list(but)})]


_STAMPED = text("""
    SELECT size, signed, answer, at FROM log_timestamps WHERE size <> ALL(CAST(:but AS bigint[])) ORDER BY size
""")


def check_timestamps(connection: Connection, roots: Sequence[Certificate]) -> Iterator[str]:
    """What of the time stamps does not hold: sentences. Whether their checkpoints are those of the log, `check_log`
    says."""
    for one in stamped(connection):
        try:
            check(one.answer, one.signed.encode(), roots)
        except TimestampError as error:
            yield f"the time stamp of the checkpoint at {one.size:,} entries: {error}"
