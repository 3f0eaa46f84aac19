"""Erases people again whom an import names though they were erased, where CONSENT_ERASE_AGAIN is set."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

from pydantic_core import to_json

from domain.blocks import in_blocks
from domain.requests import Kind, Subject
from domain.suppression import PastWish
from tasks.subjects import SubjectError, check_subject, checked
from tasks.submission import KeyConflictError, Submission, SubmitError
from tasks.submit import Receipt

SUBMITTER = "system:suppression"
LOT = 10_000
"""People of one request. What the submitter sends in a day counts together for `Guards.confirm_above`."""


class ErasedAgain(NamedTuple):
    """Of how many people an erasure was recorded. `refused`: why of no more, where more were due."""

    people: int
    refused: str | None = None


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


def erase_again(
    due: Sequence[tuple[Subject, datetime]], submit: Callable[[Submission, list[Subject]], Receipt]
) -> ErasedAgain:
    """Record erasures of these people, in the name of SUBMITTER. Once for each person and erasure: what was recorded
    before is not again. A refusal ends it, and is told: the next check goes on from there.

    Raises what `submit` raises otherwise.
    """
    people = 0
    for lot in in_blocks(due, LOT):
        try:
            people += _erase(lot, submit)
        except SubmitError as error:
            return ErasedAgain(people, str(error))
    return ErasedAgain(people)


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
