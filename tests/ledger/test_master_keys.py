"""Master keys are rotated beside whatever goes on, and an old one may go afterwards; one that is missing is noticed at
once."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from domain.outcomes import Outcome
from ledger import master_keys, rewrapping
from ledger.fitness import check_fitness
from ledger.keys import fingerprinter
from ledger.master_keys import MissingKeyError, Wrapped
from ledger.people.involved import requests_of
from ledger.people.prints import Prints
from ledger.sealing import MasterKeys, UnsealError, generate_master_key
from tasks.rotate import rotate
from tests.ledger.conftest import APPLIED, Desk, everybody, people

OLD, NEW = generate_master_key(), generate_master_key()
BOTH, ONLY_NEW, ONLY_OLD = MasterKeys.parse(f"{NEW},{OLD}"), MasterKeys.parse(NEW), MasterKeys.parse(OLD)


@pytest.fixture
def old_desk(desk: Desk) -> Desk:
    """A desk that knows the old key alone."""
    desk.masters = ONLY_OLD
    return desk


def rotated(desk: Desk, masters: MasterKeys = BOTH) -> int:
    done = rotate(desk.engine, masters, "cli:ann", lambda total: None)
    assert done.settled
    return done.rewrapped


def wrapped(desk: Desk) -> dict[bytes, Wrapped]:
    with desk.engine.connect() as connection:
        return {one.id: one for one in master_keys.wrapped_by_each(connection)}


def found(desk: Desk, masters: MasterKeys, user_id: str) -> int:
    with desk.engine.begin() as connection:
        prints = Prints(fingerprinter(connection, masters)).identifiers({"user_id": user_id})
        return len(requests_of(connection, prints))


def test_what_each_key_wraps_is_counted_and_an_old_one_may_go_after_the_rotation(old_desk: Desk) -> None:
    old_desk.submit(people(3))
    assert wrapped(old_desk) == {ONLY_OLD.ids[0]: Wrapped(ONLY_OLD.ids[0], 1, 0, fingerprints=True)}
    assert rotated(old_desk) == 2
    assert wrapped(old_desk) == {ONLY_NEW.ids[0]: Wrapped(ONLY_NEW.ids[0], 1, 0, fingerprints=True)}
    assert rotated(old_desk) == 0, "again: there is nothing left to do"
    old_desk.masters = ONLY_NEW
    check_fitness(old_desk.engine, ONLY_NEW)
    assert found(old_desk, ONLY_NEW, "jane-00002") == 1
    old_desk.work_off(old_desk.tools_for(everybody(APPLIED)))
    assert len(old_desk.outcomes()) == 3
    assert set(old_desk.outcomes().values()) == {(Outcome.ACCEPTED, None, 1)}


def test_drafts_are_rewrapped_too(old_desk: Desk) -> None:
    old_desk.execute(
        "INSERT INTO drafts (public_id, created_by, expires_at, data_key, state) VALUES "
        "(CAST(:id AS uuid), 'user:ann', now() + interval '1 hour', :data_key, :state)",
        id=DRAFT,
        data_key=ONLY_OLD.seal(bytes(32), b"draft-key:" + bytes.fromhex(DRAFT.replace("-", ""))),
        state=b"",
    )
    assert rotated(old_desk) == 1
    again = bytes(old_desk.one("SELECT data_key FROM drafts"))
    assert ONLY_NEW.open(again, b"draft-key:" + bytes.fromhex(DRAFT.replace("-", ""))) == bytes(32)


DRAFT = "123e4567-e89b-42d3-a456-426614174000"


def test_a_rotation_beside_a_campaign_loses_nothing(old_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.rotate.STEP", 3)
    for number in range(12):
        old_desk.submit([{"user_id": f"first-{number}"}])
    old_desk.masters = BOTH
    tools, done = old_desk.tools_for(everybody(APPLIED)), threading.Event()

    def campaign() -> None:
        for number in range(12):
            old_desk.submit([{"user_id": f"second-{number}"}])
            old_desk.work_off(tools)
        done.set()

    working = threading.Thread(target=campaign)
    working.start()
    while not done.is_set():
        rotated(old_desk)
    working.join(timeout=60)
    rotated(old_desk)
    check_fitness(old_desk.engine, ONLY_NEW)
    assert old_desk.one("SELECT count(*) FROM outcomes WHERE outcome = 'accepted'") == 24
    old_desk.assert_tallies_add_up()
    assert all(
        found(old_desk, ONLY_NEW, f"{when}-{number}") == 1 for when in ("first", "second") for number in range(12)
    )


def test_a_rotation_that_ends_in_the_middle_is_resumed(old_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.rotate.STEP", 2)
    for number in range(6):
        old_desk.submit([{"user_id": f"u-{number}"}])

    def killed(total: int) -> None:
        if total >= 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rotate(old_desk.engine, BOTH, "cli:ann", killed)
    halfway = wrapped(old_desk)
    assert 0 < halfway[ONLY_OLD.ids[0]].data_keys < 6
    with pytest.raises(MissingKeyError):
        check_fitness(old_desk.engine, ONLY_NEW)
    assert rotated(old_desk) == halfway[ONLY_OLD.ids[0]].data_keys
    check_fitness(old_desk.engine, ONLY_NEW)


def test_what_somebody_has_locked_is_come_back_to(old_desk: Desk) -> None:
    old_desk.submit(people(1))
    with old_desk.engine.begin() as connection:
        connection.execute(text("SELECT FROM data_keys FOR UPDATE"))
        with old_desk.engine.begin() as other:
            assert rewrapping.rewrap(other, BOTH, rewrapping.PLACES[0], 0, 10).rewrapped == 0
    assert rotated(old_desk) == 2


def test_a_transaction_that_began_before_is_waited_for(old_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upload of hours seals with what was the newest key when it began."""
    old_desk.submit(people(1))
    monkeypatch.setattr("tasks.rotate.WAIT_S", 0.2)
    with old_desk.engine.begin() as connection:
        connection.execute(text("UPDATE vendors SET strikes = strikes"))
        assert not rotate(old_desk.engine, BOTH, "cli:ann", lambda total: None).settled
    monkeypatch.setattr("tasks.rotate.WAIT_S", 20.0)
    rotated(old_desk)


