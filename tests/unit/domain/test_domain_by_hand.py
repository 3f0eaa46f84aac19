"""When a recipient without an API is to have done what it was asked."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.by_hand import ByHand

RECEIVED = datetime(2026, 11, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize(("due_days", "days"), [(3, 3), (0.5, 0.5), (30, 30), (31, 30), (400, 30)])
def test_a_task_is_due_after_its_days_and_never_after_the_request(due_days: float, days: float) -> None:
    printer = ByHand("Muster Print GmbH", ("email",), due_days)
    assert printer.due(RECEIVED, RECEIVED + timedelta(days=30)) == RECEIVED + timedelta(days=days)
