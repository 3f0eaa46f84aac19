"""The result of one run of a chunk as a line for operators: counts and reasons, no names."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from domain.outcomes import Reason
from ledger.delivery.outcomes import Settled
from tasks.evidence import Answered


@dataclass
class Tally:
    """Counts the people of one run: whose delivery has ended and how, and who is retried and why."""

    _ended: Counter[str] = field(default_factory=Counter)
    _again: dict[int, Reason | None] = field(default_factory=dict)

    def note_ended(self, groups: Iterable[Settled]) -> None:
        """Count deliveries that have an outcome now."""
        for group in groups:
            self._ended[group.outcome.value] += len(group.lines)

    def note_again(self, answers: Iterable[Answered], pending: Collection[int]) -> None:
        """Count people who were answered and are still `pending` (lines): they are retried."""
        for one in answers:
            self._again |= {person.line: one.answer.reason for person in one.people if person.line in pending}

    def line(self, pending: int, seconds: float) -> str:
        """Such as `accepted 480, retry 20 (busy), not sent 12, 0.4 s`. `pending`: how many have no outcome yet."""
        parts = [f"{_words(outcome)} {people:,}" for outcome, people in sorted(self._ended.items())]
        reasons = Counter(self._again.values())
        parts += [f"retry {people:,}{_because(reason)}" for reason, people in reasons.most_common()]
        if (not_sent := pending - len(self._again)) > 0:
            parts.append(f"not sent {not_sent:,}")
        return ", ".join([*(parts or ["nobody to send"]), f"{seconds:.1f} s"])


def _because(reason: Reason | None) -> str:
    return f" ({_words(reason)})" if reason else ""


def _words(name: str) -> str:
    return name.replace("_", " ")
