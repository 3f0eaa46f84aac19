"""A second person is somebody else: a submitter cannot confirm by another account, nor by splitting a request."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from domain.requests import Kind
from intake.producer import seal
from ledger.accounts import access
from ledger.requests import lately
from tasks.attend import AttendError, SamePersonError
from tasks.attend import Desk as Attending
from tasks.known import look_up
from tasks.producers import Intake, take_in
from tasks.queues import SUBMIT
from tasks.retain import keep_volumes
from tasks.sealed import ProducerKeys, generate_producer_key
from tasks.submission import Guards, Submission
from tasks.submit import Offer, Receipt, submit, submit_few
from tests.bad_messages import dumped, envelope
from tests.ledger.conftest import Desk, people

DAY = Guards(confirm_above=100, confirm_within_s=86_400.0)


@pytest.fixture
def insider(desk: Desk) -> Desk:
    desk.announce(insider=100)
    return desk


@pytest.fixture
def accounts(insider: Desk) -> Desk:
    """ann at the command line, at the console under two names, and with a key; bob beside her; two systems."""
    with insider.engine.begin() as connection:
        for name, owner, os_user in (
            ("ann", None, None),
            ("ann@shop.example", "ann", None),
            ("bob", None, "b.smith"),
        ):
            access.add_user(
                connection, name=name, role="operator", password_hash=None, by="cli:root", owner=owner, os_user=os_user
            )
        for name, owner, by in (("hers", "ann", "cli:root"), ("his", "bob", "cli:ann"), ("shop", None, "cli:ann")):
            access.add_key(
                connection, prefix=name, name=name, role="operator", digest=bytes(32), by=by, days=None, owner=owner
            )
    return insider


HERS = ("cli:ann", "user:ann", "user:ann@shop.example", "key:hers", "celery:ann")
OTHERS = ("cli:b.smith", "user:bob", "key:his", "celery:crm")


@pytest.mark.parametrize("submitter", [*HERS, "key:shop"])
def test_no_account_of_the_submitter_confirms_and_any_of_another_does(accounts: Desk, submitter: str) -> None:
    public_id = sent(accounts, submitter, 101)
    assert status(accounts, public_id) == "unconfirmed"
    for by in HERS:  # also of the key that belongs to nobody: it was shown to ann, who made it
        with pytest.raises(SamePersonError, match="someone else"):
            confirm(accounts, public_id, by)
    assert status(accounts, public_id) == "unconfirmed"
    confirm(accounts, public_id, OTHERS[len(submitter) % len(OTHERS)])
    assert status(accounts, public_id) == "running"


def test_the_command_line_may_still_say_yes(accounts: Desk) -> None:
    public_id = sent(accounts, "cli:ann", 101)
    Attending(accounts.engine, "user:ann", accounts.woken.extend).confirm(public_id, own=True)
    assert status(accounts, public_id) == "running"


def test_what_is_said_of_accounts_later_counts_too(insider: Desk) -> None:
    public_id = sent(insider, "key:shop", 101)
    with insider.engine.begin() as connection:
        access.add_user(connection, name="x", role="reader", password_hash=None, by="cli:root", owner="ann")
        for name in ("shop", "crm"):
            access.add_key(
                connection, prefix=name, name=name, role="operator", digest=bytes(32), by="cli:root", days=None
            )
        assert access.set_key_owner(connection, "shop", "ann")
        assert access.set_user_owner(connection, "x", owner="ann", os_user=None)
    with pytest.raises(AttendError):
        confirm(insider, public_id, "user:x")
    confirm(insider, public_id, "key:crm")


# Recently sent requests count


def test_a_hundred_requests_do_not_pass_for_small_ones(insider: Desk) -> None:
    sizes = [60, 30, 11, 10, 1, 101]
    states = [status(insider, sent(insider, "cli:ann", size)) for size in sizes]
    # 60 + 30 run; 11 more would be 101; 10 more are 100; then one is one too many.
    assert states == ["running", "running", "unconfirmed", "running", "unconfirmed", "unconfirmed"]
    assert status(insider, sent(insider, "cli:bob", 60)) == "running"


def test_the_accounts_of_one_person_count_together(accounts: Desk) -> None:
    states = [status(accounts, sent(accounts, by, 30)) for by in HERS]
    assert states == ["running"] * 3 + ["unconfirmed"] * 2
    assert status(accounts, sent(accounts, "key:his", 30)) == "running"
    assert status(accounts, sent(accounts, "key:shop", 30)) == "running"  # a system by itself


def test_what_was_sent_long_ago_counts_no_more_and_is_dropped(insider: Desk) -> None:
    sent(insider, "cli:ann", 90)
    insider.execute("UPDATE sent_lately SET minute = minute - interval '23 hours'")
    assert status(insider, sent(insider, "cli:ann", 90)) == "unconfirmed"
    insider.execute("UPDATE sent_lately SET minute = minute - interval '2 hours'")
    assert status(insider, sent(insider, "cli:ann", 90)) == "running"
    insider.execute("UPDATE sent_lately SET minute = minute - make_interval(days => :days)", days=lately.KEPT_DAYS - 1)
    keep_volumes(insider.engine, None)
    assert insider.one("SELECT count(*) FROM sent_lately") == 1


def test_with_no_hours_each_request_counts_by_itself(insider: Desk) -> None:
    guards = Guards(confirm_above=100)
    assert {status(insider, sent(insider, "cli:ann", 90, guards=guards)) for _ in range(3)} == {"running"}
    assert insider.one("SELECT count(*) FROM sent_lately") == 0


def test_what_was_confirmed_by_oneself_or_waits_does_not_count(insider: Desk) -> None:
    assert status(insider, sent(insider, "cli:ann", 150, confirmed=True)) == "running"
    assert status(insider, sent(insider, "cli:ann", 150)) == "unconfirmed"
    assert status(insider, sent(insider, "cli:ann", 100)) == "running"


def test_what_is_recorded_together_counts_and_so_does_what_comes_one_by_one(insider: Desk) -> None:
    offers = [Offer(Submission(Kind.ERASURE, submitted_by="key:shop"), people(n)) for n in (60, 40, 1)]
    found = submit_few(
        offers,
        engine=insider.engine,
        masters=insider.masters,
        wake=insider.woken.extend,
        guards=DAY,
        known=look_up(insider.engine, insider.masters),
    )
    assert found == [None, None, None]  # left to `submit`, which counts
    states = [status(insider, sent(insider, "key:shop", n)) for n in (60, 40, 1)]
    assert states == ["running", "running", "unconfirmed"]


def test_everyday_traffic_is_recorded_together_and_not_counted(insider: Desk) -> None:
    guards = replace(DAY, confirm_above=1_000)
    for _ in range(2):
        offers = [Offer(Submission(Kind.ERASURE, submitted_by="key:shop"), people(2)) for _ in range(300)]
        found = submit_few(
            offers,
            engine=insider.engine,
            masters=insider.masters,
            wake=insider.woken.extend,
            guards=guards,
            known=look_up(insider.engine, insider.masters),
        )
        assert all(isinstance(one, Receipt) and not one.recorded.unconfirmed for one in found)
    assert insider.one("SELECT count(*) FROM sent_lately") == 0
    assert status(insider, sent(insider, "key:shop", 999, guards=guards)) == "running"


def test_requests_that_come_at_the_same_moment_see_each_other(insider: Desk) -> None:
    with ThreadPoolExecutor(6) as many:
        ids = list(many.map(lambda _: sent(insider, "key:shop", 30), range(12)))
    assert sorted(status(insider, one) for one in ids) == ["running"] * 3 + ["unconfirmed"] * 9


def test_a_repeated_submission_counts_once(insider: Desk) -> None:
    ids = {sent(insider, "key:shop", 90, idempotency_key="k") for _ in range(3)}
    assert len(ids) == 1
    assert insider.one("SELECT sum(subjects) FROM sent_lately") == 90


def test_celery_producers_are_submitters_too(insider: Desk) -> None:
    keys = ProducerKeys.parse(generate_producer_key())
    intake = Intake(
        insider.engine, insider.masters, keys, wake=insider.woken.extend, guards=replace(DAY, confirm_above=10)
    )
    states = []
    for n in range(4):
        payload = {"kind": "erasure", "subjects": people(4), "submitted_by": "crm", "idempotency_key": f"k-{n}"}
        item = dumped(envelope(SUBMIT, [seal(payload, str(keys.public))], SUBMIT))
        (taken,) = take_in([item], intake)
        assert isinstance(taken, UUID)
        states.append(status(insider, taken))
    assert states == ["running", "running", "unconfirmed", "unconfirmed"]


def sent(desk: Desk, by: str, count: int, *, guards: Guards = DAY, **more: Any) -> UUID:
    submission = Submission(Kind.ERASURE, submitted_by=by, **more)
    receipt = submit(
        submission, people(count), engine=desk.engine, masters=desk.masters, wake=desk.woken.extend, guards=guards
    )
    return receipt.recorded.public_id


def status(desk: Desk, public_id: UUID) -> str:
    return str(desk.one("SELECT CAST(status AS text) FROM requests WHERE public_id = :id", id=public_id))


def confirm(desk: Desk, public_id: UUID, by: str) -> None:
    Attending(desk.engine, by, desk.woken.extend).confirm(public_id, own=False)
