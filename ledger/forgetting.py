"""Forgets the people of requests: their data keys are destroyed at once, and what could tell who they were is deleted,
fingerprints in steps."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text

from ledger import suppressing
from ledger.data_keys import DESTROY, has_key

_NOBODY = "CAST('00000000-0000-0000-0000-000000000000' AS uuid)"
"""In place of a fingerprint that a table wants to have."""
STEP = 5_000
"""Lines whose fingerprints are deleted in one transaction: of several small requests together, or of one."""
MOST_REQUESTS = 1_000
LAST_LINE = 2_147_483_647
"""`forgetting.after_line` of a request whose last line is done, while people of it who still wait keep its key."""


def forget(connection: Connection, request_ids: Sequence[int]) -> None:
    """Destroy the data keys of these requests, with what could name a person. From when the caller commits nobody can
    read their people, or find them. Their fingerprints are left to `delete_prints`."""
    ids = {"ids": list(request_ids)}
    connection.execute(_NOTE_FORGOTTEN, ids)
    destroy_keys(connection, request_ids)
    forget_names(connection, request_ids)
    connection.execute(_PRINTS_ARE_DUE, ids)


_NOTE_FORGOTTEN = text(f"""
    UPDATE requests
    SET forgotten_at = now(), forget_from = NULL, options = '', content_digest = '',
        idempotency_key = NULL, idempotency_print = NULL
    WHERE id = ANY(CAST(:ids AS bigint[])) AND {has_key()}
""")
_PRINTS_ARE_DUE = text(f"""
    INSERT INTO forgetting (request_id)
    SELECT id FROM requests WHERE id = ANY(CAST(:ids AS bigint[])) AND NOT {has_key()}
    ON CONFLICT DO NOTHING
""")


def destroy_keys(connection: Connection, request_ids: Sequence[int]) -> None:
    """Destroy the data keys of these requests, which the caller has locked and notes as forgotten. Who of them was kept
    when the others were forgotten is so no longer."""
    ids = {"ids": list(request_ids)}
    connection.execute(_DESTROY, ids)
    connection.execute(_KEEP_NOBODY, ids)


_DESTROY = text(DESTROY)
_KEEP_NOBODY = text("""
    UPDATE forgetting SET after_line = 0, in_part = false WHERE request_id = ANY(CAST(:ids AS bigint[])) AND in_part
""")


def forget_but(connection: Connection, request_id: int, spared: Sequence[int]) -> None:
    """Forget the people of a request but those on the lines `spared`, who still wait for somebody: their fingerprints
    and what was sealed are left to `delete_prints`, and then the key is replaced by one for those who are left
    (`ledger.requests.resealing`)."""
    spare_nobody(connection, request_id)
    connection.execute(_SPARE, {"id": request_id, "lines": list(spared)})
    connection.execute(_FORGET_THE_OTHERS, {"id": request_id})


_SPARE = text("INSERT INTO spared_lines (request_id, line) SELECT :id, unnest(CAST(:lines AS integer[]))")
_FORGET_THE_OTHERS = text("""
    INSERT INTO forgetting (request_id, in_part) VALUES (:id, true)
    ON CONFLICT (request_id) DO UPDATE SET after_line = 0, in_part = true
""")


def spare_nobody(connection: Connection, request_id: int) -> None:
    """Delete the list of those whom `forget_but` has spared, in the transaction that writes a new list or gives those
    people a key of their own."""
    connection.execute(_SPARE_NOBODY, {"id": request_id})


_SPARE_NOBODY = text("DELETE FROM spared_lines WHERE request_id = :id")


def forget_names(connection: Connection, request_ids: Sequence[int]) -> None:
    """Delete what was said of these requests as a whole and could name a person, of those without a data key."""
    for statement in _FORGET_NAMES:
        connection.execute(statement, {"ids": list(request_ids)})


_FORGOTTEN = f"request_id IN (SELECT id FROM requests WHERE id = ANY(CAST(:ids AS bigint[])) AND NOT {has_key()})"
_FORGET_NAMES = (
    text(f"DELETE FROM request_references WHERE {_FORGOTTEN}"),
    text(f"""
        UPDATE opendsr_requests SET content_print = {_NOBODY}, group_print = NULL, sealed_group = NULL
        WHERE {_FORGOTTEN}
    """),
)


def delete_prints(connection: Connection) -> bool:
    """Delete the fingerprints, and what was sealed, of the next lines of forgotten people; False where there are none
    that nobody else works on."""
    spans = _next_spans(connection)
    if not spans:
        return False
    ids, afters, lasts = (list(column) for column in zip(*spans, strict=True))
    values = {"ids": ids, "afters": afters, "lasts": lasts}
    gone = connection.execute(_LINES, values).all()
    if gone:
        _delete_lines(connection, {"requests": [row.request_id for row in gone], "lines": [row.line for row in gone]})
    connection.execute(_DONE, {**values, "last_line": LAST_LINE})
    return True


class _Span(NamedTuple):
    """Lines of a request, `after` excluded. `last` is LAST_LINE where no more follow."""

    id: int
    after: int
    last: int


def _next_spans(connection: Connection) -> list[_Span]:
    """Small requests together: with one transaction for each, a day of millions would take longer than a day."""
    spans: list[_Span] = []
    total = 0
    for row in connection.execute(_NEXT, {"most": MOST_REQUESTS, "last_line": LAST_LINE}):
        left = max(row.lines - row.after_line, 0)
        if spans and total + left > STEP:
            break
        total += left
        spans.append(_Span(row.request_id, row.after_line, LAST_LINE if left <= STEP else row.after_line + STEP))
    return spans


_NEXT = text("""
    SELECT request_id, after_line, subjects + duplicates AS lines
    FROM forgetting JOIN requests ON requests.id = request_id
    WHERE after_line < :last_line
    ORDER BY request_id LIMIT :most FOR UPDATE OF forgetting SKIP LOCKED
