"""The controller's directory, asked before anything of a request is sent: waiting, crashes, and what is kept."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from adapters.contract import Adapter, NotNowError
from domain.directory import Answers, DirectoryError
from domain.requests import Kind, Subject
from ledger.delivery import vendors
from ledger.desk.reports import status_of
from ledger.directory import DatabaseDirectory
from ledger.keys import fingerprinter
from ledger.people.prints import Prints
from ledger.requests import resolving
from tasks.attend import Desk as Attending
from tasks.known import look_up
from tasks.reach import reach_of
from tasks.resolve import LEASE_S, Resolver, resolve
from tasks.submission import Guards, Submission
from tasks.submit import Offer, Receipt, submit, submit_few
from tasks.toolbox import Toolbox
from tests.contract.samples import adapter_of
from tests.ledger.conftest import APPLIED, Desk, everybody
from tests.stubs import StubExchange

RESOLVES = Guards(resolves=True)


def by_mail(number: int) -> Subject:
    return {"email": f"jane-{number}@private.example"}


def who(person: Subject) -> dict[str, Any]:
    """As a directory that knows everybody has it."""
    number = str(person["email"]).split("@", maxsplit=1)[0].removeprefix("jane-")
    return {"user_id": f"u-{number}", "phone_number": f"+8210{int(number):08}"}


@dataclass
class Directory:
    """Answers as it is told to; keeps what it was asked."""

    says: Callable[[Subject], Sequence[object]] = lambda person: [who(person)]
    asked: list[list[Subject]] = field(default_factory=list)
    away: bool = False
    before_answering: Callable[[], None] = lambda: None

    def look_up(self, people: Sequence[Subject], over: Callable[[], bool]) -> Answers:
        if over():
            raise NotNowError(0.0)
        self.asked.append(list(people))
        self.before_answering()
        if self.away:
            raise DirectoryError("it answers with the HTTP status 503")
        return [self.says(person) for person in people]


@pytest.fixture
def adapter() -> Adapter:
    return adapter_of("algonomy")


@pytest.fixture
def tools(desk: Desk, adapter: Adapter) -> Toolbox:
    """A worker with one vendor, which finds people by their user_id."""
    desk.switch_off("insider")
    desk.announce(algonomy=10)
    with desk.engine.begin() as connection:
        vendors.describe(connection, {"algonomy": reach_of(adapter)})
    return desk.tools({"algonomy": StubExchange(everybody(APPLIED), adapter)})


def resolver(desk: Desk, directory: Directory, **more: Any) -> Resolver:
    return Resolver(desk.engine, desk.masters, directory.look_up, desk.woken.extend, lambda: desk.stopping, **more)


def ask(desk: Desk, people: Iterable[Subject], guards: Guards = RESOLVES, **more: Any) -> Receipt:
    return submit(
        Submission(Kind.ERASURE, **more),
        people,
        engine=desk.engine,
        masters=desk.masters,
        wake=desk.woken.extend,
        guards=guards,
    )


def pass_pause(desk: Desk) -> None:
    """As if the pause were over, or the lease of a worker that is gone."""
    desk.execute("UPDATE resolver SET due_at = now()")


def outcomes(desk: Desk) -> list[str]:
    return [outcome for _, (outcome, _, _) in sorted(desk.outcomes().items())]


def resolved(desk: Desk) -> Any:
    return desk.one("SELECT resolved FROM requests")


def sent(tools: Toolbox) -> list[Any]:
    return tools.routes["algonomy"].exchange.sent


def test_what_people_lack_is_filled_in_before_anything_is_sent(desk: Desk, tools: Toolbox) -> None:
    receipt = ask(desk, [by_mail(n) for n in range(25)])
    assert receipt.recorded.unreachable == {"algonomy": 25}
    assert desk.work_off(tools) == 0
    directory = Directory()
    desk.woken.clear()
    assert resolve(resolver(desk, directory)) == 1
    assert directory.asked == [[by_mail(n) for n in range(25)]]
    assert desk.woken == ["algonomy"]
    desk.work_off(tools)
    assert outcomes(desk) == ["accepted"] * 25
    with desk.engine.connect() as connection:
        status = status_of(connection, receipt.recorded.public_id)
    assert status is not None
    assert (status.not_found, status.resolved, status.to_resolve) == ({}, {"completed": 25}, False)
    desk.assert_tallies_add_up()


def test_fingerprints_are_of_the_whole_person(desk: Desk, tools: Toolbox) -> None:
    ask(desk, [by_mail(7)])
    resolve(resolver(desk, Directory()))
    whole: Subject = {**by_mail(7), **who(by_mail(7))}
    with desk.engine.begin() as connection:
        prints = Prints(fingerprinter(connection, desk.masters)).of(whole)
    row = desk.rows("SELECT whole_print, user_print, email_print, phone_print FROM subjects")[0]
    assert tuple(UUID(bytes=one) for one in prints if one) == row


def test_only_who_lacks_something_is_asked_about(desk: Desk, tools: Toolbox) -> None:
    ask(desk, [{"user_id": "u-1"}, by_mail(2), {"user_id": "u-3", "email": "x@private.example"}])
    directory = Directory()
    resolve(resolver(desk, directory))
    assert directory.asked == [[by_mail(2)]]


def test_a_request_that_lacks_nothing_goes_at_once(desk: Desk, tools: Toolbox) -> None:
    ask(desk, [{"user_id": "u-1"}])
    directory = Directory(away=True)
    assert resolve(resolver(desk, directory)) == 0
    assert desk.work_off(tools) == 1
    assert directory.asked == []
    assert desk.rows("SELECT * FROM resolver") == []


def test_without_a_directory_nothing_changes(desk: Desk, tools: Toolbox) -> None:
    ask(desk, [by_mail(1)], Guards())
    assert desk.one("SELECT to_resolve_from FROM requests") is None
    desk.work_off(tools)
    assert outcomes(desk) == ["unreachable"]


def test_small_requests_that_come_together_wait_too(desk: Desk, tools: Toolbox) -> None:
    offers = [Offer(Submission(Kind.ERASURE), [by_mail(1)]), Offer(Submission(Kind.ERASURE), [{"user_id": "u-2"}])]
    known = look_up(desk.engine, desk.masters)
    submit_few(offers, engine=desk.engine, masters=desk.masters, wake=desk.woken.extend, guards=RESOLVES, known=known)
    assert desk.rows("SELECT to_resolve_from FROM requests ORDER BY id") == [(1,), (None,)]
    desk.work_off(tools)
    assert len(sent(tools)) == 1
    resolve(resolver(desk, Directory()))
    desk.work_off(tools)
    assert desk.rows("SELECT CAST(outcome AS text) FROM outcomes") == [("accepted",), ("accepted",)]


@pytest.mark.parametrize(
    ("says", "finding"),
    [
        ([], "unknown"),
        (["u-1"], "unusable"),
        ([{"user_id": "unknown"}], "unusable"),
        ([{"user_id": "u-1"}, {"user_id": "u-2"}], "unusable"),
        ([{"user_id": "u-1", "email": "someone-else@private.example"}], "contradicting"),
    ],
)
def test_what_cannot_be_used_is_never_sent(desk: Desk, tools: Toolbox, says: list[object], finding: str) -> None:
    ask(desk, [by_mail(1), by_mail(2)])
    before = desk.rows("SELECT sealed FROM subjects WHERE line = 1")
    directory = Directory(lambda person: says if person == by_mail(1) else [who(person)])
    resolve(resolver(desk, directory))
    assert resolved(desk) == {"completed": 1, finding: 1}
    assert desk.one("SELECT unreachable FROM requests") == {"algonomy": 1}
    assert desk.rows("SELECT sealed FROM subjects WHERE line = 1") == before
    desk.work_off(tools)
    assert outcomes(desk) == ["unreachable", "accepted"]


def test_while_the_directory_is_away_everybody_of_the_request_waits(desk: Desk, tools: Toolbox) -> None:
    ask(desk, [{"user_id": "u-0"}, by_mail(1)])
    directory = Directory(away=True)
    asking = resolver(desk, directory)
    for failures in range(1, 4):
        assert resolve(asking) == 0
        assert resolve(asking) == 0  # a pause
        assert len(directory.asked) == failures
        assert desk.one("SELECT failures FROM resolver") == failures
        desk.make_everything_due()
        assert desk.work_off(tools) == 0
        pass_pause(desk)
    with desk.engine.connect() as connection:
        standing = resolving.directory_state(connection)
    assert (standing.waiting, standing.failures) == (1, 3)
    assert standing.fault == "it answers with the HTTP status 503"
    directory.away = False
    assert resolve(asking) == 1
    with desk.engine.connect() as connection:
        assert resolving.directory_state(connection) == (0, 0, None, None)
    desk.work_off(tools)
    assert outcomes(desk) == ["accepted", "accepted"]


def test_blocks_and_questions_are_bounded_and_none_is_done_twice(
    desk: Desk, tools: Toolbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolving, "BLOCK", 10)
    ask(desk, [by_mail(n) for n in range(20)])
    directory = Directory()
    assert resolve(resolver(desk, directory, batch=4)) == 3  # the last one finds nobody
    assert [len(asked) for asked in directory.asked] == [4, 4, 2, 4, 4, 2]
    assert resolved(desk) == {"completed": 20}
    desk.work_off(tools)
    assert outcomes(desk) == ["accepted"] * 20


def test_a_worker_that_dies_between_question_and_record_leaves_the_block_to_be_asked_again(
    desk: Desk, tools: Toolbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    class DiesError(Exception):
        pass

    def die() -> None:
        if len(directory.asked) == 2:
            raise DiesError

    monkeypatch.setattr(resolving, "BLOCK", 10)
    ask(desk, [by_mail(n) for n in range(15)])
    directory = Directory(before_answering=die)
    with pytest.raises(DiesError):
        resolve(resolver(desk, directory))
    assert desk.one("SELECT to_resolve_from FROM requests") == 11
    assert resolve(resolver(desk, directory)) == 0  # its lease
    assert desk.work_off(tools) == 0
    pass_pause(desk)
    assert resolve(resolver(desk, directory)) == 1
    assert resolved(desk) == {"completed": 15}
    assert desk.one("SELECT unreachable FROM requests") is None
    desk.work_off(tools)
    assert outcomes(desk) == ["accepted"] * 15


def test_a_block_that_another_worker_has_recorded_is_recorded_once(desk: Desk, tools: Toolbox) -> None:
    ask(desk, [by_mail(1), by_mail(2)])
    second = Directory()

    def overtake() -> None:
        pass_pause(desk)  # the first one's lease has run out
        assert resolve(resolver(desk, second)) == 1

    resolve(resolver(desk, Directory(lambda _: [{"user_id": "late"}], before_answering=overtake)))
    assert resolved(desk) == {"completed": 2}
    assert desk.one("SELECT unreachable FROM requests") is None
    desk.work_off(tools)
    assert outcomes(desk) == ["accepted"] * 2


def test_requests_take_turns(desk: Desk, tools: Toolbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolving, "BLOCK", 2)
    ask(desk, [by_mail(n) for n in range(5)])
    ask(desk, [by_mail(100)])
    directory = Directory()
    resolve(resolver(desk, directory))
    assert [len(asked) for asked in directory.asked] == [2, 1, 2, 1]


def test_nobody_of_a_cancelled_request_is_asked_about(desk: Desk, tools: Toolbox) -> None:
    receipt = ask(desk, [by_mail(1)])
    Attending(desk.engine, "cli:test", desk.woken.extend).cancel(receipt.recorded.public_id)
    directory = Directory()
    assert resolve(resolver(desk, directory)) == 0
    assert directory.asked == []


def test_nobody_of_a_request_that_is_to_begin_later_or_to_be_confirmed_is_asked_about(
    desk: Desk, tools: Toolbox
) -> None:
    ask(desk, [by_mail(1)], Guards({Kind.ERASURE: 3600.0}, resolves=True))
    ask(desk, [by_mail(1), by_mail(2)], Guards(confirm_above=1, resolves=True))
    directory = Directory()
    assert resolve(resolver(desk, directory)) == 0
    assert directory.asked == []


def test_people_that_cannot_be_opened_wait_and_stop_nobody_else(desk: Desk, tools: Toolbox) -> None:
    ask(desk, [by_mail(1)])
    ask(desk, [by_mail(2)])
    desk.execute("UPDATE subjects SET sealed = '\\x00' WHERE request_id = (SELECT min(id) FROM requests)")
    directory = Directory()
    assert resolve(resolver(desk, directory)) == 0
    assert "master key" in desk.one("SELECT fault FROM resolver")
    pass_pause(desk)
    assert resolve(resolver(desk, directory)) == 1
    assert directory.asked == [[by_mail(2)]]
    assert desk.rows("SELECT to_resolve_from FROM requests ORDER BY id") == [(1,), (None,)]


def test_nothing_of_a_person_is_logged_or_kept_in_the_clear(
    desk: Desk, tools: Toolbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ask(desk, [by_mail(31337)])
    directory = Directory(away=True)
    asking = resolver(desk, directory)
    resolve(asking)
    pass_pause(desk)
    directory.away = False
    resolve(asking)
    shown = caplog.text + repr(asking) + str(desk.rows("SELECT * FROM requests")) + str(desk.rows("TABLE resolver"))
    shown += str(desk.rows("TABLE subjects"))
    assert "directory" in caplog.text
    assert "31337" not in shown


# The directory as a table.

QUERY = """
    SELECT asked.ref, crm.customer AS user_id, crm.phone AS phone_number
    FROM unnest(CAST(:refs AS integer[]), CAST(:emails AS text[])) AS asked (ref, email)
    JOIN crm ON crm.email = asked.email
