"""The fingerprint key is replaced beside whatever goes on: everybody is found before, during and after it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from uuid import UUID

import pytest
from sqlalchemy import Connection

from domain.outcomes import Reason
from domain.requests import Kind, Subject
from ledger import legal_holds
from ledger.desk import listing
from ledger.desk.listing import Wanted
from ledger.filter_building import build_filters
from ledger.keys import check_keys, fingerprinter
from ledger.people.involved import requests_of
from ledger.people.prints import Prints
from ledger.requests import fingerprint_keys, key_needs, reprinting
from ledger.requests.references import prints_of_reference
from ledger.requests.resealing import reseal_next
from ledger.retention import Periods
from ledger.sealing import MasterKeys, generate_master_key
from tasks import attend
from tasks import fingerprint_keys as keys
from tasks import rotate as master_rotation
from tasks.forget import forget_people
from tasks.known import Lately, look_up
from tasks.retain import keep_forgetting, keep_suppression
from tasks.submission import NO_GUARDS, KeyConflictError, Submission
from tasks.submit import Offer, submit, submit_few
from tests.ledger.conftest import APPLIED, Desk, everybody, people
from tests.ledger.delivery.test_legal_holds import await_a_lock
from tests.ledger.requests.test_forgetting_by_age import ACTION, ended, pass_days
from tests.ledger.requests.test_suppression import (
    ALL,
    ANN,
    BOB,
    CAT,
    TakesAnybody,
    days_ago,
    done,
    forget,
    listed,
)
from tests.ledger.test_volumes import age, long_ago, shelf, turn_over  # noqa: F401 - a fixture
from tests.stubs import StubExchange

STATES = ("before", "begun", "halfway", "reprinted", "tidied")
"""How far a rotation has got."""


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reprinting, "STEP", 2)
    monkeypatch.setattr(fingerprint_keys, "STEP", 2)


def to(desk: Desk, state: str) -> None:
    """Take a rotation from the state before to this one."""
    engine, masters = desk.engine, desk.masters
    match state:
        case "begun":
            assert keys._begin(engine, masters, "cli:ann") is False
        case "halfway":
            assert keys._reprint(engine, masters)
        case "reprinted":
            while keys._reprint(engine, masters):
                pass
            keys._finish(engine)
        case "tidied":
            while keys._tidy(engine):
                pass


def rotated(desk: Desk) -> keys.Replaced:
    return keys.rotate(desk.engine, desk.masters, "cli:ann", lambda people: None)


def found(desk: Desk, person: Subject) -> list[UUID]:
    with desk.engine.begin() as connection:
        prints = Prints(fingerprinter(connection, desk.masters))
        return [one.request_id for one in requests_of(connection, *prints.to_look_for(person))]


def by_older(desk: Desk) -> int:
    return int(desk.one("SELECT count(*) FROM other_identifiers WHERE key IS NOT NULL"))


def stored(desk: Desk) -> set[tuple[object, ...]]:
    return {*desk.rows("SELECT request_id, line, user_print, email_print, phone_print FROM subjects")}


def opt_ins_go_out(desk: Desk) -> bool:
    """Whether any opt-in is sent, when everything is delivered now."""
    tools = desk.tools({"insider": StubExchange(everybody(APPLIED), TakesAnybody())})
    while desk.work_off(tools):
        pass
    outcomes = {outcome for (outcome,) in desk.rows(_OF_OPT_INS)}
    assert outcomes
    return outcomes != {"superseded"}


_OF_OPT_INS = """
    SELECT CAST(outcome AS text) FROM outcomes JOIN requests ON requests.id = request_id WHERE kind = 'opt_in'
