"""What a campaign is compared with: few requests, however many people ask the same on the same day."""

import pytest
from sqlalchemy.exc import ObjectNotExecutableError

from adapters.contract import Answer, Verdict
from domain.requests import Kind
from ledger.delivery import near_requests, same_people
from tests.ledger.conftest import Desk, everybody, people
from tests.ledger.requests.test_submitting_together import SOON, offer, together

APPLIED = Answer(Verdict.APPLIED)


@pytest.fixture(autouse=True)
def campaign(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An opt-out of five people. Looking up each of them among all people of the ledger is an error."""
    desk.announce(insider=10)
    desk.submit(people(5), kind=Kind.OPT_OUT)
    monkeypatch.setattr(same_people, "_MINE_IN_ANY", None)
    monkeypatch.setattr(near_requests, "FEW", 3)


def deliver_campaign(desk: Desk) -> dict[str, int]:
    desk.work_off(desk.tools_for(everybody(APPLIED)))
    found = desk.rows("SELECT CAST(outcome AS text), count(*) FROM outcomes WHERE request_id = 1 GROUP BY 1")
    return {str(outcome): int(number) for outcome, number in found}


def others(desk: Desk, kind: Kind, status: str) -> None:
    """Twenty newer requests of one of its people each."""
    together(desk, *(offer([person], kind=kind) for person in people(20)))
    desk.execute(
        "UPDATE requests SET status = CAST(:status AS request_status), effective_at = now() WHERE id > 1", status=status
    )
    desk.execute("UPDATE requests SET effective_at = :soon WHERE id = 1", soon=SOON)
    desk.execute("UPDATE chunks SET state = 'closed' WHERE request_id > 1")


def test_who_says_the_same_later_does_not_matter(desk: Desk) -> None:
    others(desk, Kind.OPT_OUT, "completed")
    assert deliver_campaign(desk) == {"accepted": 5}


def test_what_has_not_begun_does_not_matter(desk: Desk) -> None:
    others(desk, Kind.OPT_IN, "running")
    desk.execute("UPDATE requests SET not_before = now() + interval '1 hour' WHERE id > 1")
    assert deliver_campaign(desk) == {"accepted": 5}


def test_many_who_change_their_mind_do(desk: Desk) -> None:
    others(desk, Kind.OPT_IN, "completed")
    with pytest.raises(ObjectNotExecutableError):
        deliver_campaign(desk)
