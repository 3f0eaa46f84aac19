"""What the controller's directory knows of a person, compared with the identifiers given."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from domain.folding import fold
from domain.reach import OWN
from domain.requests import Subject

Answers = Sequence[Sequence[object]]
"""By position of the people asked about, the records that the directory holds: none where it does not know the person,
several where it cannot tell which one is meant. They are not validated yet."""


class Finding(StrEnum):
    """The result of asking the directory about one person."""

    COMPLETED = "completed"  # it added identifiers, which are on record now
    NOTHING_NEW = "nothing_new"
    UNKNOWN = "unknown"  # the directory does not know them
    UNUSABLE = "unusable"  # no valid identifiers, or several people
    CONTRADICTING = "contradicting"  # its value differs from the one given


class DirectoryError(Exception):
    """The directory did not answer properly, so nobody whom it was asked about is sent to any vendor yet.

    The message says what is wrong and what to check. It quotes nothing of the question or the answer.
    """

    def __init__(self, problem: str, retry_after_s: float = 0.0) -> None:
        super().__init__(problem)
        self.problem = problem
        self.retry_after_s = retry_after_s


def contradicts(subject: Subject, answer: Subject) -> bool:
    """Whether the answer has another value for something that is already given of this person."""
    own = any(
        fold(name, str(subject[name])) != fold(name, str(answer[name]))
        for name in OWN
        if subject.get(name) and answer.get(name)
    )
    return own or _differ("", subject.get("vendors") or {}, answer.get("vendors") or {})


def _differ(name: str, given: Any, answered: Any) -> bool:
    if isinstance(given, Mapping) and isinstance(answered, Mapping):
        return any(_differ(key, given[key], answered[key]) for key in given.keys() & answered.keys())
    if not given or not answered:
        return False
    # A vendor's number may be written as a number or as a text.
    return fold(name, str(given)) != fold(name, str(answered))
