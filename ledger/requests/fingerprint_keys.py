"""The steps of a fingerprint key from one state to the next, from when it is replaced until nothing needs it."""

from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from ledger.data_keys import has_key
from ledger.key_numbers import FINGERPRINTS
from ledger.keys import fingerprinter
from ledger.lines import next_line
from ledger.requests.key_needs import IS_KNOWN, unneeded
from ledger.sealing import MasterKeys, SealingKey

WAIT_MS = 300
"""How long a change of keys waits for submissions under way, and has new ones wait behind it."""
STEP = 4_000
"""Fingerprints looked at in one transaction."""


class StillWritingError(Exception):
    """Submissions under way have not ended in time: try again in a moment."""


def replace(connection: Connection, masters: MasterKeys) -> int | None:
    """Fingerprint by a new key from when the caller commits; returns its number, or None where one is being replaced
    already.

    Raises StillWritingError, ledger.sealing.UnsealError.
    """
    _wait_for_writers(connection)
    if is_reprinting(connection):
        return None
    prints = fingerprinter(connection, masters)
    kept_as = f"{FINGERPRINTS} {prints.number}"
    old, new = prints.key, SealingKey.generate().raw
    connection.execute(_KEEP, {"purpose": kept_as, "wrapped": masters.seal(old, kept_as.encode())})
    connection.execute(_REPLACE, {"wrapped": masters.seal(new, FINGERPRINTS.encode())})
    connection.execute(_DROP_FILTERS)
    return prints.number + 1


def _wait_for_writers(connection: Connection) -> None:
    """A transaction that writes fingerprints reads `keys` (`ledger.keys.CHANGES`), so from now on none does that knows
    only the keys as they were."""
    _lock(connection, "ACCESS EXCLUSIVE")


def _come_one_at_a_time(connection: Connection) -> None:
    """Let one rotation at a time look and then wait for writers: two that had looked would wait for each other. Nothing
    else waits."""
    _lock(connection, "SHARE UPDATE EXCLUSIVE")


def _lock(connection: Connection, mode: str) -> None:
    connection.execute(text(f"SET LOCAL lock_timeout = {WAIT_MS:d}"))
    try:
        connection.execute(text(f"LOCK TABLE keys IN {mode} MODE"))
    except OperationalError as error:
        if isinstance(error.orig, LockNotAvailable):
            raise StillWritingError from None
        raise


def is_reprinting(connection: Connection) -> bool:
    """Whether a key is being replaced."""
    return bool(connection.execute(_IS_REPRINTING).scalar_one())


_IS_REPRINTING = text("SELECT EXISTS (SELECT FROM keys WHERE state = 'reprinting')")
_KEEP = text(f"""
    INSERT INTO keys (purpose, wrapped, created_at, number, state, replaced_at, to_request, at_request, at_line)
    SELECT :purpose, :wrapped, created_at, number, 'reprinting', clock_timestamp(),
        (SELECT last_value FROM requests_id_seq), 0, 0
    FROM keys WHERE purpose = '{FINGERPRINTS}'
""")
_REPLACE = text(f"""
    UPDATE keys SET wrapped = :wrapped, created_at = now(), number = number + 1, changes = changes + 1
    WHERE purpose = '{FINGERPRINTS}'
""")
# Under another number, so that a filter that is being built now is not taken for whole.
_DROP_FILTERS = text("""
    UPDATE volumes SET filter = nextval('person_filters_id'), filter_blocks = NULL WHERE filter IS NOT NULL
""")


def delete_filters(connection: Connection) -> bool:
    """While a key is being replaced, when nobody builds filters: delete some of those by the older key, and what came
    late to them; whether any were left."""
    return is_reprinting(connection) and any(
        connection.execute(statement, {"most": STEP}).rowcount for statement in (_DELETE_BLOCKS, _DELETE_LATE)
    )


_DELETE_BLOCKS = text("""
    DELETE FROM person_filters WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM person_filters
        WHERE NOT EXISTS (SELECT FROM volumes WHERE volumes.filter = person_filters.filter) LIMIT :most))
""")
_DELETE_LATE = text("""
    DELETE FROM late_prints WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM late_prints JOIN volumes ON volumes.id = volume WHERE filter_blocks IS NULL LIMIT :most))
""")


