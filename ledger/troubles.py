"""What PostgreSQL's errors mean, by their numbers and phrases, in words for an operator."""

from typing import NamedTuple

import psycopg


class Trouble(NamedTuple):
    """What an error of PostgreSQL means that is not the fault of our statement."""

    why: str
    word: str = "away"
    stale: bool = False
    """Whether this connection, and others of the pool, may keep failing after the fault has gone."""
    lost: bool = False
    """Whether the last step was recorded is unknown."""


MIGRATE = "run `consent migrate`"
SET_POOLER = "a connection pooler stands before it: set CONSENT_DATABASE_POOLER=transaction"
IN_CLEAR = "it wants the password in clear, and gets it over verified TLS only: have it use scram-sha-256"
READ_ONLY = "it is read-only now, as a standby is, or a primary that was demoted"
_NOT_OURS = Trouble(f"its tables are not ours, or older than this program: {MIGRATE}", f"not migrated: {MIGRATE}")
CUT = Trouble("the connection was lost", stale=True, lost=True)
_POOLER = Trouble(SET_POOLER, "a pooler is between", stale=True)

_CHANGED = "0A000"
_CACHED_PLAN = "cached plan"
"""In the message of the one error with this number that is not the statement's fault: a prepared statement met a
migration."""

TROUBLES = {
    "08": CUT,
    _CHANGED: Trouble("its tables were changed under our connections; try again", stale=True),
    "25006": Trouble(READ_ONLY, "read-only", stale=True),
    "25P03": Trouble("it ended our transaction, which did nothing for too long; try again", stale=True),
    "25P04": Trouble("it ended our transaction, which took longer than its transaction_timeout; try again", stale=True),
    "26000": _POOLER,
    "28": Trouble("it refuses the login: check user and password in the address", "refusing", stale=True),
    "3D000": Trouble("it has no such database: check the end of the address", "refusing", stale=True),
    "3F000": _NOT_OURS,
    "40": Trouble("somebody else wrote the same at the same moment; try again"),
    "42501": Trouble("its user lacks a right that this takes: `consent doctor` says which", "refusing"),
    "42703": _NOT_OURS,
    "42704": _NOT_OURS,
    "42883": _NOT_OURS,
    "42P01": _NOT_OURS,
    "42P05": _POOLER,
    "53100": Trouble("its disk is full", "full"),
    "53200": Trouble("it has no memory left; try again later", "full"),
    "53300": Trouble("all of its connections are taken; try again later", "full", stale=True),
    "53": Trouble("it has reached a limit of its own; see its log", "full"),
    "55000": Trouble("it is not in a state to do this now; try again in a moment", stale=True),
    "55006": Trouble("something that this needs is in use; try again in a moment"),
    "55P03": Trouble("somebody else holds for too long what this needs; try again in a moment"),
    "57014": Trouble("a statement took longer than may be, and was ended; try again"),
    "57": Trouble("it is shutting down", stale=True, lost=True),
    "57P03": Trouble("it is starting; try again in a moment", stale=True),
    "58": Trouble("it fails at its own files; see its log"),
    "XX": Trouble("it has an error of its own; see its log"),
}
"""By SQLSTATE or its beginning; the longest match counts (appendix A of PostgreSQL's manual)."""

REFUSALS = (
    ("authentication failed", TROUBLES["28"]),
    ("method requirement", Trouble(IN_CLEAR, "refusing")),
    ("no password supplied", Trouble("it wants a password, and the address has none", "refusing")),
    ("no pg_hba.conf entry", Trouble("it lets nobody of this user, database and address in (pg_hba.conf)", "refusing")),
    ("permission denied for database", Trouble("its user may not connect: GRANT CONNECT ON DATABASE", "refusing")),
    ("is not permitted to log in", Trouble("its user may not log in: ALTER ROLE … LOGIN", "refusing")),
    ("too many", TROUBLES["53300"]),
    ("remaining connection slots", TROUBLES["53300"]),
    ("not currently accepting connections", Trouble("its database lets nobody in now: ALLOW_CONNECTIONS", "refusing")),
    ('role "', Trouble("it does not know the user in the address", "refusing")),
    ('database "', TROUBLES["3D000"]),
    ("starting up", TROUBLES["57P03"]),
    ("not yet accepting connections", TROUBLES["57P03"]),
    ("not accepting connections", TROUBLES["57P03"]),
    ("recovery mode", TROUBLES["57P03"]),
    ("shutting down", TROUBLES["57"]),
    ("startup parameter", _POOLER),
    ("startup options were dropped", _POOLER),
    ("is not read-write", TROUBLES["25006"]),
    ("session is read-only", TROUBLES["25006"]),
    ("is in hot standby mode", TROUBLES["25006"]),
)
"""Phrases in libpq's messages where a server answers and refuses. There is no SQLSTATE, and its own words name the user
and the database."""


def trouble_of(error: BaseException | None) -> Trouble | None:
    """What an error sent by PostgreSQL means; None for an error of the statement itself, and for other exceptions."""
    state = error.sqlstate if isinstance(error, psycopg.Error) else None
    if state is None or (state == _CHANGED and _CACHED_PLAN not in str(error)):
        return None
    return next((TROUBLES[state[:length]] for length in (5, 2) if state[:length] in TROUBLES), None)


def refusal_of(error: psycopg.Error) -> Trouble | None:
    """Why a server answers and refuses us; None where no server answers."""
    said = str(error)
    return next((trouble for sign, trouble in REFUSALS if sign in said), None)
