"""The card: it has all that pages and exports need, and nothing that the adapter does not do."""

from collections.abc import Iterator
from typing import get_args

import pytest
from pydantic import SecretStr

from adapters.card import Operation, say_what_was_done
from adapters.conformance.conversations import OfOneVendor, read_back
from adapters.conformance.walking import converse
from adapters.contract import Addressed, Call, Order, ReadsBack
from domain.outcomes import WAYS, Outcome
from domain.requests import Kind


class Described(OfOneVendor):
    """Compares the card with the adapter and its settings."""

    def test_the_card_leaves_nothing_out(self) -> None:
        card = self.sample.adapter.card
        assert all((card.title, card.pages, card.known_by, card.found_by, card.give, card.limits, card.operations))
        for kind, operation in self.operations():
            assert operation.summary
            assert operation.reaches
            assert operation.leaves or kind is Kind.OPT_IN, "say what a withdrawal does not reach"
            assert operation.done.endswith(".")
        for sentence in card.cannot + card.quirks:
            assert sentence.endswith(".")

    def test_each_way_but_the_usual_one_is_told_by_a_reason_of_its_own(self) -> None:
        for ways in self.sample.adapter.card.operations.values():
            assert ways[0].way is None
            others = [one.way for one in ways[1:]]
            assert set(others) <= WAYS
            assert len(set(others)) == len(others)

    def test_verified_is_said_where_something_can_be_read_back_and_of_that_alone(self) -> None:
        card, adapter = self.sample.adapter.card, self.sample.make()
        if isinstance(adapter, ReadsBack):
            assert any(operation.read_back for _, operation in self.operations())
        for kind, operation in self.operations():
            if operation.way is None and isinstance(adapter, ReadsBack):
                assert bool(operation.read_back) is bool(adapter.reading(Order(kind)))
            said = say_what_was_done(card, kind, Outcome.VERIFIED, operation.way)
            cannot = "The vendor said yes; it cannot be read back."
            seen = f"Read back: {operation.read_back}." if operation.read_back else cannot
            assert said.startswith(f"{operation.done} {seen}")

    def test_the_settings_that_the_card_names_are_there(self) -> None:
        card, fields = self.sample.adapter.card, self.sample.adapter.settings_model.model_fields
        named = {name for one in card.credentials for name in one.settings}
        named |= {one.setting.partition("=")[0] for _, one in self.operations() if one.setting}
        named |= {limit.setting for limit in card.limits}
        assert named <= set(fields)
        secrets = {
            name
            for name, field in fields.items()
            if SecretStr in (field.annotation, *get_args(field.annotation))
            or any(SecretStr in get_args(one) for one in get_args(field.annotation))
        }
        assert secrets <= named
        required = {name for name, field in fields.items() if field.is_required()}
        assert required - {"base_url"} <= named
        assert required | secrets, "a vendor is switched on by its credentials"

    def test_the_limits_of_the_card_are_those_that_are_kept(self, kind: Kind) -> None:
        adapter = self.sample.make()
        addressed = adapter.address(Order(kind), self.sample.person("ann"))
        assert isinstance(addressed, Addressed)
        kept = adapter.limits(Call(Order(kind), addressed.step))
        said = {(limit.people, limit.body_bytes or kept.body_bytes) for limit in adapter.card.limits}
        assert (kept.people, kept.body_bytes) in said
        assert max(people for people, _ in said) == adapter.call_people

    def test_an_erasure_takes_as_many_calls_as_the_card_says(self) -> None:
        """Within a quarter: how much there is to delete differs between people."""
        if Kind.ERASURE not in self.sample.kinds:
            return
        people = [self.sample.person(f"ann-{number}") for number in range(self.sample.adapter.call_people)]
        obliging, order = self.sample.obliging(), Order(Kind.ERASURE)
        _, turns = converse(self.sample.make(), order, people, obliging)
        turns += read_back(self.sample, order, people, obliging)[1]
        assert len(turns) / len(people) == pytest.approx(self.sample.adapter.card.work.calls, rel=0.25)

    def operations(self) -> Iterator[tuple[Kind, Operation]]:
        """Every way of every kind."""
        for kind, ways in self.sample.adapter.card.operations.items():
            for one in ways:
                yield kind, one
