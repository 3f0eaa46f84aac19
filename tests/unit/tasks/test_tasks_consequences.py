"""What one answer means for people, at the bounds."""

import pytest

from adapters.contract import Answer, Verdict
from domain.outcomes import Reason
from tasks.consequences import SKEW_S, Consequence, Past, consequence_of
from tasks.evidence import Evidence

DOUBTED = 1_000.0
REFUSED = Answer(Verdict.USER, Reason.REJECTED)
DOWN = Answer(Verdict.RETRY, Reason.SERVER_ERROR)


def consequence(
    answer: Answer,
    known: Evidence,
    past: Past | None = None,
    *,
    company: bool = False,
    everybody: bool = False,
    singled_out: bool = False,
) -> Consequence:
    return consequence_of(answer, past or Past(), known, company=company, everybody=everybody, singled_out=singled_out)


@pytest.mark.parametrize(
    ("good_at", "becomes"),
    [
        (DOUBTED - 1, Consequence.HELD),
        (DOUBTED + 1, Consequence.HELD),  # within what clocks differ by: it may have been before
        (DOUBTED + SKEW_S, Consequence.HELD),
        (DOUBTED + SKEW_S + 0.1, Consequence.SETTLED),
    ],
)
def test_who_was_in_doubt_is_the_reason_once_others_were_certainly_served_since(
    good_at: float, becomes: Consequence
) -> None:
    known = Evidence(lately=True, good_at=good_at)
    assert consequence(REFUSED, known, Past(doubted=DOUBTED), everybody=True) is becomes


def test_who_was_never_in_doubt_is_not_the_reason_of_what_everybody_is_told() -> None:
    assert consequence(REFUSED, Evidence(lately=True, good_at=DOUBTED), everybody=True) is Consequence.HELD


def test_one_call_that_served_somebody_is_a_witness() -> None:
    assert consequence(REFUSED, Evidence(yes=1)) is Consequence.SETTLED
    assert consequence(REFUSED, Evidence()) is Consequence.LATER


def test_trouble_of_one_who_was_taken_out_of_a_batch_that_was_served_is_tried_apart() -> None:
    assert consequence(DOWN, Evidence(yes=1), company=True, singled_out=True) is Consequence.APART
    assert consequence(DOWN, Evidence(yes=1), company=True) is Consequence.AGAIN
    assert consequence(DOWN, Evidence()) is Consequence.TROUBLED
