"""Whether the ledger's rows still are what the log says of them."""

from collections.abc import Iterator

from sqlalchemy import Connection, text

from ledger.data_keys import wrapped_key
from ledger.evidence.audit_checks import check_audit
from ledger.evidence.comparing import SAYING, SAYS, Comparison, differing, never_logged


def check_rows(connection: Connection) -> Iterator[str]:
    """What of the rows is not as it was logged: sentences. What is logged and not in order yet counts too."""
    yield from differing(connection, _COMPARISONS)
    yield from check_audit(connection)


_LOGGED = """
    (EXISTS (SELECT FROM log_entries WHERE request = public_id AND type = '{0}')
        OR EXISTS (SELECT FROM log_pending WHERE request = public_id AND type = '{0}'))
"""
_AFTER = "(SELECT requests_after FROM log_head)"
_COMPARISONS = (
    Comparison(
        "requests that were never logged: {}",
        text(f"""
            SELECT public_id FROM requests
            WHERE id > {_AFTER} AND status <> 'loading' AND NOT {_LOGGED.format("request.received")} LIMIT :most"""),
    ),
    Comparison(
        "requests that were logged and are gone: {}",
        text("""
            SELECT request FROM log_entries
            WHERE type = 'request.received' AND NOT EXISTS (SELECT FROM requests WHERE public_id = request)
            LIMIT :most"""),
    ),
    Comparison(
        "requests that are not as they were received: {}",
        text(f"""
            SELECT public_id FROM log_entries JOIN requests ON public_id = request {SAYING}
            WHERE type = 'request.received' AND ((says ->> 'kind', CAST(says ->> 'people' AS integer),
                    CAST(says ->> 'repeats' AS integer), says ->> 'by', says ->> 'regulation', says ->> 'received_at',
                    says ->> 'due_at', says -> 'vendors',
                    jsonb_array_length(says -> 'vendors'))
                IS DISTINCT FROM (CAST(kind AS text), subjects, duplicates, submitted_by, regulation,
                    log_utc(received_at), log_utc(COALESCE(extended_from, due_at)), (
                        SELECT jsonb_agg(name ORDER BY name COLLATE "C") FROM vendors WHERE id = ANY(vendor_ids)),
                    cardinality(vendor_ids))
                OR says ->> 'asked_at' <> log_utc(asked_at) OR says ->> 'effective_at' <> log_utc(effective_at))
            LIMIT :most"""),
    ),
    Comparison(
        "requests whose status is not the one that was logged: {}",
        text(f"""
            SELECT public_id FROM requests CROSS JOIN LATERAL (
                SELECT {SAYS} AS says FROM log_entries
                WHERE request = public_id AND type IN ('request.received', 'request.status')
                ORDER BY index DESC LIMIT 1) AS last
            WHERE id > {_AFTER} AND (says ->> 'status', says ->> 'closed_at')
                IS DISTINCT FROM (CAST(status AS text), log_utc(closed_at))
                AND NOT EXISTS (SELECT FROM log_pending WHERE request = public_id AND type LIKE 'request.%')
            LIMIT :most"""),
    ),
    Comparison(
        "requests that somebody else has confirmed, or nobody: {}",
        text(f"""
            SELECT public_id FROM requests CROSS JOIN LATERAL (
                SELECT {SAYS} AS says FROM log_entries
                WHERE request = public_id AND (type = 'request.received'
                    OR type = 'deed' AND {SAYS} ->> 'deed' = 'confirm')
                ORDER BY index DESC LIMIT 1) AS last
            WHERE confirmed_by IS DISTINCT FROM
                    CASE WHEN says ? 'deed' THEN says ->> 'by' ELSE says ->> 'confirmed_by' END
                AND (says ? 'deed' OR says ? 'asked_at') -- earlier, it was not logged
                AND NOT EXISTS (SELECT FROM log_pending WHERE request = public_id)
            LIMIT :most"""),
    ),
    Comparison(
        "requests whose data key is gone, or back, against the log: {}",
        text(f"""
            SELECT public_id FROM requests
            WHERE id > {_AFTER} AND status <> 'loading'
                AND ({wrapped_key()} IS NULL) <> {_LOGGED.format("request.forgotten")}
            LIMIT :most"""),
    ),
    Comparison(
        "deeds that were never logged: {}",
        text(f"""
            SELECT id FROM notes
            WHERE id > (SELECT notes_after FROM log_head) AND {never_logged("deed", "notes.id")}
            LIMIT :most"""),
    ),
    Comparison(
        "deeds that are gone, or not as they were logged: {}",
        text(f"""
            SELECT row_id FROM log_entries {SAYING}
            LEFT JOIN notes ON notes.id = row_id
            LEFT JOIN requests ON requests.id = notes.request_id
            LEFT JOIN vendors ON vendors.id = notes.vendor_id
            WHERE type = 'deed' AND (says ->> 'deed', says ->> 'by', says ->> 'because', says ->> 'at',
                    says ->> 'request', says ->> 'vendor')
                IS DISTINCT FROM (notes.deed, notes.by, notes.reason, log_utc(notes.at),
                    CAST(requests.public_id AS text), vendors.name)
            LIMIT :most"""),
    ),
    Comparison(
        "legal holds that are gone, or not as they were logged: {}",
        text(f"""
            SELECT row_id FROM log_entries {SAYING} LEFT JOIN legal_holds ON legal_holds.id = row_id
            WHERE type = 'legal_hold' AND CASE WHEN says ->> 'event' = 'added'
                THEN (says ->> 'reason', says ->> 'because', says ->> 'until', says ->> 'by', says ->> 'at')
                    IS DISTINCT FROM (reason, because, log_utc(until), added_by, log_utc(added_at))
                ELSE (says ->> 'because', says ->> 'by', says ->> 'at')
                    IS DISTINCT FROM (ended_because, ended_by, log_utc(ended_at)) END
            LIMIT :most"""),
    ),
    Comparison(
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
    Comparison(
        "restored backups that are gone, or not as they were logged: {}",
        text(f"""
            SELECT row_id FROM (
                SELECT DISTINCT ON (row_id) row_id, says FROM log_entries {SAYING}
                WHERE type = 'restored' ORDER BY row_id, index DESC) AS last
            LEFT JOIN restores ON restores.id = row_id
            WHERE ((says ->> 'entries', says ->> 'copy_entries', says ->> 'copy_root', says ->> 'found_at',
                    says ->> 'lifted_at', says ->> 'by', says ->> 'because')
                IS DISTINCT FROM (CAST(entries AS text), CAST(copy_entries AS text), log_roots(copy_roots) ->> 0,
                    log_utc(found_at), log_utc(lifted_at), lifted_by, because)
                OR says -> 'copy_roots' <> log_roots(copy_roots)) -- earlier, only the first was logged
                AND NOT EXISTS (SELECT FROM log_pending WHERE type = 'restored')
            LIMIT :most"""),
    ),
    Comparison(
        "restored backups that were never logged: {}",
        text(f"SELECT id FROM restores WHERE {never_logged('restored', 'restores.id')} LIMIT :most"),
    ),
    Comparison(
        "trees of outcomes that are gone, or not as they were logged: {}",
        text(f"""
            SELECT request FROM log_entries {SAYING}
            LEFT JOIN outcome_trees ON outcome_trees.id = row_id
            LEFT JOIN requests ON requests.id = request_id
            WHERE type = 'outcomes' AND (CAST(says ->> 'size' AS integer), says ->> 'root', says -> 'vendors',
                    says ->> 'at', COALESCE(CAST(says ->> 'rounds' AS boolean), false), request)
                IS DISTINCT FROM (outcome_trees.size, translate(encode(outcome_trees.root, 'base64'), E'\\n', ''),
                    outcome_trees.vendors, log_utc(made_at), rounds, public_id)
            LIMIT :most"""),
    ),
    Comparison(
        "trees of outcomes that were never logged: {}",
        text(f"""
            SELECT request_id FROM outcome_trees WHERE {never_logged("outcomes", "outcome_trees.id")} LIMIT :most"""),
    ),
    Comparison(
        "vendors that are not as they were logged last: {}",
        text(f"""
            SELECT name FROM vendors CROSS JOIN LATERAL (
                SELECT {SAYS} AS says FROM log_entries
                WHERE type = 'vendor' AND {SAYS} ->> 'vendor' = name ORDER BY index DESC LIMIT 1) AS last
            WHERE (says ->> 'enabled', says ->> 'held_at', says ->> 'held_by', says ->> 'off_by', says ->> 'retired_at')
                IS DISTINCT FROM (CAST(enabled AS text), log_utc(held_at), held_by, off_by, log_utc(retired_at))
                AND NOT EXISTS (SELECT FROM log_pending WHERE type = 'vendor')
            LIMIT :most"""),
    ),
    Comparison(
        "retention periods that are gone, or not those that were logged last: {}",
        text(f"""
            SELECT name FROM (
                SELECT DISTINCT ON (says ->> 'name') says ->> 'name' AS name, says
                FROM log_entries {SAYING} WHERE type = 'retention' ORDER BY says ->> 'name', index DESC) AS last
            LEFT JOIN retention_periods USING (name)
            WHERE (CAST(says ->> 'days' AS double precision), says ->> 'by') IS DISTINCT FROM (days, set_by)
                AND NOT EXISTS (SELECT FROM log_pending WHERE type = 'retention')
            LIMIT :most"""),
    ),
    Comparison(
        "time stamps that are gone, or not as they were logged: {}",
        text(f"""
            SELECT row_id FROM log_entries {SAYING} LEFT JOIN log_timestamps ON size = row_id
            WHERE type = 'timestamp' AND says ->> 'answer' IS DISTINCT FROM encode(sha256(answer), 'hex')
            LIMIT :most"""),
    ),
    Comparison(
        "keys of the ledger that are gone, or not those that were logged last: {}",
        text(f"""
            SELECT purpose FROM (
                SELECT DISTINCT ON (says ->> 'purpose') says ->> 'purpose' AS purpose, says ->> 'wrapped' AS logged
                FROM log_entries {SAYING} WHERE type = 'key' ORDER BY says ->> 'purpose', index DESC) AS last
            LEFT JOIN keys USING (purpose)
            WHERE logged IS DISTINCT FROM encode(sha256(wrapped), 'hex')
                AND NOT EXISTS (SELECT FROM log_pending WHERE type = 'key')
            LIMIT :most"""),
    ),
    Comparison(
        "the log's own row is not as it was logged: {}",
        text(f"""
            SELECT id FROM log_head CROSS JOIN LATERAL (
                SELECT {SAYS} AS says FROM log_entries WHERE type = 'log' ORDER BY index LIMIT 1) AS first
            WHERE (says ->> 'id', says ->> 'requests_after', says ->> 'deeds_after')
                IS DISTINCT FROM (CAST(id AS text), CAST(requests_after AS text), CAST(notes_after AS text))
            LIMIT :most"""),
    ),
)
