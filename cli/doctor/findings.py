"""The lines of a check-up's report."""

from typing import NamedTuple


class Finding(NamedTuple):
    """One line of the report."""

    about: str
    says: str
    is_good: bool = False
