"""How a vendor does is told at its first failure, not only once it is held; and how much it is asked."""

import json
from collections.abc import Sequence

import pytest

from adapters.answer_counts import NO_ANSWER, AnswerCounts, Count, News, Sort, class_of
from adapters.contract import Answer, Call, Person, Verdict
from domain.outcomes import Reason
from ledger.delivery import traffic
from ledger.delivery.traffic import Traffic, describe_limits, note_answers, traffic_of
from ledger.delivery.vendors import Vendor, all_vendors
from ledger.desk.status import waited_for
from ledger.session import asking
from tests.ledger.command_line import consent
from tests.ledger.conftest import APPLIED, Desk, everybody, people
from tests.ledger.endings import end
from worker.held_step import why_held

BROKEN = Answer(Verdict.RETRY, Reason.SERVER_ERROR)


def dfinery(desk: Desk) -> Vendor:
    with desk.engine.connect() as connection:
        return next(one for one in all_vendors(connection) if one.name == "dfinery")


@pytest.fixture
def request_id(desk: Desk, environment: dict[str, str]) -> str:
    """A request whose first run at a vendor has failed for everybody."""
    desk.announce(dfinery=10, insider=10)
    recorded = desk.submit(people(3), vendors=("dfinery", "insider")).recorded
    end(desk, "accepted", None, vendor="insider")
    desk.work_off(desk.tools_for(everybody(BROKEN), vendor="dfinery"), runs=1)
    return str(recorded.public_id)


def test_the_first_failure_is_told_everywhere(desk: Desk, request_id: str) -> None:
    why = "server_error at first"
    assert (dfinery(desk).failing, dfinery(desk).why_held) == (why, "")
    assert why_held(dfinery(desk)) == f"failing, not held yet: {why}"
    with desk.engine.connect() as connection:
        assert [(one.name, one.failing) for one in waited_for(asking(connection), ["dfinery"])] == [("dfinery", why)]
    assert f"dfinery: failing, not held yet; what is pending there is tried again ({why})" in (
        consent("status", request_id).output
    )
    assert json.loads(consent("status", request_id, "--json").stdout)["failing"] == {"dfinery": why}
    watched = json.loads(consent("watch", request_id, "--json", "--wait-s", "0").stdout.splitlines()[-1])
    assert watched["failing"] == {"dfinery": why}
    assert f"failing, not held yet: {why}" in consent("watch", request_id, "--wait-s", "0").stdout
    assert "failing, not held yet" in " ".join(consent("vendor", "list").stdout.split())
    (listed,) = (
        one for one in json.loads(consent("vendor", "list", "--json").stdout)["vendors"] if one["name"] == "dfinery"
    )
    assert listed["failing"] == why


def test_what_is_held_or_serves_again_no_longer_fails(desk: Desk, request_id: str) -> None:
    tools = desk.tools_for(everybody(BROKEN), vendor="dfinery")
    for _ in range(4):
        desk.pass_time(60)
        desk.work_off(tools, runs=1)
    assert (dfinery(desk).failing, dfinery(desk).why_held) == ("", "server_error at first")
    assert json.loads(consent("status", request_id, "--json").stdout)["failing"] == {}
    desk.pass_time(1000)
    desk.work_off(desk.tools_for(everybody(APPLIED), vendor="dfinery"))
    assert (dfinery(desk).failing, dfinery(desk).why_held) == ("", "")


def test_a_refusal_of_one_among_others_who_are_served_is_no_failure(desk: Desk) -> None:
    def one_fails(_call: Call, given: Sequence[Person]) -> list[Answer]:
        return [BROKEN if person.line == 1 else APPLIED for person in given]

    desk.announce(dfinery=10)
    desk.submit(people(3))
    desk.work_off(desk.tools_for(one_fails, vendor="dfinery"), runs=1)
    assert dfinery(desk).failing == ""


def test_watching_says_nothing_where_nothing_happens(desk: Desk, request_id: str) -> None:
    said = consent("watch", request_id, "--wait-s", "4.5").stdout.splitlines()
    assert len(said) == 2, said  # a line for each vendor, once


def test_a_pace_is_told_against_its_limit_with_what_is_in_flight(desk: Desk) -> None:
    desk.announce(dfinery=10)
    with desk.engine.begin() as connection:
        describe_limits(connection, {"dfinery": {"": 600.0, "profile": 60.0}, "unknown": {"": 1.0}})
        told = {"vendor": "dfinery", "answer": "2xx", "answers": 100, "units": 100.0}
        note_answers(
            connection, [{**told, "bucket": ""}, {**told, "bucket": "profile", "answer": "429", "units": 90.0}]
        )
        note_answers(connection, [{**told, "bucket": "", "answers": 50, "units": 50.0}])
        note_answers(connection, [])
    desk.submit(people(3))
    in_hand = "state = 'leased', lease = gen_random_uuid(), holder = 'w', due_at = now() + interval '1 minute'"
    desk.execute(f"UPDATE chunks SET {in_hand}")  # noqa: S608 - no value of others is in it
    its = told_of(desk)
    assert [(one.bucket, one.a_minute, one.used, one.share) for one in its.limits] == [
        ("", 600.0, 150.0, 0.25),
        ("profile", 60.0, 90.0, 1.0),
    ]
    assert (its.chunks, its.people) == (1, 3)
    assert {(one.answer, one.answers) for one in its.answers} == {("2xx", 150), ("429", 100)}
    desk.execute("UPDATE vendor_answers SET at = at - interval '2 minutes'")
    assert [one.used for one in told_of(desk).limits] == [0.0, 0.0]
    assert len(told_of(desk).answers) == 2
    with desk.engine.begin() as connection:
        assert traffic.drop_old(connection) == 0
    desk.execute("UPDATE vendor_answers SET at = at - interval '20 minutes'")
    assert told_of(desk).answers == []
    with desk.engine.begin() as connection:
        assert traffic.drop_old(connection) == len({"2xx", "429"})


def told_of(desk: Desk) -> Traffic:
    with desk.engine.connect() as connection:
        return traffic_of(connection)["dfinery"]


def test_what_the_ledger_did_not_take_is_told_later() -> None:
    counts, news = AnswerCounts(), News()
    counts.add("", class_of(204), 1.0)
    counts.add("", class_of(200), 1.5)
    counts.add("profile", NO_ANSWER, 1.0)
    fresh = news.of(counts)
    assert fresh == {Sort("", "2xx"): Count(2, 2.5), Sort("profile", NO_ANSWER): Count(1, 1.0)}
    assert news.of(counts) == fresh, "nobody took it"
    news.told(fresh)
    assert news.of(counts) == {}
    counts.add("", class_of(429), 1.0)
    counts.add("", class_of(200), 1.0)
    assert news.of(counts) == {Sort("", "429"): Count(1, 1.0), Sort("", "2xx"): Count(1, 1.0)}
