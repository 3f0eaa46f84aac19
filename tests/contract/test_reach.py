"""By which fields each vendor finds a person: the card says so, and `address` does so, for every subset of them."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from adapters.contract import Answer, Order, Verdict
from adapters.registry import ADAPTERS
from domain.outcomes import Reason
from domain.reach import is_found
from domain.requests import SUBJECT, Kind, Subject
from tests.contract.samples import adapter_of

VALUES: dict[str, Any] = {
    "email": "ann@example.org",
    "phone_number": "+821012345678",
    "vendors.insider.identifiers.email": "ann@example.org",
    "vendors.insider.identifiers.phone_number": "+821012345678",
    "vendors.insider.identifiers.custom": {"loyalty": "ann-1"},
}
"""What is given in a field that does not take any text."""
ON: dict[str, dict[str, Any]] = {
    "algonomy": {"allow_opt_in": True},
    "b2core": {"opt_out_disables": True, "opt_in_enables": True},
}
"""The settings that switch on every operation there is."""
FIELDS = sorted({field for adapter in ADAPTERS.values() for field in adapter.card.found_by})
INSIDER_ID, INSIDERS = "vendors.insider.insider_id", "vendors.insider.identifiers"


def subsets(fields: list[str]) -> Iterator[tuple[str, ...]]:
    """Every subset that a door takes: of Insider's own id and its `identifiers` one or the other."""
    for size in range(len(fields) + 1):
        for chosen in combinations(fields, size):
            if not (INSIDER_ID in chosen and any(field.startswith(INSIDERS) for field in chosen)):
                yield chosen


def person(fields: tuple[str, ...]) -> Subject:
    told: dict[str, Any] = {}
    for field in fields:
        *path, name = field.split(".")
        block = told
        for step in path:
            block = block.setdefault(step, {})
        block[name] = VALUES.get(field, "ann-1")
    return SUBJECT.validate_python(told)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("vendor", sorted(ADAPTERS))
def test_somebody_is_found_by_the_fields_of_the_card_and_by_no_others(vendor: str, kind: Kind) -> None:
    adapter = adapter_of(vendor, **ON.get(vendor, {}))
    reach = adapter.reach(kind)
    assert reach
    assert set(reach) <= set(adapter.card.found_by)
    for fields in subsets(FIELDS):
        subject = person(fields)
        told = adapter.address(Order(kind), subject)
        unreachable = told == Answer(Verdict.UNREACHABLE, Reason.NO_IDENTIFIER)
        assert unreachable == (not is_found(subject, reach)), fields


@pytest.mark.parametrize(
    ("vendor", "kind"), [("algonomy", Kind.OPT_IN), ("b2core", Kind.OPT_OUT), ("b2core", Kind.OPT_IN)]
)
def test_what_is_switched_off_reaches_nobody_and_calls_nobody_unreachable(vendor: str, kind: Kind) -> None:
    adapter = adapter_of(vendor, **dict.fromkeys(ON[vendor], False))
    assert adapter.reach(kind) == ()
    for fields in subsets(["user_id", "email"]):
        assert adapter.address(Order(kind), person(fields)) == Answer(Verdict.NOT_APPLICABLE, Reason.SWITCHED_OFF)


@pytest.mark.parametrize("identifiers", [["email"], ["phone_number", "uuid"], ["custom.loyalty"], ["custom"]])
@pytest.mark.parametrize("people", [0, 1])  # 1: it looks for profiles first
def test_insider_finds_nobody_by_what_its_identity_resolution_does_not_have(
    identifiers: list[str], people: int
) -> None:
    adapter = adapter_of("insider", identifiers=identifiers)
    reach = adapter.reach(Kind.ERASURE)
    found = set()
    for fields in subsets([field for field in FIELDS if field in ADAPTERS["insider"].card.found_by]):
        subject = person(fields)
        told = adapter.address(Order(Kind.ERASURE, people=people), subject)
        assert isinstance(told, Answer) == (not is_found(subject, reach)), fields
        found.add(isinstance(told, Answer))
    assert found == {True, False}


def test_every_field_of_a_card_is_one_that_a_person_can_have() -> None:
    for vendor, adapter in ADAPTERS.items():
        for field in adapter.card.found_by:
            if field.startswith("vendors."):
                _, block, name, *_ = field.split(".")
                assert block == vendor
                assert name in adapter.identifiers_model.model_fields
            else:
                assert field in SUBJECT.validate_python({field: VALUES.get(field, "ann-1")})
