"""Faults that the audit of wishes finds, in made-up records of one person at one vendor."""

from typing import Any
from uuid import UUID

import pytest

from domain.requests import Kind
from ledger.desk.reports import Row
from sandbox.served import VENDORS
from tests.chaos.people import PARTIAL, Wish, wishes
from tests.chaos.whose_wish import Told, judge_wishes

IN, OUT, ERASURE = Kind.OPT_IN, Kind.OPT_OUT, Kind.ERASURE
JANE = {"user_id": "jane", "email": "jane@example.org"}
OWN = {"user_id": "own-chaosling-1", "vendors": {"dfinery": {"user_id": "d-1"}}}
ALL_OFF = {"info_flag": "Unsubscribed", "mkt_push_flag": "Unsubscribed"}


def judged(*asked: tuple[Wish, str], vendor: str = "dfinery", **fact: Any) -> list[str]:
    """What is wrong of these wishes, each with what is on record; `fact`: what the vendor holds besides."""
    submitted = [(wish, UUID(int=place)) for place, (wish, _) in enumerate(asked)]
    rows = {
        public_id: [Row(1, 1, vendor, outcome, None, 1, None)]
        for (_, public_id), (_, outcome) in zip(submitted, asked, strict=True)
    }
    cancelled = frozenset(public_id for wish, public_id in submitted if wish.cancelled)
    held = {"user_id": "jane", "vendor": vendor, "flags": ALL_OFF, "ci": {}, "known": [], **fact}
    served = next(one for one in VENDORS if one.name == vendor)
    held["in_effect"] = {kind: served.is_in_effect(kind, held) for kind in (OUT, ERASURE)}
    held["flags_on"] = [flag for flag, value in held["flags"].items() if value != "Unsubscribed"]
    return judge_wishes(Told(submitted, cancelled, rows), [held])[1]


def wish(kind: Kind, **more: object) -> Wish:
    return Wish(0.0, kind, [JANE], "key", **more)


SOME = wish(IN, vendors=tuple(PARTIAL), options=PARTIAL)
GIVEN_UP = wish(IN, cancelled=True)
PUSH = {"flags": ALL_OFF | {"mkt_push_flag": "Subscribed"}}
ALL_ON = {"flags": dict.fromkeys(ALL_OFF, "Subscribed")}


def test_what_is_right_is_found_right() -> None:
    assert judged((wish(OUT), "verified")) == []
    assert judged((wish(IN), "superseded"), (wish(OUT), "verified")) == []
    assert judged((wish(OUT), "superseded"), (wish(ERASURE), "accepted")) == []
    assert judged((wish(OUT), "verified"), (SOME, "accepted"), **PUSH) == []
    assert judged((wish(OUT), "verified"), (GIVEN_UP, "cancelled")) == []
    assert judged((wish(OUT), "verified"), (GIVEN_UP, "accepted"), **ALL_ON) == []


@pytest.mark.parametrize(
    ("asked", "fact", "says"),
    [
        ([(wish(OUT), "superseded")], {}, "no newer wish"),
        ([(wish(OUT), "superseded"), (SOME, "accepted")], PUSH, "no newer wish"),
        ([(wish(OUT), "superseded"), (wish(ERASURE, cancelled=True), "cancelled")], {}, "no newer wish"),
        ([(wish(ERASURE), "superseded"), (wish(OUT), "accepted")], {}, "no newer wish"),
        ([(wish(IN), "superseded")], {}, "no newer wish"),
        ([(wish(OUT), "superseded"), (wish(ERASURE), "refused")], ALL_ON, "has not said yes"),
        ([(wish(OUT), "accepted")], ALL_ON, "in effect there: False"),
        ([(wish(OUT), "verified"), (GIVEN_UP, "cancelled")], ALL_ON, "in effect there: False"),
        ([(wish(OUT), "verified"), (SOME, "accepted")], ALL_ON, "did not ask for are on"),
        ([(wish(OUT), "verified"), (SOME, "accepted")], {}, "are off"),
        ([(wish(OUT), "unreachable")], {}, "can be found there"),
    ],
)
def test_what_is_wrong_is_found(asked: list[tuple[Wish, str]], fact: dict[str, object], says: str) -> None:
    assert any(says in line for line in judged(*asked, **fact))


def test_who_cannot_be_found_must_be_unreachable_but_where_nobody_is_served() -> None:
    hidden = Wish(0.0, OUT, [OWN], "key")
    given = {"vendor": "akinon", "user_id": OWN["user_id"], "flags": {}, "fields": {}}
    assert judged((hidden, "accepted"), **given)
    assert judged((hidden, "unreachable"), **given | {"flags": {"email_allowed": True}}) == []
    assert judged((hidden, "not_applicable"), **given | {"flags": {"email_allowed": True}}) == []
    both = Wish(0.0, OUT, [OWN, JANE], "key")
    rows = [Row(1, 1, "akinon", "not_applicable", None, 1, None), Row(2, 2, "akinon", "verified", None, 1, None)]
    assert judge_wishes(Told([(both, UUID(int=0))], frozenset(), {UUID(int=0): rows}), [])[1]


@pytest.mark.parametrize("unsent", ["superseded", "cancelled"])
def test_nobody_need_be_unreachable_where_one_was_not_asked_about_and_the_rest_is_not_served(unsent: str) -> None:
    asked, later = Wish(0.0, IN, [OWN, JANE], "key"), Wish(1.0, OUT, [JANE], "later")
    rows = [Row(1, 1, "b2core", "not_applicable", None, 1, None), Row(2, 2, "b2core", unsent, None, 1, None)]
    served = [Row(1, 1, "b2core", "accepted", None, 1, None)]
    submitted = [(asked, UUID(int=0)), (later, UUID(int=1))]
    told = Told(submitted, frozenset(), {UUID(int=0): rows, UUID(int=1): served})
    assert not [line for line in judge_wishes(told, [])[1] if "be found there" in line]


def test_who_is_to_be_stopped_again_in_a_session_that_is_used_up_waits_for_another() -> None:
    shop = {"vendor": "akinon", "fields": {}}
    on, off = ({"flags": {"email_allowed": allowed}} for allowed in (True, False))
    for held in (on, off):
        assert judged((wish(OUT), "unreachable"), (GIVEN_UP, "cancelled"), **shop, **held) == []
    assert judged((wish(OUT), "unreachable"), (wish(IN), "accepted"), **shop, **on)
    assert judged((GIVEN_UP, "cancelled"), (wish(OUT), "unreachable"), **shop, **off)
    assert judged((wish(OUT), "unreachable"), (GIVEN_UP, "cancelled"))


def test_every_story_is_told_of_somebody() -> None:
    asked = wishes(7, 180, 9.0)
    assert sum(wish.cancelled for wish in asked) == 2
    assert [wish.vendors for wish in asked if wish.options] == [tuple(PARTIAL)]
    given = [person for wish in asked for person in wish.people]
    assert any(set(person) == {"vendors"} for person in given)
    by_address: dict[str, set[str]] = {}
    for person in given:
        if "email" in person:
            by_address.setdefault(person["email"], set()).add(person["user_id"])
    assert max(map(len, by_address.values())) == 2
    assert wishes(7, 180, 9.0) == asked
