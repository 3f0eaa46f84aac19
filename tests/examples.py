"""With how many generated cases a property is tried: `--few-examples` and `--many-examples` in tests/conftest.py."""

from hypothesis import settings

MANY, USUAL, FEW = 60, 24, 10
"""Of a property that says nothing: at night, where all tests are run, and where an answer is wanted in seconds."""


def examples(count: int) -> int:
    """So many at night, and proportionally fewer otherwise."""
    of_a_property = settings().max_examples
    return max(FEW, count * of_a_property // MANY) if of_a_property in (USUAL, FEW) else count
