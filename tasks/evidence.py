"""What an answer says about its step, and what a run's answers say about it. Pure, by step."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from adapters.contract import Answer, Person, Verdict
from domain.outcomes import Reason


class Sort(StrEnum):
    """What one answer says about the vendor's step."""

    YES = "yes"  # the step works, for others too
    REFUSAL = "refusal"  # the vendor will not take this record, or this call
    BLAME = "blame"  # the answer says that nobody can succeed
    TROUBLE = "trouble"  # the vendor seems out of order, or says that the failure will pass
    NEITHER = "neither"  # it is about this person alone, or about our rate


OUT_OF_ORDER = frozenset({Reason.SERVER_ERROR, Reason.NO_CONNECTION, Reason.ANSWER_LOST})
"""Failures that say nothing about the person. Where there are no other answers, the vendor is likely down."""
PASSING = OUT_OF_ORDER | {Reason.CONFLICT}
"""Failures that pass: the whole call is repeated later and never bisected."""
_GOOD = frozenset({Verdict.APPLIED, Verdict.SEEN, Verdict.ABSENT, Verdict.PROCEED, Verdict.WAITING})
_ABOUT_THE_RECORD = frozenset({Reason.REJECTED, Reason.TOO_LARGE, Reason.UNREADABLE})


def sort_of(answer: Answer) -> Sort:
    """What this answer says about its step. A yes in doubt says nothing, nor does an answer that is certainly about one
    person."""
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
    """People with the same answer, final or not. A batch usually gets one answer, and is kept as one."""

    people: Sequence[Person]
    answer: Answer
    step: str = ""  # "" where the vendor was not asked
    yes_before: int = 0
    """The number of calls of this step that were answered with a yes before this answer."""
    company_served: bool = False
    """Whether others of this person's batch were served."""


@dataclass
class StepResults:
    """The results of one step in one run so far."""

    yes: int = 0
    """Calls with which the vendor served somebody."""
    served: int = 0
    """People whom it served."""
    failures: int = 0
    """Calls in a row that blame the vendor, or failed because of it."""
    refused: int = 0
    """People in a row who were refused, alone or by name."""

    def note_yes(self, people: int) -> None:
        """Count a call in which the vendor served this many people."""
        self.yes += 1
        self.served += people
        self.failures = self.refused = 0

    def says_enough(self, handful: int) -> bool:
        """Whether the vendor more likely refuses everybody than these people in particular."""
        return self.refused >= most_alike(handful, self.served)


@dataclass(frozen=True)
class Evidence:
    """What is known of one step at the end of a run."""

    yes: int = 0
    """Calls of this run with which the vendor served somebody there."""
    served: int = 0
    """People of this run whom it served there."""
    lately: bool = False
    """Whether it served anybody in the last quarter of an hour."""
    good_at: float = 0.0
    """When it last served somebody, as far as the ledger knows (epoch)."""
    vouched: bool = False
    """Whether a harmless call that exercises this step has just succeeded."""
    others_refused: int = 0
    """People of other runs who were refused since it last served anybody."""


CALLS_TO_HALT = 3
"""After so many calls in a row that blame the vendor, or fail because of it, nothing more is sent for now."""
_SHARE, _MOST = 10, 50


def most_alike(handful: int, served: int) -> int:
    """When this many people are refused in a row, with nobody served between them, the step is at fault and not the
    people.

    Where many were served before, up to a tenth of their number may be refused in a row: files are often sorted.
    """
    return min(max(handful, served // _SHARE), max(handful, _MOST))