MISSING: dict[str, Callable[[Desk], Any]] = {
    "a data key": lambda desk: desk.execute(
        "UPDATE keys SET wrapped = :wrapped", wrapped=ONLY_NEW.seal(bytes(32), b"fingerprints")
    ),
    "the fingerprint key": lambda desk: desk.execute("DELETE FROM data_keys"),
}


@pytest.mark.parametrize("left", MISSING)
def test_a_key_that_is_still_needed_and_missing_is_named_at_the_start(old_desk: Desk, left: str) -> None:
    old_desk.submit(people(1))
    check_fitness(old_desk.engine, BOTH)
    MISSING[left](old_desk)
    with pytest.raises(MissingKeyError, match=ONLY_OLD.ids[0].hex()):
        check_fitness(old_desk.engine, ONLY_NEW)
    check_fitness(old_desk.engine, BOTH)


def test_keys_of_another_ledger_are_refused_and_not_noted(old_desk: Desk) -> None:
    old_desk.submit(people(1))
    with pytest.raises(UnsealError) as refused:
        check_fitness(old_desk.engine, ONLY_NEW)
    assert master_keys.why_not_these(refused.value).startswith(
        f"{master_keys.WRONG}, which needs {ONLY_OLD.ids[0].hex()}"
    )
    assert old_desk.rows("SELECT id FROM master_keys") == [(ONLY_OLD.ids[0],)]


def test_a_key_by_which_nothing_is_wrapped_any_more_may_be_missing(old_desk: Desk) -> None:
    check_fitness(old_desk.engine, ONLY_OLD)
    check_fitness(old_desk.engine, ONLY_NEW)
    assert old_desk.rows("SELECT id FROM master_keys") == [(ONLY_NEW.ids[0],)]


def test_a_changed_canary_is_noticed(old_desk: Desk) -> None:
    check_fitness(old_desk.engine, ONLY_OLD)
    old_desk.execute("UPDATE master_keys SET canary = :canary", canary=ONLY_NEW.seal(b"canary", b"canary"))
    with pytest.raises(UnsealError):
        check_fitness(old_desk.engine, ONLY_OLD)


def test_a_rotation_is_in_the_audit_log_and_in_the_evidence_log(old_desk: Desk) -> None:
    old_desk.submit(people(1))
    rotated(old_desk)
    assert old_desk.rows("SELECT by, deed, because FROM audit_entries WHERE deed LIKE 'master-key%'") == [
        ("cli:ann", "master-key rotate", f"to the master key {ONLY_NEW.ids[0].hex()}")
    ]
    logged = old_desk.rows(
        "SELECT facts ->> 'id', facts ->> 'needed' FROM log_pending WHERE type = 'master_key' ORDER BY id"
    )
    assert logged[-2:] == [(ONLY_NEW.ids[0].hex(), "true"), (ONLY_OLD.ids[0].hex(), "false")]
    assert old_desk.one("SELECT count(*) FROM log_pending WHERE type = 'key'") == 2
