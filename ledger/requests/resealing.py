"""Replaces the data key of a request whose people were forgotten but for those who still wait: these are sealed again
under a new key, and with the old one nobody else can be read, in no backup either."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, text

from ledger import data_keys
from ledger.contexts import key_context, options_context, reference_context, session_context, subject_contexts
from ledger.forgetting import LAST_LINE, spare_nobody
from ledger.keys import open_key
from ledger.notices.opendsr import group_context
from ledger.notices.webhooks import url_context
from ledger.sealing import MasterKeys, SealingKey, UnsealError

AT_ONCE = 5_000
"""People read and written together."""


def reseal_next(connection: Connection, masters: MasterKeys, after: int) -> int | None:
    """Replace the key of the next request after this one whose other people are all forgotten, and of which nothing is
    under way; returns its number, None where there is none left. One whose master key was given up is left as it is:
    nobody can read whom it keeps.

    Raises ledger.sealing.UnsealError where something sealed was tampered with.
    """
    request = connection.execute(_NEXT, {"after": after, "last_line": LAST_LINE}).one_or_none()
    if request is None:
        return None
    # In a second statement: what the first one saw of chunks may be older than the lock.
    if not connection.execute(_AT_REST, {"id": request.id, "last_line": LAST_LINE}).scalar_one():
        return int(request.id)
    try:
        old = open_key(masters, request.public_id, request.wrapped)
    except UnsealError:
        return int(request.id)
    new = SealingKey.generate()
    people = _reseal_people(connection, request.id, old, new)
    for sealed in _SEALED:
        _reseal(connection, request, sealed, old, new)
    wrapped = masters.seal(new.raw, key_context(request.public_id))
    connection.execute(_REPLACE, {"id": request.id, "wrapped": wrapped, "people": people})
    connection.execute(_DONE, {"id": request.id})
    spare_nobody(connection, request.id)
    return int(request.id)


_NEXT = text(f"""
    SELECT id, public_id, {data_keys.wrapped_key()} AS wrapped
    FROM forgetting JOIN requests ON requests.id = request_id
    WHERE request_id > :after AND in_part AND after_line = :last_line AND {data_keys.has_key()}
    ORDER BY request_id LIMIT 1 FOR NO KEY UPDATE OF requests SKIP LOCKED
""")
_AT_REST = text("""
    SELECT EXISTS (SELECT FROM forgetting WHERE request_id = :id AND in_part AND after_line = :last_line)
        AND NOT EXISTS (SELECT FROM chunks WHERE request_id = :id AND state <> 'closed')
""")
_REPLACE = text("UPDATE data_keys SET wrapped = :wrapped, spared = :people WHERE request_id = :id")
_DONE = text("DELETE FROM forgetting WHERE request_id = :id")


def _reseal_people(connection: Connection, request_id: int, old: SealingKey, new: SealingKey) -> int:
    people, after = 0, 0
    while rows := connection.execute(_PEOPLE, {"id": request_id, "after": after, "most": AT_ONCE}).all():
        contexts = subject_contexts(request_id, [row.line for row in rows])
        again = new.seal_all(old.open_all([row.sealed for row in rows], contexts), contexts)
        connection.execute(_WRITE_PEOPLE, {"id": request_id, "lines": [row.line for row in rows], "again": again})
        people, after = people + len(rows), rows[-1].line
    return people


_PEOPLE = text("""
    SELECT line, sealed FROM subjects WHERE request_id = :id AND line > :after AND sealed <> ''
    ORDER BY line LIMIT :most
""")
_WRITE_PEOPLE = text("""
    UPDATE subjects SET sealed = given.again
    FROM unnest(CAST(:lines AS integer[]), CAST(:again AS bytea[])) AS given (line, again)
    WHERE request_id = :id AND subjects.line = given.line
""")


class _Sealed(NamedTuple):
    """What else is sealed under the key of a request: the rows, each with `place` and `sealed`; their context; and the
    statement that writes one."""

    rows: str
    context: Callable[[Row[Any], Row[Any]], bytes]
    write: str


_SEALED = (
    _Sealed(
        "SELECT NULL AS place, options AS sealed FROM requests WHERE id = :id AND options <> ''",
        lambda request, row: options_context(request.public_id),
        "UPDATE requests SET options = :again WHERE id = :id",
    ),
    _Sealed(
        "SELECT NULL AS place, sealed FROM request_references WHERE request_id = :id",
        lambda request, row: reference_context(request.public_id),
        "UPDATE request_references SET sealed = :again WHERE request_id = :id",
    ),
    _Sealed(
        "SELECT id AS place, sealed_url AS sealed FROM webhooks WHERE request_id = :id AND sealed_url IS NOT NULL",
        lambda request, row: url_context(request.public_id),
        "UPDATE webhooks SET sealed_url = :again WHERE id = :place",
    ),
    _Sealed(
        "SELECT NULL AS place, sealed_group AS sealed FROM opendsr_requests "
        "WHERE request_id = :id AND sealed_group IS NOT NULL",
        lambda request, row: group_context(request.public_id),
        "UPDATE opendsr_requests SET sealed_group = :again WHERE request_id = :id",
    ),
    _Sealed(
        "SELECT line, vendor_id, sealed FROM sessions WHERE request_id = :id",
        lambda request, row: session_context(request.id, row.line, row.vendor_id),
        "UPDATE sessions SET sealed = :again WHERE request_id = :id AND line = :line AND vendor_id = :vendor_id",
    ),
)


def _reseal(connection: Connection, request: Row[Any], sealed: _Sealed, old: SealingKey, new: SealingKey) -> None:
    for row in connection.execute(text(sealed.rows), {"id": request.id}).all():
        context = sealed.context(request, row)
        again = new.seal(old.open(row.sealed, context), context)
        values: Mapping[str, Any] = {**row._mapping, "id": request.id, "again": again}
        connection.execute(text(sealed.write), values)
