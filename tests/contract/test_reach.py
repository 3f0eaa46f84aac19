"""People whom a vendor does not find because of its settings; the conformance suite checks the rest."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from adapters.conformance.found import EVERYWHERE
from adapters.contract import Answer, Order, Verdict
from adapters.registry import ADAPTERS
from domain.outcomes import Reason
from domain.reach import is_found
from domain.requests import SUBJECT, Kind, Subject
from tests.contract.samples import SAMPLES, adapter_of
from tests.table_rows import each_row

OFF = {"algonomy": ["allow_opt_in"], "b2core": ["opt_out_disables", "opt_in_enables"]}
"""The settings that switch operations off."""
FIELDS = sorted(ADAPTERS["insider"].card.found_by)
INSIDER_ID, INSIDERS = "vendors.insider.insider_id", "vendors.insider.identifiers"


def subsets(fields: list[str]) -> Iterator[tuple[str, ...]]:
    """Every subset that is taken: of Insider's own id and its `identifiers` one or the other."""
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
        block[name] = {**EVERYWHERE, **SAMPLES["insider"].values}.get(field, "ann-1")
    return SUBJECT.validate_python(told)


@pytest.mark.parametrize(
    ("vendor", "kind"), [("algonomy", Kind.OPT_IN), ("b2core", Kind.OPT_OUT), ("b2core", Kind.OPT_IN)]
)
def test_what_is_switched_off_reaches_nobody_and_calls_nobody_unreachable(vendor: str, kind: Kind) -> None:
    adapter = adapter_of(vendor, **dict.fromkeys(OFF[vendor], False))
    assert adapter.reach(kind) == ()
    for fields in subsets(["user_id", "email"]):
        assert adapter.address(Order(kind), person(fields)) == Answer(Verdict.NOT_APPLICABLE, Reason.SWITCHED_OFF)


@each_row("identifiers", [["email"], ["phone_number", "uuid"], ["custom.loyalty"], ["custom"]])
@each_row("people", [0, 1])  # 1: it looks for profiles first
def test_insider_finds_nobody_by_what_its_identity_resolution_does_not_have(
    identifiers: list[str], people: int
) -> None:
    adapter = adapter_of("insider", identifiers=identifiers)
    reach = adapter.reach(Kind.ERASURE)
    found = set()
    for fields in subsets(FIELDS):
        subject = person(fields)
        told = adapter.address(Order(Kind.ERASURE, people=people), subject)
        assert isinstance(told, Answer) == (not is_found(subject, reach)), fields
        found.add(isinstance(told, Answer))
    assert found == {True, False}
