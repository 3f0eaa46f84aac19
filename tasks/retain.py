"""Keeping the record in volumes: the next one begun in time, expired ones dropped. And what else is kept for a time."""

import logging

from ledger import guesses, volumes
from ledger.session import Engine

log = logging.getLogger(__name__)

PARTS = 10
"""A volume takes in requests for this part of the retention at most: nothing is kept much longer than it has to be, and
whoever looks for a person looks into few volumes."""


def keep_volumes(engine: Engine, retention_days: float | None) -> None:
    """Begin a new volume where the present one is full or old, and drop those past `retention_days`; None: keep all."""
    with engine.begin() as connection:
        begun = volumes.turn_over(connection, most_days=retention_days and retention_days / PARTS)
        guesses.drop_forgotten(connection)
    if begun is not None:
        log.info("volume %d of the record begun", begun)
    for gone in volumes.drop_expired(engine, retention_days) if retention_days is not None else ():
        log.info(
            "volume %d of the record dropped: %d requests, %d deliveries in them never stopped needing attention",
            gone.id,
            gone.requests,
            gone.unresolved,
        )
