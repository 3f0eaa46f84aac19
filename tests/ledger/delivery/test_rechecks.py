"""Of those who were verified, a sample is read back again each week: who has come back is told, and nobody else."""

import pytest

from adapters.contract import Answer, Verdict
from domain.requests import Kind, Subject
from ledger.delivery import rechecks
from ledger.desk import attention
from tasks import attend
from tasks.recheck import open_samples
from tasks.settle import settle
from tests.ledger.conftest import Desk, everybody, people
from tests.ledger.delivery.test_answers import shop
from tests.ledger.delivery.test_verifying import ReadableAdapter, Vendor, latest, status
from tests.ledger.sandboxed import Shop
from tests.ledger.test_growth import read_by
from tests.stubs import StubAdapter, StubExchange

__all__ = ["shop"]  # the fixture

BACK = ("needs_action", "came_back")


class Weeks:
    """A desk, a vendor that can be read back, and weeks that pass."""

    def __init__(self, desk: Desk, vendor: Vendor) -> None:
        self.desk, self.vendor = desk, vendor
        self.tools = desk.tools({"insider": StubExchange(vendor.answer, ReadableAdapter())})

    def deliver(self, runs: int = 4) -> None:
        for _ in range(runs):
            self.desk.make_everything_due()
            self.desk.work_off(self.tools, runs=60)
        settle(self.tools)

    def pass_one(self, people: int = 100) -> int:
        self.desk.execute("UPDATE turns SET due_at = due_at - interval '7 days' WHERE work LIKE 'recheck %'")
        opened = open_samples(self.desk.engine, self.tools.routes, people)
        self.deliver(2)
        return opened["insider"]

    def counts(self) -> dict[str, tuple[int, int]]:
        with self.desk.engine.connect() as connection:
            return rechecks.counts(connection)


@pytest.fixture
def weeks(desk: Desk) -> Weeks:
    desk.announce(insider=10)
    found = Weeks(desk, Vendor())
    desk.submit(people(15))
    found.deliver()
    assert latest(desk) == {("verified", None)}
    return found


def test_who_stays_erased_leaves_no_trace_but_a_count(weeks: Weeks, desk: Desk) -> None:
    trees = desk.one("SELECT count(*) FROM trees_due")
    assert weeks.pass_one() == 15
    assert latest(desk) == {("verified", None)}
    assert weeks.counts() == {"insider": (15, 0)}
    assert (status(desk), desk.one("SELECT count(*) FROM trees_due")) == ("completed", trees)
    assert set(weeks.vendor.delivered.values()) == {1}, "nothing is sent"


def test_who_is_back_is_told_everywhere(weeks: Weeks, desk: Desk) -> None:
    weeks.vendor.delivered[7] = 0
    assert weeks.pass_one() == 15
    assert latest(desk) == {("verified", None), BACK}
    assert desk.rows("SELECT line FROM outcomes WHERE reason = 'came_back'") == [(7,)]
    assert weeks.counts() == {"insider": (15, 1)}
    assert set(weeks.vendor.delivered.values()) == {0, 1}, "a person decides whether it is sent again"
    with desk.engine.connect() as connection:
        (group,) = attention.groups(connection)
    assert (group.vendor, group.reason, group.deliveries) == ("insider", "came_back", 1)
    assert status(desk) == "completed_with_exceptions", "which receivers of webhooks are told"
    assert desk.rows("SELECT facts ->> 'people' FROM log_pending WHERE type = 'resurrection'") == [("1",)]
    assert desk.one("SELECT count(*) FROM trees_due") > 0
    desk.assert_tallies_add_up()
    assert weeks.pass_one() == 14, "who waits for a person already is not read back"


def test_a_retry_sends_it_again_and_it_is_verified_anew(weeks: Weeks, desk: Desk) -> None:
    weeks.vendor.delivered[7] = 0
    weeks.pass_one()
    public_id = desk.one("SELECT public_id FROM requests")
    again = attend.Desk(desk.engine, "cli:ann", desk.woken.extend).retry(public_id, "insider", "came_back")
    assert again.deliveries == {"insider": 1}
    weeks.deliver()
    assert (latest(desk), status(desk)) == ({("verified", None)}, "completed")
    assert weeks.vendor.delivered[7] == 1
    desk.assert_tallies_add_up()


def test_who_has_opted_in_since_has_not_come_back(weeks: Weeks, desk: Desk) -> None:
    desk.submit(people(15)[6:7], kind=Kind.OPT_IN)
    weeks.deliver()
    weeks.vendor.delivered[7] = 0
    assert weeks.pass_one() == 15
    assert desk.one("SELECT count(*) FROM outcomes WHERE reason = 'came_back'") == 0
    assert weeks.counts() == {"insider": (14, 0)}


