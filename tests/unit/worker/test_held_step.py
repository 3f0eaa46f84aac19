"""What a worker answers about held vendors where it cannot tell: why, and nothing that a failure quotes."""

import pytest

from ledger.failures import LedgerError
from worker.held_step import HeldVendors


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (LedgerError("nobody answers there"), "cannot use PostgreSQL: nobody answers there"),
        (KeyError("jane@private.example"), "KeyError at worker/held_step.py"),
    ],
)
def test_what_cannot_be_told_is_no_error_of_a_command(
    monkeypatch: pytest.MonkeyPatch, failure: Exception, told: str
) -> None:
    def engine() -> None:
        raise failure

    monkeypatch.setattr(HeldVendors, "engine", staticmethod(engine), raising=False)
    answer = HeldVendors.__new__(HeldVendors).info(None)
    assert answer["held_vendors"]["not known"].startswith(told)
