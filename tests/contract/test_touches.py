"""What an order touches at each vendor, and by which identifiers a vendor knows a person: wishes are compared by it."""

import json

import pytest

from adapters.contract import Addressed, Call, Order, Person
from domain.folding import fold
from domain.requests import Kind, Subject
from tests.contract.samples import adapter_of
from tests.table_rows import each_row

ERASURE, OPT_OUT, OPT_IN = Kind.ERASURE, Kind.OPT_OUT, Kind.OPT_IN


def order(vendor: str, kind: Kind, **options: object) -> Order:
    return Order(kind, adapter_of(vendor).options_model.model_validate(options))


@each_row(
    ("vendor", "kind", "options", "as_much_as"),
    [
        ("algonomy", ERASURE, {}, {OPT_OUT, OPT_IN}),
        ("algonomy", OPT_OUT, {}, {ERASURE, OPT_IN}),
        ("algonomy", OPT_IN, {}, set()),  # history that is gone stays gone
        ("dfinery", ERASURE, {}, {OPT_OUT, OPT_IN}),
        ("dfinery", OPT_OUT, {}, {OPT_IN}),
        ("dfinery", OPT_IN, {}, set()),  # five of the nine flags
        ("dfinery", OPT_IN, {"flags": ["mkt_push_flag"]}, set()),
        ("akinon", ERASURE, {}, {OPT_OUT, OPT_IN}),
        ("akinon", OPT_IN, {"flags": ["sms_allowed"]}, set()),
        ("b2core", ERASURE, {}, {OPT_OUT, OPT_IN}),
        ("b2core", OPT_OUT, {}, {OPT_IN}),
        ("insider", OPT_OUT, {}, {OPT_IN}),
        ("insider", OPT_IN, {"flags": ["sms_optin"]}, set()),
    ],
)
def test_an_order_does_as_much_as_another(
    vendor: str, kind: Kind, options: dict[str, object], as_much_as: set[Kind]
) -> None:
    adapter = adapter_of(vendor)
    touched = adapter.touches(order(vendor, kind, **options))
    assert touched
    assert {other for other in Kind if other is not kind and touched >= adapter.touches(order(vendor, other))} >= (
        as_much_as
    )
    if kind is OPT_IN and not as_much_as:
        assert not touched >= adapter.touches(order(vendor, OPT_OUT))
    assert not adapter.touches(order(vendor, OPT_IN)) >= adapter.touches(order(vendor, ERASURE)) or vendor == "akinon"


def test_an_erasure_at_insider_that_sets_one_flag_does_less_than_an_opt_out() -> None:
    adapter = adapter_of("insider")
    erasure = adapter.touches(order("insider", ERASURE, whole=["name"]))
    assert "name" in erasure
    assert not erasure >= adapter.touches(order("insider", OPT_OUT))


def test_taking_values_out_of_a_list_is_less_than_deleting_it() -> None:
    adapter = adapter_of("insider")
    some = adapter.touches(order("insider", ERASURE, partial={"list_id": [1, 2]}))
    assert some >= adapter.touches(order("insider", ERASURE, partial={"list_id": [1]}))
    assert not some <= adapter.touches(order("insider", ERASURE, partial={"list_id": [1]}))


@pytest.mark.parametrize("kind", [ERASURE, OPT_OUT, OPT_IN])
def test_what_is_touched_at_dfinery_is_what_is_sent(kind: Kind) -> None:
    adapter, asked = adapter_of("dfinery"), order("dfinery", kind)
    person = Person(1, {"user_id": "ann"}, "ann")
    flags = json.loads(adapter.build(Call(asked, "flags"), [person]).content)["user_properties"][0]["properties"]
    assert adapter.touches(asked) >= flags.keys()


@each_row(
    ("vendor", "one", "other", "shared"),
    [
        ("algonomy", {"user_id": "a"}, {"user_id": "x", "vendors": {"algonomy": {"user_id": "a"}}}, True),
        ("dfinery", {"user_id": "a"}, {"user_id": "x", "vendors": {"dfinery": {"user_id": "a"}}}, True),
        ("dfinery", {"user_id": "a", "email": "f@x.org"}, {"user_id": "b", "email": "f@x.org"}, False),
        ("insider", {"email": "F@x.org"}, {"vendors": {"insider": {"identifiers": {"email": "f@X.org"}}}}, True),
        ("insider", {"user_id": "a"}, {"vendors": {"insider": {"insider_id": "a"}}}, False),
        (
            "insider",
            {"vendors": {"insider": {"identifiers": {"custom": {"card": "7"}}}}},
            {"vendors": {"insider": {"identifiers": {"custom": {"card": "7"}}}}},
            True,
        ),
        (
            "akinon",
            {"email": "A@x.org", "vendors": {"akinon": {"session_id": "one"}}},
            {"email": "a@x.org", "vendors": {"akinon": {"session_id": "two"}}},
            True,
        ),
        ("b2core", {"user_id": "a"}, {"vendors": {"b2core": {"profile_id": "a"}}}, False),
    ],
)
def test_two_people_are_one_to_a_vendor_that_finds_them_by_the_same(
    vendor: str, one: Subject, other: Subject, shared: bool
) -> None:
    adapter = adapter_of(vendor)
    known = []
    for subject in (one, other):
        addressed = adapter.address(Order(ERASURE), subject)
        assert isinstance(addressed, Addressed)
        known.append({(kind, fold(kind, value)) for kind, value in adapter.known_by(addressed.key)})
    assert bool(known[0] & known[1]) is shared
