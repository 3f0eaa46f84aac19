"""What an answer says of the step it came from, and what a run of answers says of that step: pure, told per step."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from adapters.contract import Answer, Person, Verdict
from domain.outcomes import Reason


class Sort(StrEnum):
    """What one answer says of the vendor's step."""

    YES = "yes"  # the step works, also for others
    REFUSAL = "refusal"  # the vendor will not take this record, or this call
    BLAME = "blame"  # the answer says that nobody can succeed
    TROUBLE = "trouble"  # the vendor seems out of order, or says that something passes by itself
    NEITHER = "neither"  # it is about this person alone, or about our pace


OUT_OF_ORDER = frozenset({Reason.SERVER_ERROR, Reason.NO_CONNECTION, Reason.ANSWER_LOST})
"""Failures that say nothing of the person; where there is nothing else, the vendor is likely down."""
PASSING = OUT_OF_ORDER | {Reason.CONFLICT}
"""What passes by itself: the whole call is repeated later and never bisected."""
_GOOD = frozenset({Verdict.APPLIED, Verdict.SEEN, Verdict.ABSENT, Verdict.PROCEED, Verdict.WAITING})
_ABOUT_THE_RECORD = frozenset({Reason.REJECTED, Reason.TOO_LARGE, Reason.UNREADABLE})


def sort_of(answer: Answer) -> Sort:
    """What this answer says of its step. A yes in doubt says nothing, nor does what is certainly about one person."""
    match answer.verdict:
        case verdict if verdict in _GOOD:
            return Sort.NEITHER if answer.needs_witness else Sort.YES
        case _ if answer.certain or answer.reason is Reason.OUR_FAULT:
            return Sort.NEITHER
        case Verdict.SPLIT:
            return Sort.REFUSAL
        case Verdict.USER if answer.needs_witness or answer.reason in _ABOUT_THE_RECORD:
            return Sort.REFUSAL
        case Verdict.VENDOR | Verdict.REAUTHENTICATE:
            return Sort.BLAME
        case Verdict.RETRY | Verdict.AMBIGUOUS if answer.reason in PASSING:
            return Sort.TROUBLE
        case Verdict.ACTION if answer.reason is Reason.CONFLICT:
            return Sort.TROUBLE
    return Sort.NEITHER


class Answered(NamedTuple):
    """People with the same answer, for now or for good. A batch is nearly always answered as one, and stays one."""

    people: Sequence[Person]
    answer: Answer
    step: str = ""  # "" where nobody was asked
    yes_before: int = 0
    """How many calls of this step had been answered with a yes when this answer came."""
    company_served: bool = False
    """Whether others of the batch that this person was taken out of were served."""


@dataclass
class Course:
    """How one step has gone in one run, so far."""

    yes: int = 0
    """Calls with which the vendor served somebody."""
    served: int = 0
    """People whom it served."""
    failures: int = 0
    """Calls in a row that blame the vendor or find it in trouble."""
    refused: int = 0
    """People in a row whom it refused, alone or by name."""

    def note_yes(self, people: int) -> None:
        """The vendor served so many people of one call."""
        self.yes += 1
        self.served += people
        self.failures = self.refused = 0

    def says_enough(self, handful: int) -> bool:
        """Whether it is more likely that the vendor refuses everybody than that these people are the reason."""
        return self.refused >= most_alike(handful, self.served)


@dataclass(frozen=True)
class Evidence:
    """What is known of one step when a run has ended."""

    yes: int = 0
    """Calls of this run with which the vendor served somebody there."""
    served: int = 0
    """People of this run whom it served there."""
    lately: bool = False
    """Whether it served anybody there in the last quarter of an hour."""
    good_at: float = 0.0
    """When it last did so, as far as the ledger knows (epoch)."""
    vouched: bool = False
    """Whether a harmless call that exercises this step has found it well just now."""
    others_refused: int = 0
    """People of other runs whom it has refused since it last served anybody."""


CALLS_TO_HALT = 3
"""So many calls in a row that blame the vendor, or find it in trouble, and nobody else is sent there for now."""
_SHARE, _MOST = 10, 50


def most_alike(handful: int, served: int) -> int:
    """So many people refused in a row, with nobody served between them, are not the people's doing.

    Where many were served before, as many as a tenth of them may be refused in a row: a file is often sorted.
    """
    return min(max(handful, served // _SHARE), max(handful, _MOST))
