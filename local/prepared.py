"""The ledger made ready for a stack: migrated, checked, and told which vendors and receivers there are."""

from functools import partial
from typing import NamedTuple

from config.log_copy import copy_folder
from config.settings import Settings, SettingsError
from config.signing import own_public_keys
from config.stack import Stack, find_stack
from ledger.accounts import access
from ledger.delivery import switching
from ledger.fitness import check_fitness
from ledger.role_login import keep_login
from ledger.sealing import MasterKeys
from ledger.session import connect, migrate
from tasks.announcing import announce_all
from tasks.log_copy import LogCopy
from tasks.restored import check_at_start


class Prepared(NamedTuple):
    """What the ledger says at start."""

    lacking: list[str]
    """Vendors that are on and that these settings cannot serve."""
    has_users: bool
    """Somebody can sign in to the console."""
    is_restored: bool
    """It was restored from a backup, and every vendor is held."""


def prepare_ledger(settings: Settings, found: Stack) -> Prepared:
    """Migrate the ledger as its owner, and announce in it what the settings name.

    Raises ledger.failures.LedgerError, SettingsError, and ledger.sealing.UnsealError for the master keys of another
    ledger.
    """
    _migrate(settings, found)
    engine = connect(found.database_url, pool_size=1, pooled=found.pooled)
    try:
        check_fitness(engine, _master_keys(found))
        with engine.begin() as connection:
            announce_all(connection, settings.adapters(), settings.recipients(), settings.webhooks.hosts())
            lacking = switching.lacking(connection, {*settings.adapters(), *settings.manual})
            has_users = bool(access.all_users(connection))
        copy = LogCopy.at(copy_folder(settings), partial(own_public_keys, settings))
        return Prepared(lacking, has_users, check_at_start(engine, copy) is not None)
    finally:
        engine.dispose()


def _migrate(settings: Settings, found: Stack) -> None:
    owner = connect(find_stack(settings, as_owner=True).database_url, pool_size=1, pooled=found.pooled)
    try:
        migrate(owner)
        if settings.database_url is None:  # nobody else looks after the users of the embedded one
            keep_login(owner, found.database_url)
    finally:
        owner.dispose()


def _master_keys(found: Stack) -> MasterKeys:
    try:
        return MasterKeys.parse(found.master_keys)
    except ValueError as error:
        raise SettingsError(f"CONSENT_MASTER_KEYS: {error}") from None
