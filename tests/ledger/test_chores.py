"""What is done now and then is done by the settings that it is meant for."""

from types import MappingProxyType

from domain.requests import Kind
from ledger.retention import RECORD, Periods, set_days
from tasks.chores import ChoreSettings, do_chores
from tasks.fingerprint_keys import rotate
from tests.ledger.conftest import Desk
from tests.ledger.requests.test_suppression import ANN, days_ago, done, forget, listed

NEVER = Periods(MappingProxyType(dict.fromkeys(Kind)), None)


def test_each_chore_is_done_by_its_setting(desk: Desk) -> None:
    def chores(settings: ChoreSettings) -> None:
        do_chores(desk.engine, desk.masters, {}, settings)

    forget(desk, done(desk, [ANN], effective_at=days_ago(11)))
    rotate(desk.engine, desk.masters, "cli:ann", lambda people: None)
    chores(ChoreSettings(NEVER))
    chores(ChoreSettings(NEVER, suppression_days=30))
    assert listed(desk, [ANN]) == [True]
    assert desk.one("SELECT count(*) FROM keys") == 2, "the older key is needed"
    chores(ChoreSettings(NEVER, suppression_days=10))
    assert listed(desk, [ANN]) == [False]
    assert desk.one("SELECT count(*) FROM keys") == 1


def test_the_audit_log_is_kept_as_long_as_the_record(desk: Desk) -> None:
    desk.execute("INSERT INTO audit_entries (by, deed, allowed, at) VALUES ('x', 'y', true, now() - interval '9 days')")
    for days, left in ((None, 1), (10.0, 1), (8.0, 0)):
        with desk.engine.begin() as connection:
            set_days(connection, {RECORD: days}, "cli:ann")
        do_chores(desk.engine, desk.masters, {}, ChoreSettings(NEVER))
        assert desk.one("SELECT count(*) FROM audit_entries WHERE deed = 'y'") == left, days
