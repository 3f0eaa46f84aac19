"""Forgets the people of requests: their data keys are destroyed at once, and what could tell who they were is deleted,
fingerprints in steps."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from ledger import suppression

_NOBODY = "CAST('00000000-0000-0000-0000-000000000000' AS uuid)"
"""In place of a fingerprint that a table wants to have."""
STEP = 5_000
"""Lines of a request whose fingerprints are deleted in one transaction."""


def forget(connection: Connection, request_ids: Sequence[int]) -> None:
    """Destroy the data keys of these requests, with what could name a person. From when the caller commits nobody can
    read their people, or find them. Their fingerprints are left to `delete_prints`."""
    ids = {"ids": list(request_ids)}
    connection.execute(_DESTROY_KEYS, ids)
    forget_names(connection, request_ids)
    connection.execute(_PRINTS_ARE_DUE, ids)


_DESTROY_KEYS = text("""
    UPDATE requests
    SET data_key = NULL, forgotten_at = now(), options = '', content_digest = '',
        idempotency_key = NULL, idempotency_print = NULL
    WHERE id = ANY(CAST(:ids AS bigint[])) AND data_key IS NOT NULL
""")
_PRINTS_ARE_DUE = text("""
    INSERT INTO forgetting (request_id)
    SELECT id FROM requests WHERE id = ANY(CAST(:ids AS bigint[])) AND data_key IS NULL ON CONFLICT DO NOTHING
""")


def forget_names(connection: Connection, request_ids: Sequence[int]) -> None:
    """Delete what was said of these requests as a whole and could name a person, of those without a data key."""
    for statement in _FORGET_NAMES:
        connection.execute(statement, {"ids": list(request_ids)})


_FORGOTTEN = "request_id IN (SELECT id FROM requests WHERE id = ANY(CAST(:ids AS bigint[])) AND data_key IS NULL)"
_FORGET_NAMES = (
    text(f"DELETE FROM request_references WHERE {_FORGOTTEN}"),
    text(f"""
        UPDATE opendsr_requests SET content_print = {_NOBODY}, group_print = NULL, sealed_group = NULL
        WHERE {_FORGOTTEN}
    """),
)


def delete_prints(connection: Connection) -> bool:
    """Delete the fingerprints, and what was sealed, of the next lines of one forgotten request; False where there is
    none that nobody else works on."""
    due = connection.execute(_NEXT).one_or_none()
    if due is None:
        return False
    span = {"id": due.request_id, "after": due.after_line, "last": due.after_line + STEP}
    suppression.keep(connection, (due.request_id, due.after_line), (due.request_id, due.after_line + STEP))
    for statement in _DELETE_PRINTS:
        connection.execute(statement, span)
    is_last = connection.execute(_IS_LAST, span).scalar_one()
    connection.execute(_DONE if is_last else _GO_ON, span)
    return True


_NEXT = text("SELECT request_id, after_line FROM forgetting ORDER BY request_id LIMIT 1 FOR UPDATE SKIP LOCKED")
_OF_LINES = "request_id = :id AND line > :after AND line <= :last"
# A volume that has ended may list fingerprints that came late (late_prints). They stay where another request has them.
_DELETE_PRINTS = (
    text(f"""
        DELETE FROM late_prints USING volumes
        WHERE volume = volumes.id AND :id >= first_request AND :id < past_request
            AND print IN (
                SELECT print FROM subjects, unnest(ARRAY[user_print, email_print, phone_print]) AS print
                WHERE {_OF_LINES} AND print IS NOT NULL)
            AND NOT EXISTS (
                SELECT FROM subjects WHERE user_print = print AND request_id <> :id
                    AND request_id >= first_request AND request_id < past_request)
            AND NOT EXISTS (
                SELECT FROM subjects WHERE email_print = print AND request_id <> :id
                    AND request_id >= first_request AND request_id < past_request)
            AND NOT EXISTS (
                SELECT FROM subjects WHERE phone_print = print AND request_id <> :id
                    AND request_id >= first_request AND request_id < past_request)
    """),
    text(f"""
        UPDATE subjects
        SET sealed = '', whole_print = {_NOBODY}, user_print = NULL, email_print = NULL, phone_print = NULL
        WHERE {_OF_LINES}
    """),
    text(f"DELETE FROM other_identifiers WHERE {_OF_LINES}"),
    text(f"DELETE FROM sessions WHERE {_OF_LINES}"),
)
_IS_LAST = text("SELECT NOT EXISTS (SELECT FROM subjects WHERE request_id = :id AND line > :last)")
_DONE = text("DELETE FROM forgetting WHERE request_id = :id")
_GO_ON = text("UPDATE forgetting SET after_line = :last WHERE request_id = :id")