"""


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("first", [Kind.OPT_IN, Kind.OPT_OUT])
@pytest.mark.parametrize("until", STATES)
def test_two_wishes_of_one_person_are_compared_however_far_a_rotation_has_got(
    desk: Desk, until: str, first: Kind
) -> None:
    """One wish from each state up to this one, and then the other wish of all of them, for which each opt-in gives
    way."""
    desk.announce(insider=100)
    second = Kind.OPT_OUT if first is Kind.OPT_IN else Kind.OPT_IN
    at = {Kind.OPT_IN: days_ago(2), Kind.OPT_OUT: days_ago(1)}
    came: list[Subject] = []
    for state in STATES[: STATES.index(until) + 1]:
        to(desk, state)
        them: list[Subject] = [
            {"user_id": f"u-{state}", "email": f"{state}@private.example"},
            {"vendors": {"insider": {"insider_id": f"i-{state}"}}},
        ]
        desk.submit(them, kind=first, effective_at=at[first])
        came += them
    desk.submit(came, kind=second, effective_at=at[second])
    assert not opt_ins_go_out(desk)


def test_a_vendor_is_not_told_of_wishes_that_are_not_compared(desk: Desk) -> None:
    """The test above can fail: without the older key nobody is recognised."""
    desk.announce(insider=100)
    desk.submit([ANN], kind=Kind.OPT_IN, effective_at=days_ago(2))
    to(desk, "begun")
    desk.submit([ANN], kind=Kind.OPT_OUT, effective_at=days_ago(1))
    desk.execute("DELETE FROM other_identifiers")
    assert opt_ins_go_out(desk)


def test_everybody_is_fingerprinted_anew_and_nothing_by_the_older_key_stays(desk: Desk) -> None:
    desk.submit([*people(5), CAT])
    before = stored(desk)
    done_ = rotated(desk)
    assert (done_.people, done_.unreadable, done_.resumed) == (6, 0, False)
    assert not {one[2] for one in before if one[2]} & {one[2] for one in stored(desk)}
    assert by_older(desk) == 0
    assert len(found(desk, {"user_id": "jane-00003"})) == 1
    assert [(one.number, one.state, one.is_needed) for one in done_.keys] == [(2, None, True), (1, "kept", False)]
    assert rotated(desk).people == 6, "once more, to a third key"
    assert len(found(desk, {"email": "jane-00005@private.example"})) == 1
    keys.go_on(desk.engine, desk.masters)
    assert [one.number for one in current(desk)] == [3], "nothing needs the first two"


def current(desk: Desk) -> list[key_needs.Key]:
    with desk.engine.begin() as connection:
        return key_needs.keys_of(connection)


@pytest.mark.usefixtures("small_steps")
def test_a_person_is_looked_up_by_both_keys_meanwhile(desk: Desk) -> None:
    ids = [desk.submit([ANN, *people(3)]).recorded.public_id]
    for state in STATES[1:]:
        to(desk, state)
        ids.append(desk.submit([ANN]).recorded.public_id)
        assert found(desk, ANN) == ids, state


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("stopped_at", STATES[1:])
def test_a_rotation_goes_on_where_it_was_stopped(desk: Desk, stopped_at: str) -> None:
    desk.submit(people(7))
    for state in STATES[: STATES.index(stopped_at) + 1]:
        to(desk, state)
    keys.go_on(desk.engine, desk.masters)
    assert [one.number for one in current(desk)] == [2]
    assert by_older(desk) == 0
    assert len(found(desk, {"user_id": "jane-00007"})) == 1


@pytest.mark.usefixtures("small_steps")
def test_two_processes_rotate_at_once_beside_one_that_submits(desk: Desk) -> None:
    desk.announce(insider=100)
    desk.submit(people(40), kind=Kind.OPT_IN, effective_at=days_ago(2))
    known = Lately(desk.engine, desk.masters)
    known()
    rotations: list[keys.Replaced] = []
    several = [threading.Thread(target=lambda: rotations.append(rotated(desk))) for _ in range(2)]
    for one in several:
        one.start()
    for one in people(40):
        submission = Submission(Kind.OPT_OUT, effective_at=days_ago(1))
        submit(submission, [one], engine=desk.engine, masters=desk.masters, wake=desk.woken.extend, known=known)
    for one in several:
        one.join()
    assert sum(one.people for one in rotations) >= 40
    assert not opt_ins_go_out(desk)
    assert by_older(desk) == 40 * 3 * (len(current(desk)) - 1), "of opt-ins they stay with the key"


def test_two_who_finish_at_once_come_one_after_the_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both would look, and then each wait until the other has ended."""
    have_looked, wait_for_writers = threading.Barrier(2), fingerprint_keys._wait_for_writers

    def wait_for_both(connection: Connection) -> None:
        with suppress(threading.BrokenBarrierError):  # one looks when the other is done
            have_looked.wait(0.5)
        wait_for_writers(connection)

    desk.submit([ANN])
    to(desk, "begun")
    assert keys._reprint(desk.engine, desk.masters)
    monkeypatch.setattr(fingerprint_keys, "_wait_for_writers", wait_for_both)
    monkeypatch.setattr(fingerprint_keys, "WAIT_MS", 30_000)
    with ThreadPoolExecutor(2) as several:
        both = [several.submit(keys._finish, desk.engine) for _ in range(2)]
    assert [one.result() for one in both] == [None, None]
    assert [one.state for one in current(desk)] == [None, "tidying"]


