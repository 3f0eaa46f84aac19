"""People are forgotten so many days after nothing of their request waits for anybody; who waits is not, and keeps
nobody else."""

import random
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from adapters.contract import Answer, Verdict
from answers.reading import NoAnswerError, facts_of_person
from domain.outcomes import Reason
from domain.periods import Period, Unit
from domain.requests import Kind
from ledger import forgetting
from ledger.desk.history import people_at
from ledger.desk.reports import status_of
from ledger.evidence import lines
from ledger.keys import fingerprinter, open_key
from ledger.people.involved import requests_of
from ledger.people.prints import Prints
from ledger.requests import forgetting_by_age
from ledger.requests.forgetting_by_age import Place, forget_next
from ledger.requests.references import reference_of
from ledger.retention import Periods, periods_of
from ledger.sealing import MasterKeys, UnsealError, generate_master_key
from ledger.session import migrate
from tasks import attend
from tasks.forget import forget_people, reseal_people
from tasks.retain import keep_forgetting
from tasks.settle import settle
from tests.ledger.conftest import APPLIED, Desk, people
from tests.ledger.test_volumes import copy_ledger, database
from tests.stubs import Answering

ACTION = Answer(Verdict.ACTION, Reason.CODE_SENT)
REJECTED = Answer(Verdict.USER, Reason.REJECTED, certain=True)
WHY = "they called"


def at(desk: Desk) -> attend.Desk:
    return attend.Desk(desk.engine, "cli:ann", desk.woken.extend)


def answering(some: Mapping[int, Answer]) -> Answering:
    return lambda call, batch: [some.get(one.line, APPLIED) for one in batch]


def work(desk: Desk, some: Mapping[int, Answer] = MappingProxyType({})) -> None:
    tools = desk.tools_for(answering(some))
    while desk.work_off(tools):
        pass
    settle(tools)


def ended(desk: Desk, some: Mapping[int, Answer] = MappingProxyType({}), *, count: int = 12, **more: Any) -> UUID:
    public_id = desk.submit(people(count), **more).recorded.public_id
    work(desk, some)
    return public_id


def pass_days(desk: Desk, days: float) -> None:
    """As if so many days had passed for every request."""
    desk.execute(
        "UPDATE requests SET forget_from = forget_from - :ago, due_at = due_at - :ago",
        ago=timedelta(days=days),
    )


def forget(desk: Desk, days: float | None = 30, **kinds: float | None) -> int:
    periods = Periods({kind: kinds.get(kind, days) for kind in Kind}, None)
    done = forget_people(desk.engine, desk.masters, periods)
    keep_forgetting(desk.engine)
    reseal_people(desk.engine, desk.masters)
    return done


def known(desk: Desk, public_id: UUID) -> set[int]:
    """The lines of a request whose people can still be read."""
    with desk.engine.connect() as connection:
        return set(people_at(connection, desk.masters, public_id, range(1, 30)))


def found(desk: Desk, line: int) -> list[UUID]:
    """By looking somebody up."""
    with desk.engine.begin() as connection:
        prints = Prints(fingerprinter(connection, desk.masters)).identifiers(people(line)[-1])
        return [one.request_id for one in requests_of(connection, prints)]


def test_when_the_days_are_over_the_whole_request_is_forgotten_on_record(desk: Desk) -> None:
    public_id = ended(desk, reference="case-1")
    with desk.engine.begin() as connection:
        periods_of(connection, Periods(dict.fromkeys(Kind, 30.0), None))
        told = status_of(connection, public_id)
    assert told is not None
    assert told.closed_at is not None
    assert told.forget_at == told.closed_at + timedelta(days=30)
    pass_days(desk, 29.9)
    assert forget(desk) == 0
    assert known(desk, public_id) == set(range(1, 13))
    pass_days(desk, 0.2)
    assert forget(desk) == 1
    assert forget(desk) == 0, "once"
    assert (known(desk, public_id), found(desk, 2)) == (set(), [])
    assert desk.one("SELECT count(*) FROM data_keys") == desk.one("SELECT count(*) FROM request_references") == 0
    assert desk.one("SELECT count(*) FROM subjects WHERE sealed <> '' OR user_print IS NOT NULL") == 0
    assert desk.one("SELECT count(*) FROM log_pending WHERE type = 'request.forgotten'") == 1
    assert desk.rows("SELECT by, target, allowed FROM audit_entries WHERE deed = 'forget'") == [
        ("retention", str(public_id), True)
    ]
    with desk.engine.connect() as connection:
        status = status_of(connection, public_id)
        (request,) = lines.requests_of(connection, [1])
    assert status is not None
    assert request.tree is not None
    assert (status.forgotten, status.vendors) == (True, {"insider": {"pending": 0, "accepted": 12}})


