"""What is said of a delivery and of an operation, for every vendor and kind."""

import pytest

from adapters.card import GONE
from adapters.registry import ADAPTERS
from domain.outcomes import Outcome
from domain.requests import Kind
from intake.card_wording import say_done, say_operations
from tests.contract.plain import Plain
from tests.table_rows import each_row


@each_row("vendor", sorted(ADAPTERS))
@each_row("kind", list(Kind))
def test_every_outcome_at_every_vendor_is_put_into_words(vendor: str, kind: Kind) -> None:
    for outcome in Outcome:
        said = say_done(vendor, kind, outcome, None)
        assert said is not None
        assert said.endswith(".")
    assert all("Not reached: " in one for one in say_operations(vendor, kind))
    assert len(say_operations(vendor, kind)) == len(ADAPTERS[vendor].card.ways(kind))


def test_what_a_vendor_has_no_operation_for_is_put_into_words_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("intake.card_wording.card_named", {"plain": Plain.card}.get)
    assert say_operations("plain", Kind.OPT_IN) == []
    assert len(say_operations("plain", Kind.ERASURE)) == 1
    assert "nothing to do" in str(say_done("plain", Kind.OPT_IN, Outcome.NOT_APPLICABLE, None))
    # Recorded while the card still had it.
    assert say_done("plain", Kind.OPT_IN, Outcome.ACCEPTED, None) == GONE


def test_nothing_is_said_of_what_is_pending_or_of_a_vendor_we_do_not_know() -> None:
    assert say_done("insider", "erasure", "pending", None) is None
    assert say_done("left_for_good", "erasure", "accepted", None) is None
    assert say_operations("left_for_good", "erasure") == []


def test_the_way_that_was_taken_is_told_by_the_reason() -> None:
    assert "deleted" in str(say_done("b2core", "erasure", "verified", None))
    assert str(say_done("b2core", "erasure", "verified", "disabled")).startswith(
        "The profile was disabled; nothing was"
    )
