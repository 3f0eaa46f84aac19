"""Failed attempts to log in or to use a key, counted over all processes, and the lock after too many."""

from typing import NamedTuple

from sqlalchemy import Connection, text

FREE = 5
"""So many failures in a row cost only the delay: a password may be mistyped."""
FIRST_LOCK_S, LONGEST_LOCK_S = 2.0, 900.0
"""The lock after one more failure, doubled by each that follows."""
FORGOTTEN_AFTER_S = 86_400.0
"""Failures are forgotten after so long without one."""


class Limit(NamedTuple):
    """How many failures in a row are free, and after how many seconds without one they are forgotten."""

    free: int = FREE
    forgotten_s: float = FORGOTTEN_AFTER_S


ONE = Limit()
"""For an account, a device, or an address that uses keys."""
MANY = Limit(free=20, forgotten_s=3600.0)
"""For an address where passwords are entered: a whole office may share it."""


def locked_for(connection: Connection, who: bytes) -> float:
    """For how many more seconds this account or address is locked; 0 where it is not."""
    return float(connection.execute(_LOCKED_FOR, {"who": who}).scalar_one_or_none() or 0.0)


_LOCKED_FOR = text("""
    SELECT GREATEST(CAST(extract(epoch FROM locked_until - now()) AS double precision), 0)
    FROM guesses WHERE who = :who
""")


class Attempt(NamedTuple):
    """The result of an attempt: how many there were in a row, or for how many more seconds none is allowed."""

    failures: int
    locked_s: float


def attempt(connection: Connection, who: bytes, limit: Limit = ONE) -> Attempt:
    """Count an attempt as failed, until `succeeded`. While locked, none is allowed and none is counted.

    A password is counted before it is checked, so that many concurrent attempts do not count as one.
    """
    values = {
        "who": who,
        "free": limit.free,
        "first_s": FIRST_LOCK_S,
        "longest_s": LONGEST_LOCK_S,
        "forgotten_s": limit.forgotten_s,
    }
    failures = connection.execute(_ATTEMPT, values).scalar_one_or_none()
    return Attempt(failures, 0.0) if failures is not None else Attempt(0, locked_for(connection, who))


_ATTEMPT = text("""
    INSERT INTO guesses AS known (who, failures, last_at) VALUES (:who, 1, now())
    ON CONFLICT (who) DO UPDATE SET
        failures = CASE WHEN known.last_at < now() - make_interval(secs => :forgotten_s) THEN 1
                        ELSE LEAST(known.failures + 1, 1000) END,
        last_at = now(),
        locked_until = CASE
            WHEN known.last_at >= now() - make_interval(secs => :forgotten_s) AND known.failures >= :free
            THEN now() + make_interval(
                secs => LEAST(:first_s * power(2, LEAST(known.failures - :free, 30)), :longest_s)) END
        WHERE COALESCE(known.locked_until, '-infinity') <= now()
    RETURNING failures
""")


def succeeded(connection: Connection, who: bytes) -> None:
    """Forget the failures."""
    connection.execute(text("DELETE FROM guesses WHERE who = :who"), {"who": who})


def forgive(connection: Connection, who: bytes, failures: int) -> None:
    """So many of the failures were no guesses: somebody mistyped, and then succeeded."""
    connection.execute(_FORGIVE, {"who": who, "failures": failures})


_FORGIVE = text("""
    UPDATE guesses SET failures = GREATEST(failures - :failures, 0), locked_until = NULL WHERE who = :who
""")


def drop_forgotten(connection: Connection) -> None:
    """Delete failures that are forgotten by age: strangers can invent any number of names."""
    connection.execute(_DROP_FORGOTTEN, {"forgotten_s": FORGOTTEN_AFTER_S})


_DROP_FORGOTTEN = text("DELETE FROM guesses WHERE last_at < now() - make_interval(secs => :forgotten_s)")
