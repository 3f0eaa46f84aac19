"""Who can be found where, by the fields that are given; counted as people pass; shown in a line."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.reach import Headcount, Reach, completed, is_found, say
from domain.requests import Subject
from tests.table_rows import each_row

FIELDS = {
    "akinon": ("vendors.akinon.session_id",),
    "algonomy": ("user_id", "vendors.algonomy.user_id"),
    "insider": ("user_id", "email", "phone_number", "vendors.insider.identifiers.email"),
}
REACH = Reach(FIELDS)  # one for all requests, as many as come in a second
GIVE = {"akinon": "a shop session", "algonomy": "user_id", "b2core": "user_id", "dfinery": "user_id"}

text = st.sampled_from([None, "x"])
block = st.dictionaries(st.sampled_from(["user_id", "session_id", "csrf_token"]), text)
people = st.fixed_dictionaries(
    {},
    optional={
        "user_id": text,
        "email": text,
        "phone_number": text,
        "vendors": st.none()
        | st.fixed_dictionaries(
            {},
            optional={
                "akinon": block,
                "algonomy": block,
                "insider": st.fixed_dictionaries(
                    {}, optional={"insider_id": text, "identifiers": st.dictionaries(st.just("email"), text)}
                ),
            },
        ),
    },
)


@given(st.lists(people, max_size=40), st.data())
def test_everybody_who_cannot_be_found_is_counted_and_nobody_else(passing: list[Any], data: st.DataObject) -> None:
    repeats = data.draw(st.sets(st.integers(1, len(passing)))) if passing else set()
    headcount = Headcount(REACH)
    assert list(headcount.passing(passing)) == passing
    kept = [person for line, person in enumerate(passing, start=1) if line not in repeats]
    counted = {vendor: sum(not is_found(person, fields) for person in kept) for vendor, fields in FIELDS.items()}
    missing = {vendor: count for vendor, count in counted.items() if count}
    assert headcount.without(sorted(repeats)) == missing
    assert REACH.missing(kept) == missing


@each_row(
    ("person", "found_at"),
    [
        ({"user_id": "u"}, {"algonomy", "insider"}),
        ({"user_id": None, "email": "a@x.org"}, {"insider"}),
        ({"vendors": {"akinon": {"session_id": "s"}}}, {"akinon"}),
        ({"vendors": {"akinon": {"session_id": None, "email": "a@x.org"}}}, set()),
        ({"vendors": {"insider": {"identifiers": {"email": "a@x.org"}}}}, {"insider"}),
        ({"vendors": {"insider": {"identifiers": {"email": None}}}}, set()),
        ({"vendors": None}, set()),
    ],
)
def test_a_field_without_a_value_finds_nobody(person: Subject, found_at: set[str]) -> None:
    assert {vendor for vendor, fields in FIELDS.items() if is_found(person, fields)} == found_at


@pytest.mark.parametrize(
    ("unreachable", "people", "line"),
    [
        (
            {"akinon": 1, "algonomy": 1, "b2core": 1, "dfinery": 1},
            1,
            "1 of 1 person cannot be found at algonomy, b2core, dfinery (user_id), akinon (a shop session)",
        ),
        (
            {"akinon": 12_000, "algonomy": 3},
            12_000,
            "12,000 of 12,000 people cannot be found at akinon (a shop session); "
            "3 of 12,000 people cannot be found at algonomy (user_id)",
        ),
        ({}, 5, ""),
    ],
)
def test_it_is_said_in_one_line(unreachable: dict[str, int], people: int, line: str) -> None:
    assert say(unreachable, people, GIVE.__getitem__) == line


INSIDER: dict[str, Any] = {"insider_id": "7", "identifiers": {"uuid": "1", "custom": {}}}
GIVEN: Subject = {
    "user_id": "u",
    "email": "",
    "vendors": {"insider": INSIDER, "akinon": {}},
}


@each_row(
    ("more", "whole"),
    [
        ({}, {"user_id": "u", "insider": INSIDER}),
        ({"user_id": "other"}, {"user_id": "u"}),
        ({"email": "a@x.org", "phone_number": ""}, {"user_id": "u", "email": "a@x.org", "phone_number": None}),
        ({"vendors": {"dfinery": {"user_id": "9"}}}, {"dfinery": {"user_id": "9"}}),
        ({"vendors": {"akinon": {"session_id": "s"}}}, {"akinon": {"session_id": "s"}}),
        ({"vendors": {"insider": {"insider_id": "8"}}}, {"insider": INSIDER}),
        (
            {"vendors": {"insider": {"identifiers": {"uuid": "2", "email": "a@x.org", "custom": {"crm": "3"}}}}},
            {"insider": {"insider_id": "7", "identifiers": {"uuid": "1", "email": "a@x.org", "custom": {"crm": "3"}}}},
        ),
        ({"vendors": {"insider": {"identifiers": "2", "plan": ""}}}, {"insider": INSIDER}),
        ({"vendors": None}, {"insider": INSIDER}),
    ],
)
def test_what_is_missing_is_added_and_what_is_on_record_stays(more: Subject, whole: Any) -> None:
    found: Any = completed(GIVEN, more)
    everything = found | found["vendors"]
    for field, value in whole.items():
        assert (everything.get(field) or None) == (value or None)
    assert completed(found, more) == found, "the second time nothing is missing"


def test_a_block_that_is_stored_apart_or_would_not_fit_is_left_alone() -> None:
    more: Subject = {
        "vendors": {"akinon": {"session_id": "s"}, "insider": {"plan": "x"}, "b2core": {"profile_id": "1"}}
    }
    found: Any = completed(GIVEN, more, ["akinon"], lambda vendor, block: vendor != "insider" or "plan" not in block)
    assert found["vendors"] == {"insider": INSIDER, "b2core": {"profile_id": "1"}}
    assert found["user_id"] == "u"


def test_who_is_known_by_a_block_alone_is_counted_by_it() -> None:
    passing: list[Subject] = [
        {"vendors": {"akinon": {"session_id": "s"}}},
        {"vendors": {"insider": {"identifiers": {"email": "a@x.org"}}}},
        {"user_id": "u", "email": "a@x.org", "phone_number": "+821012345678"},
        {"vendors": {"algonomy": {"user_id": "u"}, "akinon": {"session_id": None}}},
        {"user_id": "u", "vendors": {"akinon": {"session_id": "s"}}},
    ]
    together = Headcount(REACH)
    assert list(together.passing(passing)) == passing
    assert together.without([]) == {"akinon": 3, "algonomy": 2, "insider": 2}
    assert together.without([1, 4]) == {"akinon": 2, "algonomy": 1}
    alone = [Headcount(REACH) for _ in passing]
    assert [list(one.passing([person])) for one, person in zip(alone, passing, strict=True)] == [
        [one] for one in passing
    ]
    assert [sorted(one.without([])) for one in alone] == [
        ["algonomy", "insider"],
        ["akinon", "algonomy"],
        ["akinon"],
        ["akinon", "insider"],
        [],
    ]


def test_nobody_gets_a_block_out_of_nothing() -> None:
    dfinery: Subject = {"vendors": {"dfinery": {"user_id": "9"}}}
    assert completed({"user_id": "u"}, dfinery) == {"user_id": "u", **dfinery}
    assert completed({"user_id": "u", **dfinery}, {}) == {"user_id": "u", **dfinery}
    assert completed({"user_id": "u"}, {"vendors": {}}) == {"user_id": "u"}
    assert completed(
        {"user_id": "u", "vendors": {"akinon": {}}}, {"vendors": {"akinon": {"session_id": "s"}}}, ["akinon"]
    ) == {
        "user_id": "u",
        "vendors": {"akinon": {}},
    }


def test_where_people_are_missed_is_told_by_which_fields_they_have() -> None:
    reach = Reach({"a": ("user_id",), "b": ("email", "vendors.b.profile_id"), "c": ("vendors.c.identifiers.card",)})
    assert reach.fields["a"] == ("user_id",)
    mine: Subject = {"user_id": "u", "phone_number": "", "vendors": {"b": {"profile_id": "7"}, "d": {"user_id": "x"}}}
    assert reach.given(mine) == ("user_id", "vendors.b.profile_id")
    assert reach.missed(("user_id", "vendors.b.profile_id"), mine) == ("c",)
    assert reach.missed(("user_id", "vendors.b.profile_id"), {}) == ("c",), "it is remembered"
    carded: Subject = {"email": "a@x.org", "vendors": {"c": {"identifiers": {"card": "1"}}, "b": {"profile_id": ""}}}
    assert reach.given(carded) == ("email", "vendors.c.identifiers.card")
    assert reach.missing([mine, carded, mine, {"user_id": "v"}, {}]) == {"a": 2, "b": 2, "c": 4}
    assert Reach({}).missing([mine]) == {}


def test_a_block_of_people_is_counted_however_mixed_it_is() -> None:
    reach = Reach({"a": ("user_id",), "b": ("vendors.b.profile_id",)})
    whole: Subject = {"user_id": "u", "email": "a@x.org", "phone_number": "+821012345678"}
    for people, missing in (
        ([whole, whole], {"b": 2}),
        ([whole, {"email": "a@x.org"}], {"a": 1, "b": 2}),
        ([{**whole, "vendors": {"b": {"profile_id": "7"}}}, whole], {"b": 1}),
        ([{**whole, "vendors": {"b": {"profile_id": "7"}}}], {}),
    ):
        counted = Headcount(reach)
        assert list(counted.passing(people)) == people
        assert counted.without([]) == missing
    counted = Headcount(reach)
    assert list(counted.passing([whole, {"email": "a@x.org"}, whole])) != []
    assert counted.without([2]) == {"b": 2}
    assert counted.without([1, 3]) == {"a": 1, "b": 1}