def test_who_writes_with_keys_as_they_were_is_told_to_look_them_up(desk: Desk) -> None:
    """Processes that cache them, and a batch of several."""
    stale = look_up(desk.engine, desk.masters)
    desk.submit([ANN], idempotency_key="one")
    to(desk, "begun")
    offers = [Offer(Submission(Kind.ERASURE), [BOB])]
    more = {"engine": desk.engine, "masters": desk.masters, "wake": desk.woken.extend}
    assert submit_few(offers, guards=NO_GUARDS, known=stale, **more) == [None]
    taken = submit(Submission(Kind.OPT_OUT), [ANN], known=lambda: stale, **more)
    many = submit(Submission(Kind.OPT_OUT), people(1_001), known=lambda: stale, **more)
    assert found(desk, ANN)[-1] == taken.recorded.public_id
    assert found(desk, {"user_id": "jane-01001"}) == [many.recorded.public_id]
    assert by_older(desk) == 3 + 3 * 1_001
    again = submit(Submission(Kind.ERASURE, idempotency_key="one"), [ANN], known=lambda: stale, **more)
    assert again.repeated


@pytest.mark.parametrize("until", ["begun", "tidied"])
def test_an_idempotency_key_holds_beyond_a_rotation(desk: Desk, until: str) -> None:
    first = desk.submit(people(2), idempotency_key="one")
    for state in STATES[: STATES.index(until) + 1]:
        to(desk, state)
    again = desk.submit(people(2), idempotency_key="one")
    assert (again.repeated, again.recorded.public_id) == (True, first.recorded.public_id)
    with pytest.raises(KeyConflictError):
        desk.submit(people(3), idempotency_key="one")
    keys.go_on(desk.engine, desk.masters)
    assert [(one.number, one.requests) for one in current(desk)] == [(2, 0), (1, 1)], "it is what needs the key"


def test_a_reference_is_found_before_and_after(desk: Desk) -> None:
    desk.submit([ANN], reference="Case 7")

    def called() -> int:
        with desk.engine.begin() as connection:
            prints = prints_of_reference(fingerprinter(connection, desk.masters), "case 7")
            return len(listing.requests_by_receipt(connection, Wanted(reference=prints), None, 9))

    for state in STATES:
        to(desk, state)
        assert called() == 1, state


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("forgotten", STATES)
def test_who_was_erased_stays_on_the_list_and_their_key_with_them(desk: Desk, forgotten: str) -> None:
    """However far the rotation has got when their request is forgotten."""
    erased = done(desk, ALL, effective_at=days_ago(3))
    for state in STATES:
        to(desk, state)
        if state == forgotten:
            forget(desk, erased)
        assert listed(desk) == [True, True, True, False], state
    keys.go_on(desk.engine, desk.masters)
    by_the_first = forgotten in ("before", "begun", "halfway")
    assert [one.number for one in current(desk)] == ([2, 1] if by_the_first else [2])
    assert listed(desk) == [True, True, True, False]
    done(desk, [ANN], Kind.OPT_IN, effective_at=days_ago(1))
    assert listed(desk) == [False, True, True, False], "a newer opt-in takes off the list"
    desk.execute("UPDATE suppression SET at = at - interval '40 days'")
    assert keep_suppression(desk.engine, 30)
    keys.go_on(desk.engine, desk.masters)
    assert [one.number for one in current(desk)] == [2], "its last entry is gone, and so is the key"


def test_an_opt_in_that_is_forgotten_stays_off_the_list(desk: Desk) -> None:
    forget(desk, done(desk, [ANN, BOB], effective_at=days_ago(3)))
    rotated(desk)
    forget(desk, done(desk, [ANN], Kind.OPT_IN, effective_at=days_ago(1)))
    assert listed(desk) == [False, True, False, False]
    rotated(desk)
    assert listed(desk) == [False, True, False, False]


def test_people_whose_fingerprints_wait_to_be_deleted_come_to_the_list_by_their_own_key(desk: Desk) -> None:
    erased = done(desk, ALL, effective_at=days_ago(3))
    attend.Desk(desk.engine, "cli:ann", desk.woken.extend).forget(erased, "they asked", desk.masters)
    assert rotated(desk).unreadable == 3
    assert found(desk, ANN) == []
    assert listed(desk) == [True, True, True, False]
    assert keep_forgetting(desk.engine)
    assert listed(desk) == [True, True, True, False]
    assert {*desk.rows("SELECT DISTINCT key FROM suppression")} == {(1,)}


def test_filters_of_volumes_are_built_anew(shelf: Desk) -> None:  # noqa: F811 - a fixture
    shelf.submit([ANN])
    turn_over(shelf)
    assert build_filters(shelf.engine, ended_for_s=0) == [1]
    to(shelf, "begun")
    assert build_filters(shelf.engine, ended_for_s=0) == [], "not while they would change"
    assert len(found(shelf, ANN)) == 1
    for state in ("reprinted", "tidied"):
        to(shelf, state)
    assert len(found(shelf, ANN)) == 1
    assert shelf.one("SELECT count(*) FROM late_prints") == 0
    assert build_filters(shelf.engine, ended_for_s=0) == [1]
    assert len(found(shelf, ANN)) == 1
    assert found(shelf, BOB) == []
    assert shelf.one("SELECT count(DISTINCT filter) FROM person_filters") == 1


