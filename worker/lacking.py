"""Says which vendors and receivers wait for a worker with other settings."""

import logging

from config.settings import Settings
from ledger.delivery import switching
from ledger.notices import webhooks
from ledger.session import Connection

log = logging.getLogger(__name__)


def tell_lacking(connection: Connection, settings: Settings) -> None:
    """Log the vendors and receivers that are on and that this process cannot serve."""
    for name in switching.lacking(connection, {*settings.adapters(), *settings.manual}):
        log.warning(
            "%s is on and this worker has no credentials for it: its chunks are left to others. "
            "If no worker is to have any, `consent vendor off %s`",
            name,
            name,
        )
    for name in webhooks.lacking(connection, settings.webhooks.receivers.keys()):
        log.warning(
            "the receiver %s is on and this worker has no address for it: it is left to others. "
            "If no worker is to have one, `consent webhook off %s`",
            name,
            name,
        )
