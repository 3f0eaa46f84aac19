"""Every vendor's card says what its adapter does, and docs/vendors.md says what the cards do."""

from typing import get_args

import pytest
from pydantic import SecretStr

from adapters.card import Operation, say_what_was_done
from adapters.card_tables import PAGE, page
from adapters.contract import Addressed, Call, Order, ReadsBack
from adapters.registry import ADAPTERS
from domain.outcomes import WAYS, Outcome
from domain.requests import Kind
from tests.contract.samples import KINDS, SAMPLES, adapter_of

every_vendor = pytest.mark.parametrize("vendor", sorted(ADAPTERS))


def operations(vendor: str) -> list[tuple[Kind, Operation]]:
    return [(kind, one) for kind, ways in ADAPTERS[vendor].card.operations.items() for one in ways]


def test_the_page_holds_what_the_cards_say() -> None:
    """Where this fails: `python -m adapters.card_tables`."""
    text = PAGE.read_text()
    assert page(text) == text


@every_vendor
def test_a_card_leaves_nothing_out(vendor: str) -> None:
    card = ADAPTERS[vendor].card
    assert all((card.title, card.pages, card.known_by, card.credentials, card.limits, card.cannot, card.quirks))
    assert set(card.operations) == set(Kind)
    for kind, operation in operations(vendor):
        assert operation.summary
        assert operation.reaches
        assert operation.leaves or kind is Kind.OPT_IN, "say what a withdrawal does not reach"
        assert operation.done.endswith(".")
    for sentence in card.cannot + card.quirks:
        assert sentence.endswith(".")


@every_vendor
def test_each_way_but_the_usual_one_is_told_by_a_reason_of_its_own(vendor: str) -> None:
    for ways in ADAPTERS[vendor].card.operations.values():
        assert ways[0].way is None
        others = [one.way for one in ways[1:]]
        assert set(others) <= WAYS
        assert len(set(others)) == len(others)


@every_vendor
def test_verified_is_said_where_something_can_be_read_back_and_of_that_alone(vendor: str) -> None:
    card = ADAPTERS[vendor].card
    if issubclass(ADAPTERS[vendor], ReadsBack):
        assert any(operation.read_back for _, operation in operations(vendor))
    for kind, operation in operations(vendor):
        if operation.way is None and isinstance(adapter := adapter_of(vendor), ReadsBack):
            assert bool(operation.read_back) is bool(adapter.reading(Order(kind)))
        said = say_what_was_done(card, kind, Outcome.VERIFIED, operation.way)
        seen = (
            f"Read back: {operation.read_back}."
            if operation.read_back
            else "The vendor said yes; it cannot be read back."
        )
        assert said.startswith(f"{operation.done} {seen}")


@every_vendor
def test_the_settings_a_card_names_are_there(vendor: str) -> None:
    card, fields = ADAPTERS[vendor].card, ADAPTERS[vendor].settings_model.model_fields
    named = {name for one in card.credentials for name in one.settings}
    named |= {one.setting.partition("=")[0] for _, one in operations(vendor) if one.setting}
    named |= {limit.setting for limit in card.limits}
    assert named <= set(fields)
    secrets = {
        name
        for name, field in fields.items()
        if SecretStr in (field.annotation, *get_args(field.annotation))
        or any(SecretStr in get_args(one) for one in get_args(field.annotation))
    }
    assert secrets <= named
    required = {name for name, field in fields.items() if field.is_required()} - {"base_url"}
    assert required <= named


@every_vendor
@pytest.mark.parametrize("kind", KINDS)
def test_the_limits_of_a_card_are_those_that_are_kept(vendor: str, kind: Kind) -> None:
    adapter = adapter_of(vendor)
    addressed = adapter.address(Order(kind), SAMPLES[vendor].person("ann"))
    assert isinstance(addressed, Addressed)
    kept = adapter.limits(Call(Order(kind), addressed.step))
    said = {(limit.people, limit.body_bytes or kept.body_bytes) for limit in adapter.card.limits}
    assert (kept.people, kept.body_bytes) in said
    assert max(people for people, _ in said) == adapter.call_people
