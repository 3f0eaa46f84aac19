"""What a check-up says, one line at a time."""

from typing import NamedTuple


class Finding(NamedTuple):
    """One line of the report."""

    about: str
    says: str
    is_good: bool = False