def all_are_reprinted(connection: Connection) -> None:
    """Where nobody is left to be fingerprinted anew: from when the caller commits, people are fingerprinted by the
    newer key alone, or by both while there is a legal hold that is known by the older one alone. Raises as
    `replace`."""
    _come_one_at_a_time(connection)
    if not connection.execute(_GOES_ON).scalar_one():
        return
    _wait_for_writers(connection)
    at = connection.execute(_AT).one_or_none()
    if at is not None and next_line(connection, (at.at_request, at.at_line), at.to_request + 1, 1) is not None:
        return  # another process has begun a rotation since our caller looked
    connection.execute(_HOLD)
    connection.execute(_TIDY)
    connection.execute(_CHANGED)


_IS_HELD = f"EXISTS (SELECT FROM legal_holds WHERE {IS_KNOWN})"
_GOES_ON = text(f"""
    SELECT EXISTS (SELECT FROM keys WHERE state = 'reprinting' OR (state = 'held' AND NOT {_IS_HELD}))
""")
_AT = text("SELECT at_request, at_line, to_request FROM keys WHERE state = 'reprinting'")
_HOLD = text("UPDATE keys SET state = 'held' WHERE state = 'reprinting'")
_TIDY = text(f"""
    UPDATE keys SET state = 'tidying', at_request = 0, at_line = 0 WHERE state = 'held' AND NOT {_IS_HELD}
""")
_CHANGED = text(f"UPDATE keys SET changes = changes + 1 WHERE purpose = '{FINGERPRINTS}'")


def drop_unneeded(connection: Connection) -> list[int]:
    """Let go of the older keys that nothing needs any more; returns their numbers. Raises as `replace`."""
    _come_one_at_a_time(connection)
    numbers = unneeded(connection)
    if numbers:
        _wait_for_writers(connection)
        connection.execute(_LEAVE, {"numbers": numbers})
        connection.execute(_CHANGED)
    return numbers


_LEAVE = text("""
    UPDATE keys SET state = 'leaving', at_request = 0, at_line = 0 WHERE number = ANY(CAST(:numbers AS smallint[]))
""")


def tidy(connection: Connection) -> bool:
    """Delete the next fingerprints by an older key that are needed no more; False where there are none. Of opt-ins they
    stay for as long as the key does; of people who were forgotten, until their request's are deleted."""
    key = connection.execute(_TO_TIDY).one_or_none()
    if key is None:
        return False
    values = {"request": key.at_request, "after": key.at_line, "number": key.number, "most": STEP}
    last = connection.execute(_LAST, values).one_or_none()
    if last is None:
        if key.state == "tidying":
            connection.execute(_KEPT, values)
        elif not connection.execute(_DELETE_LISTED, values).rowcount:
            connection.execute(_GONE, values)
        return True
    values |= {"last_request": last.request_id, "last": last.line, "all": key.state == "leaving"}
    connection.execute(_DELETE_OLDER, values)
    connection.execute(_ADVANCE, values)
    return True


_TO_TIDY = text("""
    SELECT number, state, at_request, at_line FROM keys WHERE state IN ('tidying', 'leaving')
    ORDER BY number LIMIT 1 FOR NO KEY UPDATE
""")
_LAST = text("""
    SELECT request_id, line
    FROM (SELECT request_id, line FROM other_identifiers
          WHERE (request_id, line) > (:request, :after) AND request_id >= :request
          ORDER BY request_id, line LIMIT :most) AS next
    ORDER BY request_id DESC, line DESC LIMIT 1
""")
_DELETE_OLDER = text(f"""
    DELETE FROM other_identifiers USING requests
    WHERE (request_id, line) > (:request, :after) AND (request_id, line) <= (:last_request, :last)
        AND request_id >= :request AND request_id <= :last_request AND key = :number
        AND requests.id = request_id AND (:all OR requests.kind <> 'opt_in' AND {has_key()})
""")
# Of people who are on the list by a newer key too.
_DELETE_LISTED = text("""
    DELETE FROM suppression WHERE ctid = ANY(ARRAY(SELECT ctid FROM suppression WHERE key = :number LIMIT :most))
""")
_ADVANCE = text("UPDATE keys SET at_request = :last_request, at_line = :last WHERE number = :number")
_KEPT = text("UPDATE keys SET state = 'kept', at_request = 0 WHERE number = :number")
_GONE = text("DELETE FROM keys WHERE number = :number AND state = 'leaving'")
