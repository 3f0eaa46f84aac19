"""Audit entries in the log: the sequencer hashes those that are new, and logs one root over them."""

from secrets import token_bytes

from sqlalchemy import Connection, text

from evidence.merkle import root_of
from evidence.tiles import hashes_in

SALT_BYTES = 16
MOST = 100
"""Notes taken at once: each is of the entries of one statement."""
LEAF = r"""
    CASE WHEN audit_entries.id IS NOT NULL
    THEN sha256('\x00' || salt || convert_to(log_audit_entry(audit_entries), 'UTF8')) END
"""
"""The leaf of an audit entry in the tree of its batch. The salt goes with the entries: afterwards nobody can tell what
they said, also who guesses."""


def batch(connection: Connection) -> None:
    """Put audit entries that are new into a batch, which a trigger logs; none where there are none. The caller must be
    the only one who does it."""
    ids = sorted(set(connection.execute(_TAKE, {"most": MOST}).scalars()))
    if not ids:
        return
    salt = token_bytes(SALT_BYTES)
    hashes = connection.execute(_HASHES, {"ids": ids, "salt": salt}).scalar_one()
    values = {"ids": ids, "newest": ids[-1], "salt": salt, "hashes": hashes, "root": root_of(hashes_in(hashes))}
    connection.execute(_ADD, values)


_TAKE = text("""
    WITH taken AS (
        DELETE FROM audit_due WHERE ctid = ANY(ARRAY(SELECT ctid FROM audit_due LIMIT :most)) RETURNING ids)
    SELECT unnest(ids) FROM taken
""")
# One that is gone already stands for itself with zeroes, and is told by `audit_checks`.
_HASHES = text(f"""
    SELECT string_agg(COALESCE({LEAF}, decode(repeat('00', 32), 'hex')), '' ORDER BY wanted.id)
    FROM unnest(CAST(:ids AS bigint[])) AS wanted (id)
    LEFT JOIN audit_entries ON audit_entries.id = wanted.id
    CROSS JOIN (SELECT CAST(:salt AS bytea) AS salt) AS its
""")
_ADD = text("""
    INSERT INTO audit_batches (ids, newest, salt, hashes, root) VALUES (:ids, :newest, :salt, :hashes, :root)
""")
