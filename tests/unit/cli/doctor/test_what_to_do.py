"""Each finding that is a fault names what to do about it, whatever was found."""

from datetime import timedelta

import pytest

from cli.doctor import redis_findings
from cli.doctor.checkup import ADVICE, GIVE_ITS_KEYS, MEND_DIRECTORY, POSTGRES_TO_DO
from cli.doctor.findings import Finding, parted
from cli.doctor.redis_findings import LET_US, TO_DO
from domain.outcomes import Reason
from ledger import troubles
from tasks import redis_faults


def test_every_trouble_of_postgresql_has_something_to_do() -> None:
    words = {trouble.word for trouble in troubles.TROUBLES.values()} | {it.word for _, it in troubles.REFUSALS}
    assert len(words) > 5
    assert {word for word in {*words, "busy", "too old"} if not POSTGRES_TO_DO.get(word)} == set()


@pytest.mark.parametrize(
    "fault",
    [
        *(says for _, says in redis_faults._BY_CLASS),
        *(says for _, says in redis_faults._BY_WORD),
        redis_faults.AWAY,
        redis_faults.ODD,
    ],
)
def test_every_fault_of_redis_has_something_to_do(fault: str) -> None:
    says, do = parted(fault, TO_DO.get(fault, LET_US))
    assert says
    assert do
    assert fault in {says, f"{says}: {do}"}, "nothing is lost"
    if fault in TO_DO:
        assert ": " not in fault, "else its own advice would be taken"


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason in ADVICE])
def test_every_answer_of_a_vendor_has_something_to_do(reason: Reason) -> None:
    says, do = parted(ADVICE[reason], "")
    assert says
    assert do


def test_a_fault_is_shown_with_what_to_do() -> None:
    finding = Finding("redis", "nobody answers there", do="start it")
    assert str(finding) == "nobody answers there: start it"
    assert finding.as_json() == {"about": "redis", "ok": False, "says": "nobody answers there", "do": "start it"}
    assert str(Finding("redis", "reachable", is_good=True)) == "reachable"
    assert GIVE_ITS_KEYS
    assert MEND_DIRECTORY


def test_clocks_that_differ_name_what_to_do() -> None:
    assert redis_findings._clock_off("Redis", timedelta(seconds=5)).do
