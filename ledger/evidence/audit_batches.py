"""Audit entries in the log: the sequencer hashes those that are new, and logs one root over them."""

from secrets import token_bytes

from sqlalchemy import Connection, text

from evidence.merkle import root_of
from evidence.tiles import hashes_in

SALT_BYTES = 16
MOST = 100
"""Notes taken at once: each is of the entries of one statement."""
FORMAT = 2
"""How `log_audit_entry` writes what is hashed from now on; a batch keeps the one that it was made with."""
LEAF = r"""
    CASE WHEN audit_entries.id IS NOT NULL
    THEN sha256('\x00' || salt || convert_to(log_audit_entry(audit_entries, format), 'UTF8')) END
"""
"""The leaf of an audit entry in the tree of its batch. The salt goes with the entries: afterwards nobody can tell what
they said, also who guesses."""


def batch(connection: Connection) -> None:
    """Put audit entries that are new into a batch, which a trigger logs; none where there are none. The caller must be
    the only one who does it."""
    salt = token_bytes(SALT_BYTES)
    ids, hashes = connection.execute(_TAKE, {"most": MOST, "salt": salt}).one()
    if ids is not None:
        values = {"ids": ids, "newest": ids[-1], "salt": salt, "hashes": hashes, "root": root_of(hashes_in(hashes))}
        connection.execute(_ADD, values)


# One that is gone already stands for itself with zeroes, and is told by `audit_checks`.
_TAKE = text(f"""
    WITH taken AS (
        DELETE FROM audit_due WHERE ctid = ANY(ARRAY(SELECT ctid FROM audit_due LIMIT :most)) RETURNING ids),
    wanted AS (SELECT DISTINCT unnest(ids) AS id FROM taken)
    SELECT array_agg(wanted.id ORDER BY wanted.id),
        string_agg(COALESCE({LEAF}, decode(repeat('00', 32), 'hex')), '' ORDER BY wanted.id)
    FROM wanted LEFT JOIN audit_entries ON audit_entries.id = wanted.id
    CROSS JOIN (SELECT CAST(:salt AS bytea) AS salt, CAST({FORMAT} AS smallint) AS format) AS its
""")
_ADD = text(f"""
    INSERT INTO audit_batches (ids, newest, format, salt, hashes, root)
    VALUES (:ids, :newest, {FORMAT}, :salt, :hashes, :root)
""")