def test_who_waits_is_kept_under_a_key_of_their_own_and_can_be_retried(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "STEP", 5)
    public_id = ended(desk, {3: ACTION, 11: ACTION, 12: REJECTED}, reference="case-2")
    wrapped = desk.one("SELECT wrapped FROM data_keys")
    pass_days(desk, 31)
    assert forget(desk) == 1
    assert known(desk, public_id) == {3, 11}
    assert (found(desk, 3), found(desk, 2), found(desk, 12)) == ([public_id], [], [])
    for line, sealed in desk.rows("SELECT line, sealed FROM subjects WHERE sealed <> ''"):
        with pytest.raises(UnsealError):
            open_key(desk.masters, public_id, wrapped).open(sealed, b"subject:1:%d" % line)
    assert desk.rows("SELECT facts FROM log_pending WHERE type = 'request.people_forgotten'") == [
        ({"still_waiting": 2},)
    ]
    with desk.engine.connect() as connection:
        assert facts_of_person(connection, desk.masters, public_id, 3, deeds=False) is not None
        with pytest.raises(NoAnswerError, match="forgotten"):
            facts_of_person(connection, desk.masters, public_id, 2, deeds=False)
        assert reference_of(connection, public_id, desk.masters) == "case-2"
    assert desk.one("SELECT count(*) FROM spared_lines") == 0
    assert forget(desk) == 0, "their days have begun anew"
    assert sum(at(desk).retry(public_id, None, "rejected").deliveries.values()) == 0, "forgotten"
    assert sum(at(desk).retry(public_id, None, None).deliveries.values()) == 2
    work(desk)
    assert desk.one("SELECT deliveries FROM tallies WHERE outcome = 'accepted'") == 11
    pass_days(desk, 31)
    assert forget(desk) == 1
    assert known(desk, public_id) == set()
    assert desk.one("SELECT count(*) FROM data_keys") == 0


def test_from_when_it_begins_nobody_else_is_read_found_or_sent_again(desk: Desk) -> None:
    public_id = ended(desk, {1: ACTION, 5: REJECTED})
    pass_days(desk, 31)
    assert forget_people(desk.engine, desk.masters, Periods(dict.fromkeys(Kind, 30.0), None)) == 1
    assert desk.one("SELECT count(*) FROM subjects WHERE user_print IS NULL") == 0, "fingerprints are deleted later"
    assert (known(desk, public_id), found(desk, 2)) == ({1}, [])
    assert sum(at(desk).retry(public_id, None, "rejected").deliveries.values()) == 0
    assert sum(at(desk).retry(public_id, None, None).deliveries.values()) == 1
    keep_forgetting(desk.engine)
    reseal_people(desk.engine, desk.masters)
    assert desk.one("SELECT spared FROM data_keys") is None, "the key is in use: it is replaced later"
    work(desk)
    reseal_people(desk.engine, desk.masters)
    assert desk.one("SELECT spared FROM data_keys") == 1
    assert known(desk, public_id) == {1}


def test_when_who_was_spared_is_forgotten_too_the_list_of_them_goes_with_their_fingerprints(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "STEP", 5)
    public_id = ended(desk, {2: ACTION, 7: ACTION, 11: ACTION})
    pass_days(desk, 31)
    assert forget_people(desk.engine, desk.masters, Periods(dict.fromkeys(Kind, 30.0), None)) == 1
    with desk.engine.begin() as connection:
        assert forgetting.delete_prints(connection)
    at(desk).close(public_id, "insider", Reason.CODE_SENT, WHY)
    assert at(desk).forget(public_id, WHY, desk.masters)
    with desk.engine.begin() as connection:
        assert forgetting.delete_prints(connection)
    assert desk.rows("SELECT line FROM spared_lines ORDER BY line") == [(7,), (11,)], "a step is bounded"
    keep_forgetting(desk.engine)
    assert desk.one("SELECT count(*) FROM spared_lines") == desk.one("SELECT count(*) FROM forgetting") == 0
    assert desk.one("SELECT count(*) FROM subjects WHERE sealed <> '' OR user_print IS NOT NULL") == 0


