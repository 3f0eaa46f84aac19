"""What an answer of a vendor means for one person, and what is raised where there is none."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from domain.outcomes import Reason


class Verdict(StrEnum):
    """What an answer means for one person. The error classes are those of the vendors' CONTRACTS."""

    APPLIED = "applied"  # in effect at the vendor, as far as its answer tells
    SEEN = "seen"  # in effect, and the vendor's own answer shows it
    ABSENT = "absent"  # the vendor holds nothing of this person
    NOT_APPLICABLE = "not_applicable"  # this vendor has no such operation
    UNREACHABLE = "unreachable"  # nothing is given by which this vendor knows the person
    PROCEED = "proceed"  # this step is done, the next one is named
    WAITING = "waiting"  # taken, and to be looked at again later: nothing is sent again
    RETRY = "retry"  # nothing known to have happened, may work later
    AMBIGUOUS = "ambiguous"  # sent, and what became of it is not known
    REAUTHENTICATE = "reauthenticate"  # the token is no longer accepted
    SPLIT = "split"  # the batch is refused, and one record in it may be the cause
    USER = "user"  # this person can never succeed as submitted
    ACTION = "action"  # someone must act before this person can succeed
    VENDOR = "vendor"  # nobody can succeed until someone mends the configuration


@dataclass(frozen=True, slots=True)
class Answer:
    """What a vendor's answer means for one person."""

    verdict: Verdict
    reason: Reason | None = None
    retry_after_s: float = 0.0  # RETRY, WAITING: not sooner than this
    step: str = ""  # PROCEED: the step that comes next; WAITING: the step that looks again
    carry: Any = field(default=None, repr=False)
    """PROCEED, WAITING: what that step needs of this answer. It may be personal. With WAITING it is a text: it is kept
    sealed, and comes back as `Person.carry` when it is time to look again, perhaps in another process."""
    certain: bool = False  # SPLIT, USER: it is about this person alone, and says nothing of how others fare
    needs_witness: bool = False
    """Believe this answer only where the vendor has answered someone else well: a 404 on a path that names a person
    reads like a 404 on an address that is wrong for everybody. With PROCEED: go on, but it is no witness for others."""


class UnreadableError(Exception):
    """The vendor's answer is not of the shape its page gives. Nothing of it is kept: it may be personal."""


class NotNowError(Exception):
    """Nothing was sent, because we could not make sure that it may be; come back after `delay_s` seconds."""

    def __init__(self, delay_s: float) -> None:
        super().__init__("not now")
        self.delay_s = delay_s
