"""With how many generated cases a property is tried: see `--few-examples` in tests/conftest.py."""

from hypothesis import settings

WHOLE, FEW = 60, 10
"""Of a property that says nothing, where all tests are run, and where an answer is wanted in seconds."""


def examples(count: int) -> int:
    """So many where all tests are run, and proportionally fewer where few are wanted."""
    return max(FEW, count * FEW // WHOLE) if settings().max_examples == FEW else count