LISTED = """
    INSERT INTO suppression (print, field, request_id, line, kind, at, key)
    VALUES (gen_random_uuid(), 'email', 1, 1, 'erasure', now(), 1),
        (gen_random_uuid(), 'email', 1, 2, 'opt_in', now(), 1), (gen_random_uuid(), 'email', 1, 2, 'opt_in', now(), 2)
"""
REPLACED = """
    INSERT INTO keys (purpose, wrapped, state, replaced_at, to_request, at_request, at_line)
    VALUES ('fingerprints 1', 'x', 'kept', now(), 9, 9, 1)
"""


def test_who_was_spared_before_an_update_is_so_after_it_and_what_keeps_an_older_key_does(
    desk: Desk, postgres_url: str
) -> None:
    public_id = ended(desk, {3: ACTION, 11: ACTION})
    with database(postgres_url, "earlier_spared") as engine:
        migrate(engine, "0045")
        earlier = Desk(engine, desk.masters, desk.loop)
        copy_ledger(desk.engine, engine)
        earlier.execute("INSERT INTO forgetting (request_id, kept) SELECT id, ARRAY[3, 11, 3] FROM requests")
        earlier.execute(LISTED)
        earlier.execute(REPLACED)
        migrate(engine)
        assert earlier.rows("SELECT line, key, newest_key FROM suppression ORDER BY 1, 2") == [
            (1, 1, 1),
            (2, 1, 2),
            (2, 2, 2),
        ]
        assert earlier.one("SELECT at_request FROM keys WHERE state = 'kept'") == 0, "its requests are looked at"
        assert known(earlier, public_id) == {3, 11}
        keep_forgetting(engine)
        reseal_people(engine, desk.masters)
        assert known(earlier, public_id) == {3, 11}
        assert earlier.one("SELECT count(*) FROM spared_lines") == earlier.one("SELECT count(*) FROM forgetting") == 0
        assert earlier.one("SELECT spared FROM data_keys") == 2


def test_a_person_who_waits_alone_keeps_their_request_until_somebody_ends_that(desk: Desk) -> None:
    public_id = ended(desk, {1: ACTION}, count=1)
    pass_days(desk, 100)
    assert forget(desk) == 0
    pass_days(desk, 20)
    at(desk).close(public_id, "insider", Reason.CODE_SENT, WHY)
    pass_days(desk, 29)
    assert forget(desk) == 0
    pass_days(desk, 2)
    assert forget(desk) == 1
    assert known(desk, public_id) == set()


def test_a_master_key_that_was_given_up_holds_up_no_other_request(desk: Desk) -> None:
    lost, kept = generate_master_key(), generate_master_key()
    desk.masters = MasterKeys.parse(lost)
    ended(desk, {3: ACTION})
    desk.masters = MasterKeys.parse(f"{kept},{lost}")
    ended(desk, {3: ACTION})
    pass_days(desk, 31)
    assert forget_people(desk.engine, desk.masters, Periods(dict.fromkeys(Kind, 30.0), None)) == 2
    keep_forgetting(desk.engine)
    assert reseal_people(desk.engine, MasterKeys.parse(kept)) == 2
    assert desk.rows("SELECT spared FROM data_keys ORDER BY request_id") == [(None,), (1,)]


def test_an_extended_deadline_is_waited_for(desk: Desk) -> None:
    public_id = ended(desk, {1: ACTION})
    at(desk).extend(public_id, Period(1, Unit.MONTHS), WHY)
    at(desk).close(public_id, "insider", Reason.CODE_SENT, WHY)
    pass_days(desk, 35)
    assert forget(desk) == 0
    left = desk.one("SELECT CAST(extract(epoch FROM due_at - now()) / 86400 AS double precision) FROM requests")
    pass_days(desk, left + 29)
    assert forget(desk) == 0
    pass_days(desk, 2)
    assert forget(desk) == 1


def test_at_once_by_kind_and_never(desk: Desk) -> None:
    erased, stopped = ended(desk), ended(desk, kind=Kind.OPT_OUT)
    assert forget(desk, None) == 0
    assert forget(desk, None, opt_out=0) == 1
    assert (known(desk, erased), known(desk, stopped)) == (set(range(1, 13)), set())
    running = desk.submit(people(2), kind=Kind.OPT_OUT).recorded.public_id
    assert forget(desk, 0) == 1
    assert known(desk, running) == {1, 2}


