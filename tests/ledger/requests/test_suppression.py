"""Who was erased is on the suppression list, also once their request is forgotten, until they opt in anew."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from adapters.contract import Addressed, Answer, Order, Verdict
from bench.plans import statements_of
from domain.noticed import Noticed
from domain.outcomes import Reason
from domain.past_erasures import ErasedBefore
from domain.requests import Kind, Subject
from domain.suppression import PastWish
from ledger import forgetting, suppression, volumes
from ledger.keys import fingerprinter
from ledger.people.prints import Prints
from tasks import attend
from tasks.known import look_up
from tasks.retain import keep_forgetting, keep_suppression
from tasks.settle import settle
from tasks.submission import Guards, Submission
from tasks.submit import Offer, Receipt, submit_few
from tests.ledger.conftest import APPLIED, Desk, everybody
from tests.ledger.test_volumes import age, long_ago, shelf, turn_over  # noqa: F401 - a fixture
from tests.stubs import StubAdapter, StubExchange

ANN: Subject = {"user_id": "ann-1", "email": "ann@private.example", "phone_number": "+821012345678"}
BOB: Subject = {"email": "bob@private.example"}
CAT: Subject = {"vendors": {"insider": {"insider_id": "cat-1"}}}
STRANGER: Subject = {"user_id": "ann@private.example", "email": "dan@private.example"}
"""Shares a value with Ann in another field: that is nobody's."""
ALL = [ANN, BOB, CAT]
ASKED: list[Subject] = [
    {"email": "ANN@private.example"},
    {"user_id": "b-9", "email": "bob@private.example"},
    {"vendors": {"insider": {"insider_id": "cat-1"}}},
    STRANGER,
]
NOW = datetime.now(UTC)


class TakesAnybody(StubAdapter):
    """Whatever is given of a person."""

    def address(self, _: Order, subject: Subject) -> Addressed:
        return Addressed(json.dumps(subject, sort_keys=True), "first")


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def done(desk: Desk, who: Sequence[Subject], kind: Kind = Kind.ERASURE, answer: Answer = APPLIED, **more: Any) -> UUID:
    public_id = desk.submit(list(who), kind=kind, **more).recorded.public_id
    tools = desk.tools({"insider": StubExchange(everybody(answer), TakesAnybody())})
    while desk.work_off(tools):
        pass
    settle(tools)
    return public_id


def erasures(desk: Desk, asked: Sequence[Subject] = ASKED, days: float | None = None) -> list[PastWish | None]:
    with desk.engine.begin() as connection:
        prints = Prints(fingerprinter(connection, desk.masters))
        return suppression.erasures_of(connection, [prints.every(one) for one in asked], days)


def listed(desk: Desk, asked: Sequence[Subject] = ASKED, days: float | None = None) -> list[bool]:
    return [found is not None for found in erasures(desk, asked, days)]


def forget(desk: Desk, public_id: UUID) -> None:
    assert attend.Desk(desk.engine, "cli:ann", desk.woken.extend).forget(public_id, "they asked", desk.masters)
    assert keep_forgetting(desk.engine)


def test_who_was_erased_is_listed_and_stays_so_when_forgotten(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "STEP", 2)
    assert listed(desk) == [False] * 4
    public_id = done(desk, ALL, effective_at=days_ago(3))
    found = erasures(desk)
    assert [one and (one.request_id, one.at) for one in found] == [(public_id, days_ago(3))] * 3 + [None]
    attend.Desk(desk.engine, "cli:ann", desk.woken.extend).forget(public_id, "they asked", desk.masters)
    assert [one and one.request_id for one in erasures(desk)] == [None] * 4
    assert listed(desk) == [True, True, True, False], "also before its fingerprints are moved"
    assert keep_forgetting(desk.engine) == 2
    assert desk.one("SELECT count(*) FROM subjects WHERE num_nonnulls(user_print, email_print, phone_print) > 0") == 0
    assert [one and (one.request_id, one.at) for one in erasures(desk)] == [(None, days_ago(3))] * 3 + [None]
    assert desk.rows("SELECT line, field FROM suppression ORDER BY 1, 2") == [
        (1, "email"),
        (1, "phone_number"),
        (1, "user_id"),
        (2, "email"),
        (3, "insider_id"),
    ]


@pytest.mark.parametrize("first", ["nothing", "erasure", "opt_in", "both"])
def test_a_newer_opt_in_that_was_accepted_takes_off_the_list(desk: Desk, first: str) -> None:
    erased = done(desk, ALL, effective_at=days_ago(3))
    opted_in = done(desk, [{"email": "ann@private.example"}, CAT], Kind.OPT_IN, effective_at=days_ago(1))
    for name, public_id in (("erasure", erased), ("opt_in", opted_in)):
        if first in (name, "both"):
            forget(desk, public_id)
    assert listed(desk) == [False, True, False, False]
    assert listed(desk, [{"user_id": "ann-1"}]) == [False], "it is Ann, by whatever she is named"
    done(desk, [ANN])
    assert listed(desk) == [True, True, False, False], "erased again"


