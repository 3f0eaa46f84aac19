"""Idempotency keys, stored as keyed fingerprints: a producer may use somebody's e-mail address as one."""

from sqlalchemy import Connection, text

from ledger.sealing import Fingerprinter


def print_of_key(fingerprinter: Fingerprinter, key: str) -> str:
    """An idempotency key as stored: equal for equal keys, in hexadecimal."""
    return fingerprinter.print_of(b"idempotency-key", key.encode()).hex()


def older_prints_of_key(fingerprinter: Fingerprinter, key: str) -> list[str] | None:
    """The same by the keys that were replaced; None where there are none. They cannot be fingerprinted anew: the key
    itself is not on record."""
    return [print_of_key(older, key) for older in fingerprinter.older] or None


ON_KEY_TAKEN = "ON CONFLICT (idempotency_print) WHERE idempotency_print IS NOT NULL DO NOTHING"


def unless_taken_in_clear(key: str) -> str:
    """A condition: no earlier version has stored this key in clear. `key`: an expression, NULL where no clear keys are
    left."""
    return f"({key} IS NULL OR NOT EXISTS (SELECT FROM requests AS earlier WHERE earlier.idempotency_key = {key}))"


def unless_taken_by_an_older_print(prints: str) -> str:
    """A condition: none of these prints by older keys is on record. `prints`: an expression, NULL where there are
    none."""
    return f"""({prints} IS NULL OR NOT EXISTS (
        SELECT FROM requests AS earlier WHERE earlier.idempotency_print = ANY({prints})))"""


def any_in_clear(connection: Connection) -> bool:
    """Whether keys are left that an earlier version stored in clear."""
    return bool(connection.execute(_ANY).scalar_one())


_ANY = text("SELECT EXISTS (SELECT FROM requests WHERE idempotency_key IS NOT NULL)")


def replace_clear(connection: Connection, fingerprinter: Fingerprinter, most: int) -> int:
    """Replace such keys by fingerprints, `most` at most, except locked ones; returns how many."""
    found = connection.execute(_FIND, {"most": most}).all()
    prints = [print_of_key(fingerprinter, row.idempotency_key) for row in found]
    if found:
        connection.execute(_REPLACE, {"ids": [row.id for row in found], "prints": prints})
    return len(found)


_FIND = text("""
    SELECT id, idempotency_key FROM requests WHERE idempotency_key IS NOT NULL
    ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED
""")
# While two versions run side by side, both may have recorded the same key. Then it belongs to the newer request.
_REPLACE = text("""
    UPDATE requests
    SET idempotency_key = NULL,
        idempotency_print = CASE
            WHEN NOT EXISTS (SELECT FROM requests AS newer WHERE newer.idempotency_print = given.print)
            THEN given.print END
    FROM unnest(CAST(:ids AS bigint[]), CAST(:prints AS uuid[])) AS given (id, print)
    WHERE requests.id = given.id
""")
