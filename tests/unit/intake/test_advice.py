"""There is advice for everything that can wait for a person."""

from domain.outcomes import HOLD_REASONS, WAYS, Reason
from intake.advice import ADVICE

NEVER_WAIT = {
    Reason.NO_OPERATION,
    Reason.SWITCHED_OFF,
    Reason.DONE_BY_HAND,
    Reason.CLOSED_BY_HAND,
    Reason.VENDOR_RETIRED,
    *WAYS,
    *HOLD_REASONS,  # they wait for the end of a legal hold
}


def test_every_reason_that_can_wait_has_advice_of_one_sentence() -> None:
    assert set(ADVICE) == set(Reason) - NEVER_WAIT
    assert all(sentence.endswith(".") and sentence.count(". ") == 0 for sentence in ADVICE.values())
