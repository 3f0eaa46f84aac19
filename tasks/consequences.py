"""What one answer means for people: a pure rule, given their past and what is known of the step."""

from enum import StrEnum
from typing import NamedTuple

from adapters.contract import Answer, Verdict
from domain.outcomes import Reason
from domain.retry import Job
from tasks.evidence import Evidence, Sort, sort_of

LONE_WAITS_S = (10.0, 30.0)
"""Delays for a person refused alone while nobody else is sent; the third refusal counts."""
CONFLICT_WAITS_S = (5.0, 20.0)
"""Delays for a person whose obstacle may pass by itself, before a person is asked to act."""
SKEW_S = 2.0
"""The ledger dates by the beginning of a transaction: an event may have happened this much later."""


class Past(NamedTuple):
    """People's past: how many attempts have failed since when, and how often they were refused in doubt."""

    attempts: int = 0
    since: float | None = None
    refusals: int = 0
    doubted: float = 0.0
    job: Job | None = None
    redelivered: int = 0


class Consequence(StrEnum):
    """What an answer means for people, and whether it counts against the step."""

    SETTLED = "settled"  # the answer is believed
    AGAIN = "again"  # retried within the vendor's bounds
    APART = "apart"  # the same, alone from now on
    TROUBLED = "troubled"  # retried, and it counts against the step
    LATER = "later"  # retried alone a few times; remembered, and counted later with others
    WAITS = "waits"  # retried alone a few times
    HELD = "held"  # refused like everybody: pending, and it counts against the step
    LOOKS = "looks"  # the vendor has accepted it: looked at again, and never sent again
    BLAMED = "blamed"  # pending, and it counts against the step


def consequence_of(
    answer: Answer, past: Past, known: Evidence, *, company: bool, everybody: bool, singled_out: bool
) -> Consequence:
    """What one answer means for people with this past. `company`: others were served there after them, or with them.
    `everybody`: so many were refused or failed there in a row that the step is at fault. `singled_out`: it is one
    person, split from a batch of which others were served."""
    # A person whom the vendor refused before it served others, and refuses again, is the cause.
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
        case Sort.REFUSAL if answer.needs_witness:  # at a wrong address everybody seems unknown
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
    """Whether this person's obstacle may pass by itself, though a person would have to act if it does not."""
    return answer.verdict is Verdict.ACTION and answer.reason is Reason.CONFLICT
