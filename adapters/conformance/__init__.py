"""The suite that every adapter must pass, for adapters of this repository and of other packages alike.

The author of a plug-in writes a `Sample` and two more lines, and runs pytest::

    class TestZendra(Conformance):
        sample = SAMPLE

It asks for what the vendor's card promises and no more: kinds that the card leaves out, and second interfaces that the
adapter does not have, are not asked for. It needs pytest.
"""

import pytest

# Before they are imported, so that a failed assertion shows its values.
pytest.register_assert_rewrite(
    *(f"{__name__}.{part}" for part in ("described", "found", "recorded", "sent", "shown", "understood", "walking"))
)

from adapters.conformance.sample import BODIES, PERSONAL, SECRET, Sample, answer  # noqa: E402 - registered first
from adapters.conformance.suite import Conformance  # noqa: E402 - registered first

__all__ = ["BODIES", "PERSONAL", "SECRET", "Conformance", "Sample", "answer"]
