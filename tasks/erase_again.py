"""Erases people again whom an import names though they were erased, where CONSENT_ERASE_AGAIN is set."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from hashlib import blake2b

from pydantic_core import to_json

from domain.blocks import in_blocks
from domain.requests import Kind, Subject
from domain.suppression import PastWish
from tasks.subjects import SubjectError, check_subject, checked
from tasks.submission import KeyConflictError, Submission
from tasks.submit import Receipt

SUBMITTER = "system:suppression"
LOT = 10_000
"""People of one request. What the submitter sends in a day counts together for `Guards.confirm_above`."""


def due_again(found: Iterable[tuple[Subject, PastWish | None]], now: datetime) -> list[tuple[Subject, datetime]]:
    """Who of these people is to be erased again, each with the moment of their newest erasure. Anyone who is named by a
    placeholder, or otherwise doubtful, is left out: that may be anybody."""
    return [
        (subject, erasure.newest_at or erasure.at)
        for subject, erasure in found
        if erasure is not None and erasure.is_due_again(now) and _is_undoubted(subject)
    ]


def _is_undoubted(subject: Subject) -> bool:
    try:
        checked(check_subject(dict(subject)))
    except SubjectError:
        return False
    return True


def erase_again(due: Sequence[tuple[Subject, datetime]], submit: Callable[[Submission, list[Subject]], Receipt]) -> int:
    """Record erasures of these people, in the name of SUBMITTER; returns of how many. Once for each person and erasure:
    what was recorded before is not again.

    Raises what `submit` raises.
    """
    return sum(_erase(lot, submit) for lot in in_blocks(due, LOT))


def _erase(lot: Sequence[tuple[Subject, datetime]], submit: Callable[[Submission, list[Subject]], Receipt]) -> int:
    named = blake2b(to_json([(subject, at.isoformat()) for subject, at in lot]), digest_size=16).hexdigest()
    submission = Submission(
        Kind.ERASURE, idempotency_key=f"{SUBMITTER}:{named}", submitted_by=SUBMITTER, accept_unreachable=True
    )
    try:
        receipt = submit(submission, [subject for subject, _ in lot])
    except KeyConflictError:  # recorded just now, when there were other vendors
        return 0
    return 0 if receipt.repeated else receipt.recorded.people
