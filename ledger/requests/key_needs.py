"""What still needs an older fingerprint key: counted for people who ask, and found by what changed for the chore that
lets go of keys."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, text

from ledger.key_numbers import FINGERPRINTS

LOOK = 4_000
"""Requests looked at in one transaction."""


class Key(NamedTuple):
    """A fingerprint key, and what needs it."""

    number: int
    made_at: datetime
    state: str | None
    """Of one that was replaced: `reprinting`, `held`, `tidying`, `kept`, `leaving`. None: the newest."""
    entries: int
    """People on the suppression list who can be found by it alone."""
    newest_entry: datetime | None
    """When the last of them was erased, or opted in."""
    requests: int
    """With an idempotency key that is fingerprinted by it."""
    holds: int
    """Legal holds in force that are known by it alone."""
    people_left: bool
    """People of requests that are being forgotten may still come to the suppression list by it."""

    @property
    def is_needed(self) -> bool:
        """Whether anything can be found by this key alone."""
        in_use = self.state in (None, "reprinting", "tidying")
        return bool(in_use or self.entries or self.requests or self.holds or self.people_left)


# A transaction that adds a hold reads `keys`, so one that began after the change knows the newer key too.
IS_KNOWN = "ended_at IS NULL AND COALESCE(until > now(), true) AND added_at < replaced_at"
"""A condition on `legal_holds` and `keys`: the hold is in force, and was added before the key was replaced."""


_BEFORE = "FROM keys AS before WHERE before.number < keys.number"
_REQUESTS = f"id > COALESCE((SELECT max(to_request) {_BEFORE}), 0) AND id <= to_request"
_HOLDS = f"""
    FROM legal_holds WHERE {IS_KNOWN} AND added_at >= COALESCE((SELECT max(replaced_at) {_BEFORE}), '-infinity')
"""


def keys_of(connection: Connection) -> list[Key]:
    """All fingerprint keys, the newest first. Counts what needs each: all of the suppression list and the requests is
    read."""
    return [Key(*row) for row in connection.execute(_KEYS)]


_KEYS = text(f"""
    SELECT number, created_at, state, COALESCE(entries, 0), newest_entry,
        (SELECT count(*) FROM requests WHERE {_REQUESTS} AND idempotency_print IS NOT NULL),
        (SELECT count(*) {_HOLDS}),
        state IS NOT NULL AND EXISTS (SELECT FROM forgetting)
    FROM keys LEFT JOIN (
        SELECT newest_key, count(*) AS entries, max(at) AS newest_entry
        FROM (SELECT newest_key, max(at) AS at FROM suppression GROUP BY newest_key, request_id, line) AS people
        GROUP BY 1) AS listed ON newest_key = number
    WHERE purpose LIKE '{FINGERPRINTS}%'
    ORDER BY number DESC
""")


def look_on(connection: Connection) -> bool:
    """For keys that are kept, go past the next requests that have no idempotency key any more; whether there were any.
    None of them gets another one by an older key, so each is passed once."""
    return connection.execute(_LOOK_ON, {"most": LOOK}).rowcount > 0


_LOOK_ON = text(f"""
    UPDATE keys SET at_request = passed.up_to
    FROM (
        SELECT number, up_to FROM keys CROSS JOIN LATERAL (
            SELECT COALESCE(min(id) FILTER (WHERE idempotency_print IS NOT NULL) - 1, max(id), to_request) AS up_to
            FROM (SELECT id, idempotency_print FROM requests
                  WHERE id > at_request AND {_REQUESTS} ORDER BY id LIMIT :most) AS next) AS looked_at
        WHERE state = 'kept') AS passed
    WHERE keys.number = passed.number AND state = 'kept' AND at_request < up_to
""")


def unneeded(connection: Connection) -> list[int]:
    """The numbers of the keys that are kept though nothing needs them, once `look_on` has passed all their requests."""
    return list(connection.execute(_UNNEEDED).scalars())


_UNNEEDED = text(f"""
    SELECT number FROM keys
    WHERE state = 'kept' AND at_request >= to_request
        AND NOT EXISTS (SELECT FROM suppression WHERE newest_key = number)
        AND NOT EXISTS (SELECT {_HOLDS})
        AND NOT EXISTS (SELECT FROM forgetting)
    ORDER BY number
""")
