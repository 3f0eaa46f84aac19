"""What is noticed while people are read, beside the people: told to whoever submits them, in numbers only."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Noticed:
    """Filled while people are read. As the context of a validation it also says how strict that is."""

    left_aside: Counter[str] = field(default_factory=Counter)
    """By field, how often it was given with nothing in it, beside an identifier that was good."""
    doubts_later: bool = False
    """What a submitter may allow (domain.requests.DOUBTS) is not refused yet: whoever validates looks at it next."""

    def leave_aside(self, field: str) -> None:
        """Note that a field was given with nothing in it."""
        self.left_aside[field] += 1
