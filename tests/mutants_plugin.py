"""How tests run against a mutant: single cases first, then the searches of Hypothesis, which search alike each time."""

from contextlib import nullcontext

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests import reaper

# Loaded before tests/conftest.py: no test of a rule starts a process, and a reaper a mutant takes longer than the test.
reaper.reaping = nullcontext


def pytest_configure() -> None:
    """Instead of the profile of tests/conftest.py, which leaves one that was loaded before."""
    settings.register_profile(
        "mutants",
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        max_examples=50,
        phases=(Phase.explicit, Phase.generate),  # which example is the shortest, nobody asks
    )
    settings.load_profile("mutants")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Most mutants are noticed by a single case, and the first that fails ends the run."""
    items.sort(key=lambda item: item.get_closest_marker("hypothesis") is not None)
