"""The newest wish wins, and two deliveries of one person to one vendor are never under way together."""

from collections.abc import Sequence
from uuid import uuid4

import pytest

from adapters.contract import Answer, Call, Person, Verdict
from domain.outcomes import Reason
from domain.requests import Kind, Subject
from ledger.delivery import near_requests
from tasks.deliver import deliver
from tests.ledger.conftest import Desk, everybody

APPLIED = Answer(Verdict.APPLIED)
BUSY = Answer(Verdict.RETRY, Reason.BUSY)
JANE: Subject = {"user_id": "jane", "email": "jane@private.example"}


@pytest.fixture(autouse=True, params=["beside few", "beside many"])
def _one_vendor(desk: Desk, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything holds whether the other requests are few enough to be listed or not."""
    desk.announce(insider=10)
    if request.param == "beside many":
        monkeypatch.setattr(near_requests, "FEW", 0)


def wish(desk: Desk, kind: Kind, hours: int, subject: Subject = JANE) -> None:
    """A request that took effect so many hours after a certain moment, whenever it is recorded."""
    desk.submit([subject], kind=kind)
    desk.execute(
        """UPDATE requests SET effective_at = timestamptz '2026-01-01' + make_interval(hours => :hours)
        WHERE id = (SELECT max(id) FROM requests)""",
        hours=hours,
    )


def outcome_of(desk: Desk, request_id: int) -> str | None:
    found = desk.rows("SELECT CAST(outcome AS text) FROM outcomes WHERE request_id = :id", id=request_id)
    return str(found[0][0]) if found else None


def sent_kinds(desk: Desk) -> list[Kind]:
    """Work everything off; which kinds reached the vendor, in order."""
    sent: list[Kind] = []

    def answering(call: Call, batch: Sequence[Person]) -> list[Answer]:
        sent.extend(call.order.kind for _ in batch)
        return [APPLIED] * len(batch)

    tools = desk.tools_for(answering)
    for _ in range(6):
        desk.make_everything_due()
        desk.work_off(tools, runs=10)
    return sent


@pytest.mark.parametrize(
    ("older", "newer", "sent"),
    [
        (Kind.OPT_IN, Kind.OPT_OUT, [Kind.OPT_OUT]),
        (Kind.OPT_OUT, Kind.OPT_IN, [Kind.OPT_OUT, Kind.OPT_IN]),
        (Kind.OPT_IN, Kind.ERASURE, [Kind.ERASURE]),
        (Kind.OPT_OUT, Kind.ERASURE, [Kind.OPT_OUT, Kind.ERASURE]),
        (Kind.ERASURE, Kind.OPT_IN, [Kind.ERASURE, Kind.OPT_IN]),
        (Kind.ERASURE, Kind.OPT_OUT, [Kind.ERASURE, Kind.OPT_OUT]),
        (Kind.OPT_IN, Kind.OPT_IN, [Kind.OPT_IN, Kind.OPT_IN]),
    ],
)
def test_a_newer_wish_that_changes_the_meaning_supersedes(
    desk: Desk, older: Kind, newer: Kind, sent: list[Kind]
) -> None:
    wish(desk, older, hours=1)
    wish(desk, newer, hours=2)
    assert sent_kinds(desk) == sent
    assert outcome_of(desk, 1) == ("accepted" if older in sent[:1] else "superseded")
    assert outcome_of(desk, 2) == "accepted"
    desk.assert_tallies_add_up()


def test_a_late_opt_in_never_reaches_the_vendor(desk: Desk) -> None:
    wish(desk, Kind.OPT_OUT, hours=5)
    assert sent_kinds(desk) == [Kind.OPT_OUT]
    wish(desk, Kind.OPT_IN, hours=4)
    assert sent_kinds(desk) == []
    assert outcome_of(desk, 2) == "superseded"


@pytest.mark.parametrize("first", [Kind.OPT_IN, Kind.OPT_OUT])
def test_equal_times_are_decided_for_privacy(desk: Desk, first: Kind) -> None:
    second = Kind.OPT_OUT if first is Kind.OPT_IN else Kind.OPT_IN
    wish(desk, first, hours=1)
    wish(desk, second, hours=1)
    assert sent_kinds(desk) == [Kind.OPT_OUT]


@pytest.mark.parametrize(
    "other",
    [
        {"email": "JANE@private.example"},
        {"user_id": "jane"},
        {"user_id": "jane", "email": "new@private.example"},
        {"email": "jane@private.example", "phone_number": "+821012345678"},
    ],
)
def test_an_opt_in_gives_way_to_whoever_may_be_the_same_person(desk: Desk, other: Subject) -> None:
    wish(desk, Kind.OPT_IN, hours=1)
    wish(desk, Kind.OPT_OUT, hours=2, subject=other)
    sent_kinds(desk)
    assert outcome_of(desk, 1) == "superseded"


def test_strangers_do_not_matter(desk: Desk) -> None:
    wish(desk, Kind.OPT_IN, hours=1)
    wish(desk, Kind.OPT_OUT, hours=2, subject={"user_id": "john", "email": "john@private.example"})
    assert sorted(sent_kinds(desk)) == [Kind.OPT_IN, Kind.OPT_OUT]


def test_a_cancelled_wish_counts_for_nothing(desk: Desk) -> None:
    wish(desk, Kind.OPT_IN, hours=1)
    wish(desk, Kind.OPT_OUT, hours=2)
    desk.execute("UPDATE requests SET status = 'cancelled' WHERE id = 2")
    assert sent_kinds(desk) == [Kind.OPT_IN]


def test_a_wish_that_does_not_begin_yet_counts_for_nothing(desk: Desk) -> None:
    wish(desk, Kind.OPT_IN, hours=1)
    wish(desk, Kind.OPT_OUT, hours=2)
    desk.execute("UPDATE requests SET not_before = now() + interval '1 hour' WHERE id = 2")
    assert sent_kinds(desk) == [Kind.OPT_IN]


def test_an_erasure_ends_before_the_opt_in_after_it_begins(desk: Desk) -> None:
    wish(desk, Kind.ERASURE, hours=1)
    wish(desk, Kind.OPT_IN, hours=2)
    desk.make_everything_due()
    desk.work_off(desk.tools_for(everybody(BUSY)), runs=4)
    assert outcome_of(desk, 2) is None, "the erasure is still to be tried again"
    assert sent_kinds(desk) == [Kind.ERASURE, Kind.OPT_IN]


def test_what_is_under_way_is_waited_for_whoever_came_first(desk: Desk) -> None:
    wish(desk, Kind.OPT_OUT, hours=1)
    wish(desk, Kind.OPT_OUT, hours=2)
    desk.execute("UPDATE chunks SET state = 'leased', lease = :lease WHERE request_id = 2", lease=uuid4())
    desk.execute("UPDATE chunks SET state = 'queued' WHERE request_id = 1")
    tools = desk.tools_for(everybody(APPLIED))
    deliver(1, tools)
    assert outcome_of(desk, 1) is None
    assert desk.rows("SELECT CAST(state AS text), due_at > now() FROM chunks WHERE request_id = 1") == [
        ("waiting", True)
    ]