def test_replaced_keys_are_wrapped_anew_too(desk: Desk) -> None:
    old, new = generate_master_key(), generate_master_key()
    desk.masters = MasterKeys.parse(old)
    forget(desk, done(desk, ALL, effective_at=days_ago(3)))
    rotated(desk)
    both = MasterKeys.parse(f"{new},{old}")
    assert master_rotation.rotate(desk.engine, both, "cli:ann", lambda total: None).settled
    desk.masters = MasterKeys.parse(new)
    with desk.engine.begin() as connection:
        check_keys(connection, desk.masters)
    assert listed(desk) == [True, True, True, False]


def test_a_rotation_waits_for_who_is_writing_and_nobody_waits_for_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "PATIENCE_S", 0.0)
    desk.submit([ANN])
    with desk.engine.begin() as writing:
        fingerprinter(writing, desk.masters)
        with pytest.raises(fingerprint_keys.StillWritingError):
            rotated(desk)
        assert keys.go_on(desk.engine, desk.masters) == 0
        desk.submit([BOB])
    assert [one.number for one in current(desk)] == [1]
    assert rotated(desk).people == 2


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("added", ["before", "begun", "tidied"])
def test_a_legal_hold_keeps_its_person_beyond_rotations(desk: Desk, added: str) -> None:
    def add() -> int:
        with desk.engine.begin() as connection:
            prints = Prints(fingerprinter(connection, desk.masters))
            hold = legal_holds.add(
                connection,
                prints.every({"email": "ann@private.example"}),
                Reason.LITIGATION,
                "a suit",
                until=None,
                by="x",
            )
        assert hold is not None
        return hold

    def kept() -> list[set[int]]:
        with desk.engine.begin() as connection:
            return [
                {*legal_holds.keeping(connection, number, [1, 2])} for (number,) in desk.rows("SELECT id FROM requests")
            ]

    holds = []
    for state in STATES:
        to(desk, state)
        if state == added:
            holds.append(add())
        desk.submit([BOB, ANN])
        assert not holds or kept() == [{2}] * len(kept()), state
    rotated(desk)
    desk.submit([BOB, ANN])
    keys.go_on(desk.engine, desk.masters)
    assert kept() == [{2}] * len(kept())
    with desk.engine.begin() as connection:
        assert legal_holds.end(connection, holds[0], "cli:ann", "it is over")
    keys.go_on(desk.engine, desk.masters)
    assert [one.number for one in current(desk)] == [3]
    assert by_older(desk) == 0


def test_who_is_sealed_anew_at_that_moment_is_fingerprinted_anew(desk: Desk) -> None:
    public_id = ended(desk, {3: ACTION})
    pass_days(desk, 31)
    assert forget_people(desk.engine, desk.masters, Periods(dict.fromkeys(Kind, 30.0), None)) == 1
    keep_forgetting(desk.engine)
    to(desk, "begun")
    with ThreadPoolExecutor() as other:
        with desk.engine.begin() as connection:
            assert reseal_next(connection, desk.masters, 0)
            step = other.submit(keys._reprint, desk.engine, desk.masters)
            await_a_lock(desk)
        assert step.result(timeout=30) == reprinting.Step(people=1, unreadable=0)
    rotated(desk)
    assert found(desk, people(3)[2]) == [public_id]


def test_a_rotation_that_begins_while_another_process_looks_is_not_taken_for_done(desk: Desk) -> None:
    desk.submit(people(2))
    assert keys._reprint(desk.engine, desk.masters) is None, "so this process goes on to finish"
    to(desk, "begun")
    keys._finish(desk.engine)
    assert [one.state for one in current(desk)] == [None, "reprinting"]
    assert keys._reprint(desk.engine, desk.masters)
    keys._finish(desk.engine)
    assert [one.state for one in current(desk)] == [None, "tidying"]


def test_what_comes_late_to_a_filter_is_kept_when_no_key_is_replaced(shelf: Desk) -> None:  # noqa: F811 - a fixture
    shelf.submit([ANN])
    turn_over(shelf)
    shelf.execute("INSERT INTO late_prints SELECT 1, user_print FROM subjects")
    keys.go_on(shelf.engine, shelf.masters)
    assert shelf.one("SELECT count(*) FROM late_prints") == 1