def test_read_backs_are_waited_for_but_for_no_longer_than_a_week(desk: Desk) -> None:
    ended(desk, count=1)
    desk.execute(
        """INSERT INTO chunks (request_id, vendor_id, first_line, last_line, purpose)
           SELECT request_id, vendor_id, 1, 1, 'verify' FROM chunks"""
    )
    assert forget(desk, 0) == 0
    pass_days(desk, 6.9)
    assert forget(desk, 0) == 0
    pass_days(desk, 0.2)
    assert forget(desk, 0) == 1
    assert desk.one("SELECT count(*) FROM chunks WHERE state <> 'closed'") == 0


def test_many_small_requests_are_forgotten_and_deleted_together(desk: Desk) -> None:
    for number in range(7):
        desk.submit([{"user_id": f"u-{number}"}])
    work(desk)
    pass_days(desk, 31)
    assert forget_people(desk.engine, desk.masters, Periods(dict.fromkeys(Kind, 30.0), None)) == 7
    assert keep_forgetting(desk.engine) == 1, "one transaction"
    assert desk.one("SELECT count(*) FROM subjects WHERE user_print IS NOT NULL") == 0
    assert desk.one("SELECT count(*) FROM suppression") == 7


def test_two_at_once_and_one_that_dies_forget_each_request_once(desk: Desk) -> None:
    ended(desk)
    pass_days(desk, 31)
    with desk.engine.connect() as dying:
        assert forget_next(dying, Kind.ERASURE, 30, Place(), desk.masters).whole == 1
        with desk.engine.begin() as other:
            assert forget_next(other, Kind.ERASURE, 30, Place(), desk.masters).whole == 0
        dying.rollback()
    assert forget(desk) == 1
    assert desk.one("SELECT count(*) FROM log_pending WHERE type = 'request.forgotten'") == 1


def test_who_is_due_is_found_by_an_index(desk: Desk) -> None:
    ended(desk, count=1)
    with desk.engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        values = {"kind": "erasure", "days": 30.0, "after": None, "after_id": 0, "most": 500}
        plan = connection.execute(text(f"EXPLAIN {forgetting_by_age._TAKE.text}"), values).scalars().all()
    assert any("requests_to_forget" in line for line in plan), plan


Deed = Callable[[Desk, UUID, random.Random], None]


def _retry(desk: Desk, public_id: UUID, chance: random.Random) -> None:
    at(desk).retry(public_id, None, None)


def _close(desk: Desk, public_id: UUID, chance: random.Random) -> None:
    at(desk).close(public_id, "insider", Reason.CODE_SENT, WHY)


def _work(desk: Desk, public_id: UUID, chance: random.Random) -> None:
    work(desk, {line: chance.choice((APPLIED, ACTION, REJECTED)) for line in range(1, 7)})


def _wait(desk: Desk, public_id: UUID, chance: random.Random) -> None:
    pass_days(desk, chance.choice((4, 11)))


@pytest.mark.parametrize("seed", range(5))
def test_whatever_happens_nobody_who_waits_is_forgotten_and_everybody_else_is(desk: Desk, seed: int) -> None:
    chance = random.Random(seed)
    ids = [desk.submit(some).recorded.public_id for some in (people(6), people(12)[6:])]
    deeds: tuple[Deed, ...] = (_retry, _close, _work, _wait, _wait)
    for _ in range(10):
        public_id = chance.choice(ids)
        try:
            chance.choice(deeds)(desk, public_id, chance)
        except attend.AttendError:
            continue  # as to retry what is forgotten
        waiting = {one: waits_of(desk, one) for one in ids}
        forget(desk, 10)
        for one in ids:
            assert waiting[one] <= known(desk, one)
    work(desk)
    for _ in range(2):
        pass_days(desk, 11)
        forget(desk, 10)
    for one in ids:
        assert known(desk, one) == waits_of(desk, one)


def waits_of(desk: Desk, public_id: UUID) -> set[int]:
    """Lines without an outcome, or whose last one is waited with."""
    return {
        line
        for (line,) in desk.rows(
            """
            SELECT subjects.line FROM requests JOIN subjects ON request_id = requests.id
            LEFT JOIN LATERAL (
                SELECT CAST(outcome AS text) FROM outcomes
                WHERE outcomes.request_id = requests.id AND outcomes.line = subjects.line ORDER BY round DESC LIMIT 1
            ) AS last ON true
            WHERE public_id = :id AND COALESCE(outcome, 'pending') IN ('pending', 'needs_action', 'exhausted')""",
            id=public_id,
        )
    }
