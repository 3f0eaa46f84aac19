"""What is done now and then, however little there is to do, in one run."""

from collections.abc import Mapping
from dataclasses import dataclass

from ledger import retention
from ledger.retention import Periods
from ledger.sealing import MasterKeys
from ledger.session import Engine
from tasks import fingerprint_keys
from tasks.forget import forget_people, reseal_people
from tasks.recheck import open_samples
from tasks.retain import (
    keep_audit_log,
    keep_drafts,
    keep_forgetting,
    keep_no_clear_keys,
    keep_outbox,
    keep_suppression,
    keep_volumes,
)
from tasks.toolbox import Route


@dataclass(frozen=True)
class ChoreSettings:
    """What the settings say: how long each thing is kept, and how many people are read back again each week."""

    periods: Periods
    suppression_days: float | None = None
    recheck_people: int = 0


def do_chores(engine: Engine, masters: MasterKeys, routes: Mapping[str, Route], settings: ChoreSettings) -> None:
    """Begin the record's next volume in time, delete what is past its time (people, volumes, messages, dropped files),
    finish what was stopped, and have a sample of people read back again.

    Raises ledger.sealing.UnsealError.
    """
    keep_drafts(engine)
    with engine.begin() as connection:
        periods = retention.periods_of(connection, settings.periods)
    forget_people(engine, masters, periods)
    keep_forgetting(engine)
    reseal_people(engine, masters)
    keep_volumes(engine, periods.record)
    keep_audit_log(engine)
    keep_suppression(engine, settings.suppression_days)
    keep_outbox(engine)
    keep_no_clear_keys(engine, masters)
    fingerprint_keys.go_on(engine, masters)
    open_samples(engine, routes, settings.recheck_people)
