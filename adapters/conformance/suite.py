"""All parts of the suite in one class to derive from."""

import pytest

from adapters.conformance.described import Described
from adapters.conformance.found import Found
from adapters.conformance.recorded import Recorded
from adapters.conformance.sent import Sent
from adapters.conformance.shown import Shown
from adapters.conformance.understood import Understood


class Conformance(Sent, Understood, Shown, Found, Described, Recorded):
    """Derive a class whose name begins with `Test` from it, and set its `sample`."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Once for every kind that the card has, and for every recorded answer."""
        if "kind" in metafunc.fixturenames:
            metafunc.parametrize("kind", self.sample.kinds)
        if "case" in metafunc.fixturenames:
            cases = sorted(self.sample.answers.glob("*.json"))
            metafunc.parametrize("case", cases, ids=[case.stem for case in cases])
