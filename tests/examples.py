"""With how many generated cases a property is tried."""

from hypothesis import settings

DEFAULT = 100
"""Of whoever says nothing, where all tests are run; it is hypothesis's own."""
FEW = 10
"""Of the same, where an answer is wanted in seconds."""


def examples(count: int) -> int:
    """So many where all tests are run, and as much fewer as others have where few are wanted."""
    return max(FEW, count * settings().max_examples // DEFAULT)
