"""What becomes of people by one answer: a pure rule, with what lies behind them and what is known of the step."""

from enum import StrEnum
from typing import NamedTuple

from adapters.contract import Answer, Verdict
from domain.outcomes import Reason
from domain.retry import Job
from tasks.evidence import Evidence, Sort, sort_of

LONE_WAITS_S = (10.0, 30.0)
"""Who is refused alone while nobody else is asked is tried again after these; the third refusal counts."""
CONFLICT_WAITS_S = (5.0, 20.0)
"""The same where something stands in one person's way that may pass by itself, before someone is asked to act."""
SKEW_S = 2.0
"""By so much what the ledger dates by the beginning of a transaction may have happened later."""


class Past(NamedTuple):
    """What lies behind people: how many attempts have failed since when, and how often they were refused in doubt."""

    attempts: int = 0
    since: float | None = None
    refusals: int = 0
    doubted: float = 0.0
    job: Job | None = None
    redelivered: int = 0


class Consequence(StrEnum):
    """What becomes of people with one answer, and whether it counts against the step."""

    SETTLED = "settled"  # the answer is believed
    AGAIN = "again"  # tried again within the vendor's bounds
    APART = "apart"  # the same, alone from now on
    TROUBLED = "troubled"  # tried again, and it counts against the step
    LATER = "later"  # tried alone a few times more; remembered, so that the next ones make a handful
    WAITS = "waits"  # tried alone a few times more
    HELD = "held"  # refused like everybody: pending, and it counts against the step
    LOOKS = "looks"  # the vendor has taken it: looked at again, and never sent again
    BLAMED = "blamed"  # pending, and it counts against the step


def consequence_of(
    answer: Answer, past: Past, known: Evidence, *, company: bool, everybody: bool, singled_out: bool
) -> Consequence:
    """What one answer means for people with this past. `company`: others were served there after them, or with them.
    `everybody`: as many were refused or failed there in a row as are not the people's doing. `singled_out`: it is one
    person, taken out of a batch of which others were served."""
    # A person whom the vendor refused before it served others, and refuses again, is the reason.
    proven = company or (past.doubted > 0 and known.good_at > past.doubted + SKEW_S)
    served = known.yes > 0 or known.lately
    cleared = proven or ((served or known.vouched) and not everybody)
    tried_enough = past.refusals >= len(LONE_WAITS_S)
    if answer.verdict is Verdict.WAITING:
        return Consequence.LOOKS
    match sort_of(answer):
        case Sort.REFUSAL if proven or (not everybody and (served or (known.vouched and answer.needs_witness))):
            return Consequence.SETTLED
        case Sort.REFUSAL if everybody:
            return Consequence.HELD
        case Sort.REFUSAL if answer.needs_witness:  # at a wrong address everybody looks unknown
            return Consequence.BLAMED
        case Sort.REFUSAL:
            return Consequence.SETTLED if tried_enough else Consequence.LATER
        case Sort.BLAME:
            return Consequence.APART if cleared else Consequence.BLAMED
        case Sort.TROUBLE if passes(answer) and everybody and not proven:
            return Consequence.BLAMED
        case Sort.TROUBLE if passes(answer):
            return Consequence.SETTLED if past.refusals >= len(CONFLICT_WAITS_S) else Consequence.WAITS
        case Sort.TROUBLE if singled_out:
            return Consequence.APART
        case Sort.TROUBLE:
            return Consequence.AGAIN if cleared else Consequence.TROUBLED
    if answer.needs_witness:
        return Consequence.SETTLED if proven or served or known.vouched else Consequence.BLAMED
    return Consequence.AGAIN


def passes(answer: Answer) -> bool:
    """Whether what stands in this person's way may pass by itself, though someone would have to act if it does not."""
    return answer.verdict is Verdict.ACTION and answer.reason is Reason.CONFLICT