def test_a_week_has_one_check_whoever_asks(weeks: Weeks, desk: Desk) -> None:
    first = [open_samples(desk.engine, weeks.tools.routes, 100) for _ in range(3)]
    assert first == [{"insider": 15}, {}, {}]
    desk.execute("UPDATE turns SET due_at = due_at - interval '6 days 23 hours'")
    assert open_samples(desk.engine, weeks.tools.routes, 100) == {}
    desk.execute("UPDATE turns SET due_at = due_at - interval '2 hours'")
    assert open_samples(desk.engine, weeks.tools.routes, 100) == {"insider": 0}, "the last one is not done"


@pytest.mark.parametrize("most", [0, 1, 4, 15])
def test_a_sample_has_about_so_many_different_people(weeks: Weeks, desk: Desk, most: int) -> None:
    desk.submit(people(30)[15:])
    weeks.deliver()
    opened = open_samples(desk.engine, weeks.tools.routes, most).get("insider", 0)
    rows = desk.rows("SELECT request_id, first_line FROM chunks WHERE sampled")
    assert len(rows) == len({*rows}) == opened
    assert most - 2 <= opened <= most + 2, "it is rounded for each request"
    weeks.deliver(2)
    assert desk.one("SELECT count(*) FROM chunks WHERE state <> 'closed'") == 0


def test_a_sample_of_few_does_not_read_a_large_request(weeks: Weeks, desk: Desk) -> None:
    desk.execute("""
        INSERT INTO outcomes (request_id, vendor_id, round, line, attempts, outcome)
        SELECT request_id, vendor_id, 1, line, 1, 'verified'
        FROM tallies, generate_series(16, 20000) AS line WHERE tallies.outcome = 'verified'""")
    desk.execute("UPDATE tallies SET deliveries = 20000 WHERE outcome = 'verified'")
    desk.execute("UPDATE requests SET subjects = 20000")
    desk.execute("ANALYZE outcomes, tallies, requests")
    read = read_by(desk, lambda connection: rechecks.open_sample(connection, "insider", [Kind.ERASURE], 10))
    assert 10 <= read["outcomes_1"] < 200


def test_who_is_forgotten_or_cannot_be_read_back_is_left_out(weeks: Weeks, desk: Desk) -> None:
    desk.submit(people(1), kind=Kind.OPT_IN)
    weeks.deliver()
    public_id = desk.one("SELECT public_id FROM requests ORDER BY id LIMIT 1")
    attend.Desk(desk.engine, "cli:ann", desk.woken.extend).forget(public_id, "they asked", desk.masters)
    assert weeks.pass_one() == 0
    mute = desk.tools({"insider": StubExchange(everybody(Answer(Verdict.APPLIED)), StubAdapter())})
    assert open_samples(desk.engine, mute.routes, 100) == {}


def test_what_was_forgotten_meanwhile_is_not_read(weeks: Weeks, desk: Desk) -> None:
    assert open_samples(desk.engine, weeks.tools.routes, 100) == {"insider": 15}
    public_id = desk.one("SELECT public_id FROM requests")
    attend.Desk(desk.engine, "cli:ann", desk.woken.extend).forget(public_id, "they asked", desk.masters)
    weeks.deliver(2)
    assert weeks.counts() == {}


def test_who_cannot_be_read_now_stays_verified(weeks: Weeks, desk: Desk) -> None:
    weeks.vendor.unreadable = True
    weeks.pass_one()
    assert latest(desk) == {("verified", None)}
    assert weeks.counts() == {"insider": (0, 0)}


@pytest.mark.parametrize("vendor", ["dfinery", "b2core", "insider"])
def test_the_sandbox_takes_somebody_back(shop: Shop, vendor: str) -> None:
    """As an import does that knows nothing of the erasure: the person is seeded anew."""
    subjects: list[Subject] = [{"user_id": f"back-{n}", "email": f"back-{n}@private.example"} for n in range(3)]
    shop.seed(subjects)
    shop.desk.submit(subjects, vendors=[vendor])
    tools = shop.tools(vendor, look_first_up_to=1_000) if vendor == "insider" else shop.tools(vendor)
    shop.work(tools, minutes=600)
    assert {outcome for outcome, _ in latest(shop.desk)} == {"verified"}
    shop.seed(subjects[1:2])
    assert open_samples(shop.desk.engine, tools.routes, 100) == {vendor: 3}
    shop.work(tools, minutes=600)
    assert shop.desk.rows("SELECT line FROM outcomes WHERE reason = 'came_back'") == [(2,)]
