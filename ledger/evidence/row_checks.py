"""Whether the ledger's rows still are what the log says of them."""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection, TextClause, text

from ledger.data_keys import wrapped_key

MOST_NAMED = 5


class _Check(NamedTuple):
    """Rows that should not be: `{}` in the sentence stands for whose they are."""

    says: str
    rows: TextClause


def check_rows(connection: Connection) -> Iterator[str]:
    """What of the rows is not as it was logged: sentences. What is logged and not in order yet counts too."""
    for check in _CHECKS:
        found = [str(one) for one in connection.execute(check.rows, {"most": MOST_NAMED + 1}).scalars()]
        if found:
            more = " and others" if len(found) > MOST_NAMED else ""
            yield check.says.format(", ".join(found[:MOST_NAMED]) + more)


_SAYS = "CAST(convert_from(entry, 'UTF8') AS jsonb)"
_SAYING = f"CROSS JOIN LATERAL (SELECT {_SAYS} AS says) AS its"
_LOGGED = """
    (EXISTS (SELECT FROM log_entries WHERE request = public_id AND type = '{0}')
        OR EXISTS (SELECT FROM log_pending WHERE request = public_id AND type = '{0}'))
"""
_AFTER = "(SELECT requests_after FROM log_head)"
_CHECKS = (
    _Check(
        "requests that were never logged: {}",
        text(f"""
            SELECT public_id FROM requests
            WHERE id > {_AFTER} AND status <> 'loading' AND NOT {_LOGGED.format("request.received")} LIMIT :most"""),
    ),
    _Check(
        "requests that were logged and are gone: {}",
        text("""
            SELECT request FROM log_entries
            WHERE type = 'request.received' AND NOT EXISTS (SELECT FROM requests WHERE public_id = request)
            LIMIT :most"""),
    ),
    _Check(
        "requests that are not as they were received: {}",
        text(f"""
            SELECT public_id FROM log_entries JOIN requests ON public_id = request {_SAYING}
            WHERE type = 'request.received' AND (says ->> 'kind', CAST(says ->> 'people' AS integer),
                    CAST(says ->> 'repeats' AS integer), says ->> 'by', says ->> 'regulation', says ->> 'received_at',
                    says ->> 'due_at', says -> 'vendors')
                IS DISTINCT FROM (CAST(kind AS text), subjects, duplicates, submitted_by, regulation,
                    log_utc(received_at), log_utc(COALESCE(extended_from, due_at)), (
                        SELECT jsonb_agg(name ORDER BY name COLLATE "C") FROM vendors WHERE id = ANY(vendor_ids)))
            LIMIT :most"""),
    ),
    _Check(
        "requests whose status is not the one that was logged: {}",
        text(f"""
            SELECT public_id FROM requests CROSS JOIN LATERAL (
                SELECT {_SAYS} AS says FROM log_entries
                WHERE request = public_id AND type IN ('request.received', 'request.status')
                ORDER BY index DESC LIMIT 1) AS last
            WHERE id > {_AFTER} AND status <> 'loading' AND (says ->> 'status', says ->> 'closed_at')
                IS DISTINCT FROM (CAST(status AS text), log_utc(closed_at))
                AND NOT EXISTS (SELECT FROM log_pending WHERE request = public_id AND type LIKE 'request.%')
            LIMIT :most"""),
    ),
    _Check(
        "requests whose data key is gone, or back, against the log: {}",
        text(f"""
            SELECT public_id FROM requests
            WHERE id > {_AFTER} AND status <> 'loading'
                AND ({wrapped_key()} IS NULL) <> {_LOGGED.format("request.forgotten")}
            LIMIT :most"""),
    ),
    _Check(
        "deeds that were never logged: {}",
        text("""
            SELECT id FROM notes
            WHERE id > (SELECT notes_after FROM log_head)
                AND NOT EXISTS (SELECT FROM log_entries WHERE type = 'deed' AND row_id = notes.id)
                AND NOT EXISTS (SELECT FROM log_pending WHERE type = 'deed' AND row_id = notes.id)
            LIMIT :most"""),
    ),
    _Check(
        "deeds that are gone, or not as they were logged: {}",
        text(f"""
            SELECT row_id FROM log_entries {_SAYING}
            LEFT JOIN notes ON notes.id = row_id
            LEFT JOIN requests ON requests.id = notes.request_id
            LEFT JOIN vendors ON vendors.id = notes.vendor_id
            WHERE type = 'deed' AND (says ->> 'deed', says ->> 'by', says ->> 'because', says ->> 'at',
                    says ->> 'request', says ->> 'vendor')
                IS DISTINCT FROM (notes.deed, notes.by, notes.reason, log_utc(notes.at),
                    CAST(requests.public_id AS text), vendors.name)
            LIMIT :most"""),
    ),
    _Check(
        "legal holds that are gone, or not as they were logged: {}",
        text(f"""
            SELECT row_id FROM log_entries {_SAYING} LEFT JOIN legal_holds ON legal_holds.id = row_id
            WHERE type = 'legal_hold' AND CASE WHEN says ->> 'event' = 'added'
                THEN (says ->> 'reason', says ->> 'because', says ->> 'until', says ->> 'by', says ->> 'at')
                    IS DISTINCT FROM (reason, because, log_utc(until), added_by, log_utc(added_at))
                ELSE (says ->> 'because', says ->> 'by', says ->> 'at')
                    IS DISTINCT FROM (ended_because, ended_by, log_utc(ended_at)) END
            LIMIT :most"""),
    ),
    _Check(
        "legal holds of which the beginning or the end was never logged: {}",
        text("""
            SELECT id FROM legal_holds LEFT JOIN (
                SELECT row_id, count(*) AS entries
                FROM (SELECT row_id FROM log_entries WHERE type = 'legal_hold'
                      UNION ALL SELECT row_id FROM log_pending WHERE type = 'legal_hold') AS each
                GROUP BY row_id) AS logged ON row_id = id
            WHERE COALESCE(entries, 0) < 1 + CAST(ended_at IS NOT NULL AS integer)
            LIMIT :most"""),
    ),
    _Check(
        "trees of outcomes that are gone, or not as they were logged: {}",
        text(f"""
            SELECT request FROM log_entries {_SAYING}
            LEFT JOIN outcome_trees ON outcome_trees.id = row_id
            LEFT JOIN requests ON requests.id = request_id
            WHERE type = 'outcomes' AND (CAST(says ->> 'size' AS integer), says ->> 'root', says -> 'vendors', request)
                IS DISTINCT FROM (outcome_trees.size, translate(encode(outcome_trees.root, 'base64'), E'\\n', ''),
                    outcome_trees.vendors, public_id)
            LIMIT :most"""),
    ),
    _Check(
        "trees of outcomes that were never logged: {}",
        text("""
            SELECT request_id FROM outcome_trees
            WHERE NOT EXISTS (SELECT FROM log_entries WHERE type = 'outcomes' AND row_id = outcome_trees.id)
                AND NOT EXISTS (SELECT FROM log_pending WHERE type = 'outcomes' AND row_id = outcome_trees.id)
            LIMIT :most"""),
    ),
    _Check(
        "keys of the ledger that are not those that were logged last: {}",
        text(f"""
            SELECT purpose FROM keys CROSS JOIN LATERAL (
                SELECT {_SAYS} AS says FROM log_entries
                WHERE type = 'key' AND {_SAYS} ->> 'purpose' = purpose ORDER BY index DESC LIMIT 1) AS last
            WHERE says ->> 'wrapped' <> encode(sha256(wrapped), 'hex')
                AND NOT EXISTS (SELECT FROM log_pending WHERE type = 'key')
            LIMIT :most"""),
    ),
)
