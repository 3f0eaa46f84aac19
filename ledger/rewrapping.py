"""Wraps anew, by the newest master key, what an older one wraps. What is sealed below is not touched."""

from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, TextClause, text

from ledger.contexts import draft_key_context, key_context
from ledger.sealing import KEY_ID_BYTES, MasterKeys


class Place(NamedTuple):
    """A table whose rows have a wrapped key, the names of its columns, where the public id is, and what binds the key
    to it."""

    table: str
    id: str
    key: str
    with_public_id: str
    context: Callable[[UUID], bytes]


PLACES = (
    Place("data_keys", "request_id", "wrapped", "data_keys JOIN requests ON requests.id = request_id", key_context),
    Place("drafts", "id", "data_key", "drafts", draft_key_context),
)


class Step(NamedTuple):
    """What one step did: keys wrapped anew, and the row from which to go on; None: it was the last."""

    rewrapped: int
    after: int | None


def rewrap(connection: Connection, masters: MasterKeys, place: Place, after: int, most: int) -> Step:
    """Wrap anew the keys of the next rows of a table, `most` rows at most, except those that somebody has locked, and
    those of a master key that is not given.

    Raises ledger.sealing.UnsealError where one was tampered with.
    """
    last = connection.execute(_sql(_LAST, place), {"after": after, "most": most}).scalar()
    if last is None:
        return Step(0, None)
    span = {"after": after, "last": last, "older": masters.ids[1:]}
    rows = connection.execute(_sql(_LOCK_OLD, place), span).all()
    if rows:
        again = [
            masters.seal(masters.open(row.wrapped, place.context(row.public_id)), place.context(row.public_id))
            for row in rows
        ]
        connection.execute(_sql(_WRITE, place), {"ids": [row.id for row in rows], "again": again})
    return Step(len(rows), last)


def _sql(statement: str, place: Place) -> TextClause:
    return text(statement.format(place=place))


_LAST = """
    SELECT max(id) FROM (
        SELECT {place.id} AS id FROM {place.table} WHERE {place.id} > :after ORDER BY {place.id} LIMIT :most) AS next
"""
_LOCK_OLD = f"""
    SELECT {{place.table}}.{{place.id}} AS id, public_id, {{place.key}} AS wrapped FROM {{place.with_public_id}}
    WHERE {{place.table}}.{{place.id}} > :after AND {{place.table}}.{{place.id}} <= :last
        AND substring({{place.key}} FROM 1 FOR {KEY_ID_BYTES}) = ANY(CAST(:older AS bytea[]))
    ORDER BY 1 FOR NO KEY UPDATE OF {{place.table}} SKIP LOCKED
"""
_WRITE = """
    UPDATE {place.table} AS place SET {place.key} = given.again
    FROM unnest(CAST(:ids AS bigint[]), CAST(:again AS bytea[])) AS given (id, again)
    WHERE place.{place.id} = given.id
"""


def rewrap_fingerprint_keys(connection: Connection, masters: MasterKeys) -> int:
    """Wrap the fingerprint key, and those that it has replaced, by the newest master key; returns how many were not so
    yet. Raises ledger.sealing.UnsealError."""
    rewrapped = 0
    for row in connection.execute(_LOCK_FINGERPRINTS).all():
        if row.wrapped[:KEY_ID_BYTES] != masters.ids[0]:
            context = row.purpose.encode()
            again = masters.seal(masters.open(row.wrapped, context), context)
            connection.execute(_WRITE_FINGERPRINTS, {"purpose": row.purpose, "again": again})
            rewrapped += 1
    return rewrapped


_LOCK_FINGERPRINTS = text("SELECT purpose, wrapped FROM keys ORDER BY number FOR NO KEY UPDATE")
_WRITE_FINGERPRINTS = text("UPDATE keys SET wrapped = :again WHERE purpose = :purpose")


def number_of(connection: Connection) -> int:
    """The number of this transaction. Those that wrote before have smaller ones."""
    return int(connection.execute(_NUMBER).scalar_one())


def have_ended(connection: Connection, before: int) -> bool:
    """Whether every transaction below this number has ended."""
    return int(connection.execute(_OLDEST).scalar_one()) >= before


_NUMBER = text("SELECT CAST(pg_current_xact_id() AS text)")
_OLDEST = text("SELECT CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text)")