"""


@pytest.fixture
def crm(engine: Engine, desk: Desk, postgres_url: str) -> Iterable[str]:
    desk.execute("CREATE TABLE crm (customer text, email text, phone text)")
    yield postgres_url
    desk.execute("DROP TABLE crm")


def table(url: str, query: str = QUERY, timeout_s: float = 5.0) -> DatabaseDirectory:
    return DatabaseDirectory(url, query, timeout_s)


def test_a_table_tells_what_people_lack(desk: Desk, tools: Toolbox, crm: str) -> None:
    desk.execute("INSERT INTO crm VALUES ('u-1', 'jane-1@private.example', NULL)")
    desk.execute("INSERT INTO crm SELECT 'twin-' || n, 'jane-2@private.example' FROM generate_series(1, 2) AS n")
    ask(desk, [by_mail(1), by_mail(2), by_mail(3)])
    asking = Resolver(desk.engine, desk.masters, lambda people, _: table(crm).look_up(people), desk.woken.extend, bool)
    assert resolve(asking) == 1
    assert resolved(desk) == {"completed": 1, "unusable": 1, "unknown": 1}
    desk.work_off(tools)
    assert outcomes(desk) == ["accepted", "unreachable", "unreachable"]


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("DELETE FROM crm WHERE email = ANY(CAST(:emails AS text[])) RETURNING :refs", "25006"),
        ("SELECT pg_sleep(20) AS ref, :refs", "in time"),
        (
            "SELECT CAST((CAST(:emails AS text[]))[1] AS integer) AS ref, :refs AS them",
            "22P02",
        ),
        ("SELECT * FROM nowhere WHERE id = ANY(:refs)", "42P01"),
        ("SELECT 1 AS ref, 'x' AS name, :refs AS them", "a row must have"),
        ("SELECT 5 AS ref FROM crm WHERE 1 = ANY(CAST(:refs AS integer[]))", "a row must have"),
        ("SET LOCAL lock_timeout = 1 -- :refs", "CONSENT_RESOLVER__QUERY"),
    ],
)
def test_a_statement_changes_nothing_and_its_faults_name_nobody(desk: Desk, crm: str, query: str, problem: str) -> None:
    desk.execute("INSERT INTO crm VALUES ('u-1', 'jane-1@private.example', NULL)")
    within_s = 0.5 if problem == "in time" else 60.0
    with pytest.raises(DirectoryError) as raised:
        table(crm, query, timeout_s=within_s).look_up([by_mail(1)])
    assert problem in str(raised.value)
    assert "jane" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert desk.one("SELECT count(*) FROM crm") == 1


def test_a_database_that_is_away_is_told(desk: Desk) -> None:
    with pytest.raises(DirectoryError, match="no connection"):
        table("postgresql://us:hunter2@127.0.0.1:1/crm").look_up([by_mail(1)])


def test_a_worker_whose_turn_was_lost_asks_no_more(desk: Desk, tools: Toolbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was frozen between two questions; meanwhile another worker has asked about the same people."""
    passed = 0.0
    monkeypatch.setattr("tasks.resolve.monotonic", lambda: passed)
    directory = Directory()
    ask(desk, [by_mail(n) for n in range(1, 5)])

    def freeze() -> None:
        nonlocal passed
        if len(directory.asked) == 1:
            passed = LEASE_S + 1
            desk.execute("UPDATE resolver SET due_at = now()")
            assert resolve(resolver(desk, directory)) == 1

    directory.before_answering = freeze
    assert resolve(resolver(desk, directory, batch=2)) == 0
    assert len(directory.asked) == 2, "its own first question, and the other worker's"
    assert desk.one("SELECT failures FROM resolver") == 0


def test_a_slow_directory_is_asked_to_the_end(desk: Desk, tools: Toolbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many questions take longer than a turn: it is kept from one to the next."""
    passed = 0.0
    monkeypatch.setattr("tasks.resolve.monotonic", lambda: passed)

    def slowly() -> None:
        nonlocal passed
        passed += LEASE_S / 3

    directory = Directory(before_answering=slowly)
    ask(desk, [by_mail(n) for n in range(1, 9)])
    assert resolve(resolver(desk, directory, batch=1)) == 1
    assert len(directory.asked) == 8


def test_nothing_is_asked_by_who_was_frozen_before_the_question(
    desk: Desk, tools: Toolbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([0.0, 0.0, LEASE_S, LEASE_S])
    monkeypatch.setattr("tasks.resolve.monotonic", lambda: next(times))
    directory = Directory()
    ask(desk, [by_mail(1)])
    assert resolve(resolver(desk, directory)) == 0
    assert directory.asked == []
