"""Which requests destroy data at our vendors, by their cards and settings: a legal hold withholds these."""

from dataclasses import replace
from types import MappingProxyType, SimpleNamespace

import pytest

from adapters.card import Operation
from adapters.manual import Manual
from adapters.registry import ADAPTERS
from domain.by_hand import ByHand
from domain.effects import Effect
from domain.requests import Kind

NOTHING = SimpleNamespace()


@pytest.mark.parametrize(
    ("vendor", "chosen", "destroying"),
    [
        ("algonomy", {}, {Kind.ERASURE, Kind.OPT_OUT}),
        ("insider", {"erasure": "attributes"}, {Kind.ERASURE}),
        ("insider", {"erasure": "profile"}, {Kind.ERASURE}),
        ("insider", {"erasure": "anonymize"}, {Kind.ERASURE}),
        ("dfinery", {}, {Kind.ERASURE}),
        ("akinon", {}, {Kind.ERASURE}),
        ("b2core", {"erasure": "delete"}, {Kind.ERASURE}),
        ("b2core", {"erasure": "disable"}, set()),
    ],
)
def test_what_our_vendors_destroy(vendor: str, chosen: dict[str, str], destroying: set[Kind]) -> None:
    card = ADAPTERS[vendor].card
    assert {kind for kind in Kind if card.destroys(kind, SimpleNamespace(**chosen))} == destroying


def test_a_recipient_without_an_api_is_asked_to_destroy_by_an_erasure_alone() -> None:
    manual = Manual("agency", ByHand("The agency", ("email",), 10))
    assert {kind for kind in Kind if manual.card.destroys(kind, manual.settings)} == {Kind.ERASURE}


@pytest.mark.parametrize(
    ("kind", "effects", "expected"),
    [
        (Kind.ERASURE, (), True),
        (Kind.OPT_OUT, (), False),
        (Kind.OPT_OUT, (Effect.MESSAGES_OFF, Effect.CONTACTS_DELETED), True),
        (Kind.ERASURE, (Effect.PROFILE_DISABLED,), False),
    ],
)
def test_a_card_that_names_no_effects_goes_by_the_kind(kind: Kind, effects: tuple[Effect, ...], expected: bool) -> None:
    assert Operation("it", "It was done.", "all", "nothing", effects=effects).destroys(kind) is expected


def test_a_kind_that_a_vendor_lacks_destroys_nothing() -> None:
    card = replace(ADAPTERS["algonomy"].card, operations=MappingProxyType({}))
    assert not any(card.destroys(kind, NOTHING) for kind in Kind)