def test_what_takes_nobody_off(desk: Desk) -> None:
    done(desk, ALL, effective_at=days_ago(3))
    done(desk, [ANN], Kind.OPT_IN, effective_at=days_ago(5))
    done(desk, [BOB], Kind.OPT_IN, Answer(Verdict.ACTION, Reason.CODE_SENT))
    done(desk, [CAT], Kind.OPT_IN, Answer(Verdict.ABSENT))
    assert listed(desk) == [True, True, True, False]


def test_who_was_not_erased_is_not_listed(desk: Desk) -> None:
    forget(desk, done(desk, [ANN], Kind.OPT_OUT))
    forget(desk, done(desk, [BOB], Kind.OPT_IN))
    cancelled = desk.submit([CAT]).recorded.public_id
    attend.Desk(desk.engine, "cli:ann", desk.woken.extend).cancel(cancelled)
    assert listed(desk) == [False] * 4
    assert desk.one("SELECT count(*) FROM suppression") == 0


@pytest.mark.parametrize("kind", [Kind.OPT_IN, Kind.OPT_OUT])
def test_an_opt_in_or_a_small_opt_out_of_who_was_erased_is_recorded_with_a_warning(desk: Desk, kind: Kind) -> None:
    done(desk, ALL)
    warned: list[ErasedBefore | None] = []
    crowd: list[Subject] = [{"user_id": f"u-{n}"} for n in range(1_200)]
    for who in ([STRANGER, ANN], [CAT], [STRANGER], [*crowd, ANN, CAT]):
        desk.submit(list(who), kind=kind, noticed=(noticed := Noticed()))
        warned.append(noticed.erased_before)
    large = ErasedBefore(2, (1_201, 1_202)) if kind is Kind.OPT_IN else None
    assert warned == [ErasedBefore(1, (2,)), ErasedBefore(1, (1,)), None, large]
    said = [because for (because,) in desk.rows("SELECT because FROM audit_entries WHERE deed = 'submit' ORDER BY id")]
    assert said[1] == f"{warned[0]}"
    desk.submit([ANN], noticed=(noticed := Noticed()))
    assert noticed.erased_before is None, "a repeated erasure"


def test_requests_that_are_recorded_together_are_each_told_of_their_own(desk: Desk) -> None:
    forget(desk, done(desk, ALL))
    asked: list[tuple[Kind, list[Subject]]] = [
        (Kind.OPT_OUT, [STRANGER, ANN]),
        (Kind.ERASURE, [ANN]),
        (Kind.OPT_IN, [BOB]),
        (Kind.OPT_OUT, [STRANGER]),
        (Kind.OPT_OUT, [CAT, {"email": "ann@private.example"}]),
    ]
    offers = [Offer(Submission(kind), people) for kind, people in asked]
    known = look_up(desk.engine, desk.masters)
    with statements_of(desk.engine) as heard:
        receipts = submit_few(
            offers, engine=desk.engine, masters=desk.masters, wake=desk.woken.extend, guards=Guards(), known=known
        )
    assert [isinstance(one, Receipt) and one.recorded.erased_before for one in receipts] == [
        ErasedBefore(1, (2,)),
        None,
        ErasedBefore(1, (1,)),
        None,
        ErasedBefore(2, (1, 2)),
    ]
    assert sum("FROM suppression" in statement for statement, _ in heard) == 1, "looked up together"


def test_the_list_has_a_retention_of_its_own(desk: Desk) -> None:
    forget(desk, done(desk, [ANN], effective_at=days_ago(20)))
    done(desk, [BOB], effective_at=days_ago(20))
    assert listed(desk, days=30) == [True, True, False, False]
    assert listed(desk, days=10) == [False] * 4
    assert keep_suppression(desk.engine, None) == keep_suppression(desk.engine, 30) == 0
    assert keep_suppression(desk.engine, 10) == 3
    assert desk.one("SELECT count(*) FROM suppression") == 0


def test_a_dropped_volume_leaves_its_erased_people_on_the_list(
    shelf: Desk,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(volumes, "STEP_PEOPLE", 2)
    done(shelf, ALL)
    done(shelf, [STRANGER], Kind.OPT_OUT)
    assert turn_over(shelf) == 2
    age(shelf, 40)
    long_ago(shelf, 40)
    assert [gone.id for gone in volumes.drop_expired(shelf.engine, 30)] == [1]
    assert shelf.one("SELECT count(*) FROM subjects") == 0
    assert listed(shelf) == [True, True, True, False]
