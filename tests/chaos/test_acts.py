"""Faults end once each, whatever else ends meanwhile."""

from pathlib import Path

import pytest

from config.stack import Stack as Addresses
from local.sandbox import Sandbox
from tests.chaos.acts import Acts
from tests.flows.conftest import Stack


def test_a_fault_that_ends_while_another_one_is_being_ended_ends_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Redis that was changed and then frozen: to change it back takes that it has thawed, which was due as well."""
    acts = Acts(Stack({}, tmp_path), Sandbox("", {}), Addresses("", "", ""), "")
    frozen, thawed = ["redis"], []

    def in_redis(_: object) -> str:
        return "(not done: TimeoutError)" if frozen else ""

    def thaw() -> None:
        thawed.append(frozen.pop())

    monkeypatch.setattr(acts, "_in_redis", in_redis)
    acts._later(0.0, "role_change is over", lambda: acts._surely_in_redis(lambda _: None))
    acts._later(0.0, "thawed", thaw)
    acts.end_all()
    assert thawed == ["redis"]
    assert [told.split("  ")[-1] for told in acts.done] == ["thawed", "role_change is over"]