""")
# The bounds on request_id tell the planner which volumes to read. OFFSET 0: looked up one by one, never all who wait.
_LINES = text("""
    SELECT found.request_id, found.line
    FROM unnest(CAST(:ids AS bigint[]), CAST(:afters AS integer[]), CAST(:lasts AS integer[])) AS span (id, after, last)
    CROSS JOIN LATERAL (
        SELECT request_id, line FROM subjects
        WHERE request_id = span.id AND line > span.after AND line <= span.last
            AND request_id BETWEEN (CAST(:ids AS bigint[]))[1]
                AND (CAST(:ids AS bigint[]))[cardinality(CAST(:ids AS bigint[]))]
        OFFSET 0) AS found
    WHERE NOT EXISTS (
        SELECT FROM spared_lines JOIN forgetting USING (request_id)
        WHERE in_part AND request_id = found.request_id AND line = found.line OFFSET 0)
    ORDER BY 1, 2
""")


def _delete_lines(connection: Connection, gone: dict[str, list[int]]) -> None:
    values = {**gone, "first": gone["requests"][0], "last": gone["requests"][-1]}
    late = connection.execute(_LATE_PRINTS, values).scalars().all()
    suppressing.keep_lines(connection, gone["requests"], gone["lines"])
    for statement in _DELETE_PRINTS:
        connection.execute(statement, values)
    if late:
        connection.execute(_DELETE_LATE_PRINTS, {"prints": late})


_GONE = "unnest(CAST(:requests AS bigint[]), CAST(:lines AS integer[])) AS gone (request_id, line)"


def _is_gone(table: str) -> str:
    return f"""{table}.request_id = gone.request_id AND {table}.line = gone.line
        AND {table}.request_id BETWEEN CAST(:first AS bigint) AND CAST(:last AS bigint)"""


_DELETE_PRINTS = (
    text(f"""
        UPDATE subjects
        SET sealed = '', whole_print = {_NOBODY}, user_print = NULL, email_print = NULL, phone_print = NULL
        FROM {_GONE} WHERE {_is_gone("subjects")}
    """),
    text(f"DELETE FROM other_identifiers USING {_GONE} WHERE {_is_gone('other_identifiers')}"),
    text(f"DELETE FROM sessions USING {_GONE} WHERE {_is_gone('sessions')}"),
)
# A volume that has ended may list fingerprints that came late (late_prints). They stay where somebody else in it has
# them.
_LATE_PRINTS = text(f"""
    SELECT DISTINCT print
    FROM {_GONE} JOIN subjects ON {_is_gone("subjects")}
    CROSS JOIN unnest(ARRAY[user_print, email_print, phone_print]) AS print
    WHERE print IN (SELECT late_prints.print FROM late_prints)
""")
_SOMEBODY_ELSE = " OR ".join(
    f"""EXISTS (
        SELECT FROM subjects WHERE {column} = print AND request_id >= first_request AND request_id < past_request)"""
    for column in ("user_print", "email_print", "phone_print")
)
_DELETE_LATE_PRINTS = text(f"""
    DELETE FROM late_prints USING volumes
    WHERE volume = volumes.id AND print = ANY(CAST(:prints AS uuid[])) AND NOT ({_SOMEBODY_ELSE})
""")
# Where nobody is spared any more, the list of those who were is deleted step by step too.
_DONE = text("""
    WITH done AS (
        SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:afters AS integer[]), CAST(:lasts AS integer[]))
            AS done (request_id, after, last)),
    whole AS (
        SELECT done.* FROM done JOIN forgetting USING (request_id) WHERE NOT in_part),
    not_spared AS (
        DELETE FROM spared_lines USING whole
        WHERE spared_lines.request_id = whole.request_id AND line > after AND line <= last),
    ended AS (
        DELETE FROM forgetting USING whole WHERE forgetting.request_id = whole.request_id AND last = :last_line)
    UPDATE forgetting SET after_line = last FROM done
    WHERE forgetting.request_id = done.request_id AND (in_part OR last < :last_line)
""")
