"""Keeps the record in volumes: begins the next one in time and drops expired ones. Also deletes what else is kept for a
limited time."""

import logging
from collections.abc import Callable

from ledger import filter_building, forgetting, suppressing, volumes
from ledger.accounts import audit, guesses
from ledger.delivery import traffic
from ledger.keys import fingerprinter
from ledger.notices import outbox
from ledger.requests import drafts, idempotency, lately
from ledger.sealing import MasterKeys
from ledger.session import Connection, Engine

log = logging.getLogger(__name__)

PARTS = 10
"""A volume takes in requests for this part of the retention at most. So nothing is kept much longer than needed, and
looking up a person reads few volumes."""

MESSAGE_DAYS = 30.0
"""A message that was sent or given up is kept for this long. Until then, one that was given up can be sent again."""
ROUNDS = 20
"""How many messages one call deletes at most. The rest is left to the next call."""
DRAFT_ROUNDS = 200
BLOCKS_OF_A_ROUND = 400
"""About 100 MB of dropped files in one transaction."""
PRINT_ROUNDS = 1_000
"""Steps of `ledger.forgetting` in one call: five million people. The rest is left to the next call."""
PRINTS_OF_A_ROUND = 10_000
AUDIT_ROUNDS = 200
AUDIT_OF_A_ROUND = 1_000
KEY_ROUNDS = 200
KEYS_OF_A_ROUND = 1_000


def keep_volumes(engine: Engine, retention_days: float | None) -> None:
    """Begin a new volume where the present one is full or old, and drop volumes past `retention_days`; None: keep all.
    Volumes that have ended get the filter that tells who cannot be in them."""
    with engine.begin() as connection:
        begun = volumes.turn_over(connection, most_days=retention_days and retention_days / PARTS)
        guesses.drop_forgotten(connection)
        lately.drop_old(connection)
        traffic.drop_old(connection)
    if begun is not None:
        log.info("volume %d of the record begun", begun)
    for gone in volumes.drop_expired(engine, retention_days) if retention_days is not None else ():
        log.info(
            "volume %d of the record dropped: %d requests, %d deliveries in them never stopped needing attention",
            gone.id,
            gone.requests,
            gone.unresolved,
        )
    filter_building.build_filters(engine)


def keep_no_clear_keys(engine: Engine, masters: MasterKeys) -> int:
    """Replace idempotency keys that an earlier version stored in clear by fingerprints; returns how many. The rest is
    left to the next call. Raises ledger.sealing.UnsealError."""
    with engine.begin() as connection:
        if not idempotency.any_in_clear(connection):
            return 0
        prints = fingerprinter(connection, masters)
    return _in_rounds(engine, KEY_ROUNDS, lambda one: idempotency.replace_clear(one, prints, most=KEYS_OF_A_ROUND))


def _in_rounds(engine: Engine, rounds: int, some: Callable[[Connection], int]) -> int:
    """Call `some` in a transaction of its own until nothing is left, `rounds` times at most; returns how much was done
    in all. The rest is left to the next call."""
    total = 0
    for _ in range(rounds):
        with engine.begin() as connection:
            done = some(connection)
        total += done
        if not done:
            break
    return total


def keep_outbox(engine: Engine) -> int:
    """Delete messages that ended long ago; returns the number deleted. Each round is one transaction, so none is
    long."""
    return _in_rounds(engine, ROUNDS, lambda one: outbox.drop_ended(one, MESSAGE_DAYS))


def keep_audit_log(engine: Engine) -> int:
    """Drop entries of the audit log that are older than the ledger keeps its record; returns how many. The rest is left
    to the next call."""
    return _in_rounds(engine, AUDIT_ROUNDS, lambda one: audit.drop_old(one, AUDIT_OF_A_ROUND))


def keep_drafts(engine: Engine) -> int:
    """Destroy dropped files whose hour is over; returns the number of blocks deleted. Their keys go first, so that what
    is left to the next call cannot be read."""
    return _in_rounds(engine, DRAFT_ROUNDS, lambda one: drafts.drop_expired(one, BLOCKS_OF_A_ROUND))


def keep_forgetting(engine: Engine) -> int:
    """Delete fingerprints of people who were forgotten; returns the number of steps. Each is a transaction."""
    for done in range(PRINT_ROUNDS):
        with engine.begin() as connection:
            if not forgetting.delete_prints(connection):
                return done
    return PRINT_ROUNDS


def keep_suppression(engine: Engine, days: float | None) -> int:
    """Take off the suppression list who has been on it for `days`; None: nobody. Returns the number of fingerprints
    deleted. The rest is left to the next call."""
    if days is None:
        return 0
    return _in_rounds(engine, ROUNDS, lambda one: suppressing.drop_old(one, days, PRINTS_OF_A_ROUND))
