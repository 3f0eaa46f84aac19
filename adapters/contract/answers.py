"""What a vendor's answer means for one person, and the errors where there is no answer."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from domain.outcomes import Reason


class Verdict(StrEnum):
    """What an answer means for one person. The error classes are those of the vendors' CONTRACTS."""

    APPLIED = "applied"  # in effect at the vendor, as far as its answer says
    SEEN = "seen"  # in effect, and the vendor's own answer shows it
    ABSENT = "absent"  # the vendor holds nothing of this person
    NOT_APPLICABLE = "not_applicable"  # this vendor has no such operation
    UNREACHABLE = "unreachable"  # no identifier by which this vendor knows the person was given
    PROCEED = "proceed"  # this step is done, and the next one is named
    WAITING = "waiting"  # accepted: look again later, and send nothing again
    RETRY = "retry"  # as far as we know nothing has happened; it may work later
    AMBIGUOUS = "ambiguous"  # sent, and the result is unknown
    REAUTHENTICATE = "reauthenticate"  # the token is no longer accepted
    SPLIT = "split"  # the batch is refused, perhaps because of one record in it
    USER = "user"  # this person can never succeed as submitted
    ACTION = "action"  # someone must act before this person can succeed
    VENDOR = "vendor"  # nobody can succeed until somebody fixes the configuration


@dataclass(frozen=True, slots=True)
class Answer:
    """What a vendor's answer means for one person."""

    verdict: Verdict
    reason: Reason | None = None
    retry_after_s: float = 0.0  # RETRY, WAITING: not sooner than this
    step: str = ""  # PROCEED: the next step; WAITING: the step that looks again
    carry: Any = field(default=None, repr=False)
    """PROCEED, WAITING: what that step needs from this answer. It may be personal. With WAITING it is a text: it is
    stored sealed, and comes back as `Person.carry` at the next look, perhaps in another process."""
    certain: bool = False  # SPLIT, USER: it is about this person alone, and says nothing about others
    needs_witness: bool = False
    """Believe this answer only where the vendor has answered somebody else well: a 404 on a path that names a person
    looks like a 404 on a wrong address. With PROCEED: go on, but it is no witness for others."""


class UnreadableError(Exception):
    """The vendor's answer has not the form of its page. Nothing of it is kept: it may be personal."""


class NotNowError(Exception):
    """Nothing was sent, because sending could not be shown to be allowed. Retry after `delay_s` seconds."""

    def __init__(self, delay_s: float) -> None:
        super().__init__("not now")
        self.delay_s = delay_s
