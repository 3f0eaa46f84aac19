"""Expressions: which erasures and opt-ins on record count, and the fingerprints of their people."""

from domain.outcomes import Outcome

_OWN = ("user_id", "email", "phone_number")
COLUMNS = dict(zip(_OWN, ("user_print", "email_print", "phone_print"), strict=True))
"""Of the identifiers that everybody may have, the columns of `subjects` with their fingerprints."""
# OFFSET 0: looked up one by one, never joined with all requests that there are.
REQUEST = "(SELECT * FROM requests WHERE requests.id = {of}.request_id OFFSET 0) AS requests"
"""The request of a row of the table or query `of`."""


def known(of: str) -> str:
    """The fingerprints of one row of the table or query `of` (request_id, line); `key`: the number of an older key, by
    which it is found besides."""
    own = ", ".join(f"('{name}', {column})" for name, column in COLUMNS.items())
    return f"""(
        SELECT own.field, own.print, CAST(NULL AS smallint) AS key
        FROM (SELECT * FROM subjects
              WHERE subjects.request_id = {of}.request_id AND subjects.line = {of}.line OFFSET 0) AS one
        CROSS JOIN LATERAL (VALUES {own}) AS own (field, print)
        WHERE own.print IS NOT NULL
        UNION ALL
        SELECT also.kind, also.print, also.key
        FROM (SELECT * FROM other_identifiers
              WHERE other_identifiers.request_id = {of}.request_id AND other_identifiers.line = {of}.line OFFSET 0)
            AS also)"""


_YES = ", ".join(f"'{outcome}'" for outcome in (Outcome.ACCEPTED, Outcome.VERIFIED, Outcome.ABSENT))


def counts(of: str) -> str:
    """Whether the wish of a row of `of` counts: an erasure unless it was cancelled before any vendor did it, an opt-in
    from when a vendor accepted it. Nobody is subscribed where the vendor knows nobody (`absent`)."""

    def said(outcomes: str) -> str:
        return f"""EXISTS (
            SELECT FROM unnest(requests.vendor_ids) AS there (vendor_id)
            CROSS JOIN LATERAL (
                SELECT FROM outcomes
                WHERE outcomes.request_id = {of}.request_id AND outcomes.vendor_id = there.vendor_id
                    AND outcomes.line = {of}.line AND CAST(outcome AS text) IN ({outcomes}) OFFSET 0) AS yes)"""

    return f"""CASE CAST(requests.kind AS text)
        WHEN 'erasure' THEN CAST(requests.status AS text) NOT IN ('loading', 'unconfirmed')
            AND (CAST(requests.status AS text) <> 'cancelled' OR {said(_YES)})
        WHEN 'opt_in' THEN {said("'accepted', 'verified'")}
        ELSE false END"""
