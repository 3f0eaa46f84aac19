"""Whatever profile Akinon shows, nobody is done whose flags are not seen off, and nobody waits for a flag that the site
lacks."""

from typing import Any

import httpx
from hypothesis import given
from hypothesis import strategies as st

from adapters.akinon.settings import CLEARABLE, FLAGS
from adapters.conformance import answer
from adapters.conformance.walking import converse, in_words
from adapters.contract import Order
from domain.requests import Kind, Subject
from tests.contract.samples import adapter_of

PERSON: Subject = {
    "email": "owner@example.org",
    "vendors": {"akinon": {"session_id": "s-1", "csrf_token": "t-1"}},
}
MISSING = object()
ODD: list[object] = ["false", "true", 0, 1, "", [], {}, "no", 0.0]
EMPTY: list[object] = [MISSING, None, ""]


def shown(fields: dict[str, object]) -> dict[str, object]:
    """A profile that shows these, those that are MISSING left out."""
    given = {name: value for name, value in fields.items() if value is not MISSING}
    return {"id": 7, "email": "owner@example.org", "phone": None, **given}


def ending(kind: Kind, fields: dict[str, object], options: Any = None, **settings: Any) -> str:
    """What becomes of one person where the site shows these fields after the write."""

    def site(_call: object, request: httpx.Request) -> httpx.Response:
        return answer(200, shown(fields))

    answers, _ = converse(adapter_of("akinon", **settings), Order(kind, options), [PERSON], site)
    return in_words(answers[0])


def any_of(*values: object) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


FLAG = st.sampled_from([True, False, None, MISSING, *ODD])


@given(kind=any_of(Kind.ERASURE, Kind.OPT_OUT), flags=st.fixed_dictionaries(dict.fromkeys(FLAGS, FLAG)))
def test_a_withdrawal_is_seen_where_no_flag_is_on(kind: Kind, flags: dict[str, object]) -> None:
    said = ending(kind, flags)
    if all(value is MISSING for value in flags.values()):
        assert said == "ambiguous/unreadable"
    elif all(value is MISSING or value is None or value is False for value in flags.values()):
        assert said == "seen"
    else:
        assert said == "action/not_in_effect"


@given(flags=st.fixed_dictionaries(dict.fromkeys(FLAGS, FLAG)), named=st.sets(any_of(*FLAGS), min_size=1))
def test_an_opt_in_is_seen_where_each_flag_named_is_on(flags: dict[str, object], named: set[str]) -> None:
    options = adapter_of("akinon").options_model.model_validate({"flags": sorted(named)})
    said = ending(Kind.OPT_IN, flags, options)
    if all(flags[flag] is True for flag in named):
        assert said == "seen"
    else:
        assert said in ("action/not_in_effect", "ambiguous/unreadable")


@given(
    fields=st.fixed_dictionaries(
        dict.fromkeys(CLEARABLE, st.sampled_from([*EMPTY, "something", [1], {"a": 1}, 0, False]))
    ),
    clear=st.lists(any_of(*CLEARABLE), unique=True),
)
def test_an_erasure_is_seen_where_nothing_is_left_of_the_fields_to_empty(
    fields: dict[str, object], clear: list[str]
) -> None:
    said = ending(Kind.ERASURE, {**dict.fromkeys(FLAGS, False), **fields}, clear=clear)
    left = [name for name in clear if fields[name] not in EMPTY]
    assert said == ("action/not_in_effect" if left else "seen")
