"""The fields by which a person is found: the card lists them, and `address` uses them, for every subset of them."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

from pydantic import ValidationError

from adapters.conformance.conversations import OfOneVendor
from adapters.contract import Addressed, Answer, Order, Verdict
from domain.outcomes import Reason
from domain.reach import is_found
from domain.requests import SUBJECT, Kind, Subject

EVERYWHERE: dict[str, Any] = {"user_id": "ann-1", "email": "ann@example.org", "phone_number": "+821012345678"}
ELSEWHERE = "vendors.another_vendor.user_id"


class Found(OfOneVendor):
    """For every kind that the card has."""

    def test_somebody_is_found_by_the_fields_of_the_card_and_by_no_others(self, kind: Kind) -> None:
        adapter = self.sample.make()
        reach = adapter.reach(kind)
        assert reach
        assert set(reach) <= set(adapter.card.found_by)
        for fields, subject in self.somebodies():
            told = adapter.address(Order(kind), subject)
            unreachable = told == Answer(Verdict.UNREACHABLE, Reason.NO_IDENTIFIER)
            assert unreachable == (not is_found(subject, reach)), fields

    def test_everybody_who_is_addressed_is_known_by_something(self, kind: Kind) -> None:
        adapter = self.sample.make()
        addressed = adapter.address(Order(kind), self.sample.person("ann"))
        assert isinstance(addressed, Addressed)
        assert adapter.known_by(addressed.key)
        assert adapter.touches(Order(kind))

    def test_every_field_of_the_card_is_one_that_a_person_can_have(self) -> None:
        adapter = self.sample.make()
        for field in adapter.card.found_by:
            if field.startswith("vendors."):
                _, block, name, *_ = field.split(".")
                assert block == adapter.name
                assert name in adapter.identifiers_model.model_fields
            else:
                assert field in EVERYWHERE

    def somebodies(self) -> Iterator[tuple[tuple[str, ...], Subject]]:
        """A person for every valid subset of fields: of all vendors, of this one, and of another one."""
        fields = sorted({*EVERYWHERE, *self.sample.adapter.card.found_by, ELSEWHERE})
        for size in range(len(fields) + 1):
            for chosen in combinations(fields, size):
                told = self._block_of(chosen)
                try:
                    block = told.get("vendors", {}).get(self.sample.adapter.name, {})
                    self.sample.adapter.identifiers_model.model_validate(block)
                except ValidationError:
                    continue  # some fields exclude each other
                yield chosen, SUBJECT.validate_python(told)

    def _block_of(self, fields: tuple[str, ...]) -> dict[str, Any]:
        told: dict[str, Any] = {}
        for field in fields:
            *path, name = field.split(".")
            block = told
            for step in path:
                block = block.setdefault(step, {})
            block[name] = {**EVERYWHERE, **self.sample.values}.get(field, "ann-1")
        return told
