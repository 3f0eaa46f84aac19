"""What the controller's own directory says of a person, held against what was given of them."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from domain.folding import fold
from domain.reach import OWN
from domain.requests import Subject

Answers = Sequence[Sequence[object]]
"""By place of the people who were asked about, what the directory holds of each: nothing where it does not know them,
several where it cannot tell which of them is meant. Each is as it came, not looked at yet."""


class Finding(StrEnum):
    """What became of the answer about one person."""

    COMPLETED = "completed"  # it gave something more, which is on record now
    NOTHING_NEW = "nothing_new"
    UNKNOWN = "unknown"  # the directory does not know them
    UNUSABLE = "unusable"  # no identifiers as a person has them, or several people
    CONTRADICTING = "contradicting"  # it gives another value of what was given


class DirectoryError(Exception):
    """The directory has not answered as it should, so nobody it was asked about is sent anywhere yet.

    The message says what is wrong and what to look at, and nothing of what was asked or answered.
    """

    def __init__(self, problem: str, retry_after_s: float = 0.0) -> None:
        super().__init__(problem)
        self.problem = problem
        self.retry_after_s = retry_after_s


def contradicts(subject: Subject, answer: Subject) -> bool:
    """Whether the answer gives another value for something that is given of this person already."""
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
    if isinstance(given, Mapping) or isinstance(answered, Mapping):
        return True
    # A vendor's number may be written as a number or as a text.
    return fold(name, str(given)) != fold(name, str(answered))
