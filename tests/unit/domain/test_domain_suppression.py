"""Whom the suppression list names, by rule."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.noticed import Noticed
from domain.past_erasures import ErasedBefore
from domain.requests import Kind
from domain.suppression import OPT_OUTS_TOLD, Identifiers, PastWish, erasures_that_count, is_told
from tests.table_rows import each_row

REQUEST = UUID(int=1)


def who(given: str) -> Identifiers:
    """`u1 e1`: the user_id 1 and the e-mail 1."""
    return frozenset((one[0], one[1:].encode()) for one in given.split())


def wish(given: str) -> PastWish:
    """`erasure 3 u1 e1`: of day 3."""
    kind, day, rest = given.split(maxsplit=2)
    return PastWish(Kind(kind), datetime(2026, 3, int(day), tzinfo=UTC), who(rest), REQUEST)


@pytest.mark.parametrize(
    ("wishes", "asked", "since"),
    [
        ([], "u1", None),
        (["erasure 3 u1"], "u1", 3),
        (["erasure 3 u1"], "e1", None),
        (["erasure 3 e1"], "e1 u9", 3),
        (["erasure 3 u1 e1"], "u1", 3),
        (["erasure 3 u1 e1"], "u2 e1", 3),
        (["erasure 5 u1", "erasure 3 u1"], "u1", 3),
        (["erasure 3 u1", "erasure 5 u1"], "u1", 3),
        # opted in since, by any identifier of theirs
        (["erasure 3 u1", "opt_in 4 u1"], "u1", None),
        (["erasure 3 u1 e1", "opt_in 4 e1"], "u1", None),
        (["erasure 3 u1 e1", "opt_in 4 e1 p1"], "u1 e1", None),
        # of the same moment, or before: the erasure counts
        (["erasure 3 u1", "opt_in 3 u1"], "u1", 3),
        (["erasure 3 u1", "opt_in 2 u1"], "u1", 3),
        # and erased again
        (["erasure 3 u1", "opt_in 4 u1", "erasure 5 u1"], "u1", 5),
        # an opt-in by somebody else with the same e-mail takes off nobody but who is named by it alone
        (["erasure 3 u1 e1", "opt_in 4 u2 e1"], "u1", 3),
        (["erasure 3 u1 e1", "opt_in 4 u2 e1"], "u1 e1", 3),
        (["erasure 3 u1 e1", "opt_in 4 u2 e1"], "u2 e1", None),
        (["erasure 3 u1 e1", "opt_in 4 u2 e1"], "e1", None),
        # an opt-in that shares nothing with the erasure
        (["erasure 3 u1", "opt_in 4 e1"], "u1 e1", 3),
    ],
)
def test_whom_the_list_names(wishes: list[str], asked: str, since: int | None) -> None:
    found, nobody = erasures_that_count([who(asked), who("u0")], [wish(one) for one in wishes])
    assert (found and found.at.day) == since
    assert nobody is None


def test_the_newest_erasure_is_told_beside_the_one_that_counts() -> None:
    wishes = [wish(one) for one in ("erasure 3 u1", "erasure 20 u1 e1", "erasure 25 u2", "opt_in 21 e2")]
    found = erasures_that_count([who("u1 e2"), who("e1")], wishes)
    assert [one and (one.at.day, one.newest_at and one.newest_at.day) for one in found] == [(3, 20), (20, 20)]


@pytest.mark.parametrize(
    ("day", "newest", "hours", "due"),
    [
        (3, None, 7 * 24, True),
        (3, None, 7 * 24 - 1, False),
        (3, None, 0, False),
        (3, 10, 13 * 24, False),
        (3, 10, 14 * 24, True),
        (3, 10, 7 * 24, False),
    ],
)
def test_who_is_due_again(day: int, newest: int | None, hours: int, due: bool) -> None:
    """`hours`: so long after the first erasure."""
    at = datetime(2026, 3, day, tzinfo=UTC)
    erased = replace(wish(f"erasure {day} u1"), newest_at=newest and at.replace(day=newest))
    assert erased.is_due_again(at + timedelta(hours=hours)) is due


def test_the_warning_names_lines_and_nobody() -> None:
    noticed = Noticed(erased_before=ErasedBefore(3, (2, 4, 9)))
    said = "3 people were erased before: lines 2, 4, 9; `consent suppression check` names the line of the file too"
    assert noticed.warnings() == [said]
    assert str(ErasedBefore(1, (2,))).startswith("1 person was erased before: line 2;")
    assert "2 people were erased before: lines 2, 4;" in str(ErasedBefore(2, (2, 4)))
    assert "lines 1, 2, …;" in str(ErasedBefore(30, (1, 2)))
    assert "identifiers" not in repr(wish("erasure 3 u1"))


@each_row(
    ("kind", "people", "told"),
    [
        (Kind.OPT_IN, 1, True),
        (Kind.OPT_IN, OPT_OUTS_TOLD + 1, True),
        (Kind.OPT_OUT, 1, True),
        (Kind.OPT_OUT, OPT_OUTS_TOLD, True),
        (Kind.OPT_OUT, OPT_OUTS_TOLD + 1, False),
        (Kind.ERASURE, 1, False),
    ],
)
def test_which_requests_are_told_who_was_erased(kind: Kind, people: int, told: bool) -> None:
    assert is_told(kind, people) is told


@each_row(
    ("lines", "named"),
    [
        ([], None),
        ([7], ErasedBefore(1, (7,))),
        (range(1, 21), ErasedBefore(20, tuple(range(1, 21)))),
        (iter(range(1, 31)), ErasedBefore(30, tuple(range(1, 21)))),
    ],
)
def test_the_first_of_their_lines_are_named(lines: Iterable[int], named: ErasedBefore | None) -> None:
    assert ErasedBefore.of(lines) == named
