"""Leaves of a request's tree: canonical JSON of what became of each line."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import rfc8785

from evidence.outcomes import NOBODY, Delivery, Ended, count, leaves

AT = datetime(2026, 11, 30, 12, 0, 0, 5, timezone(timedelta(hours=1)))
YES = Delivery("acme", "accepted", None, AT)
NO = Delivery("zeta", "refused", "rejected", datetime(2026, 11, 30, tzinfo=UTC))
HASH = bytes(range(16))


def test_a_leaf_is_what_a_library_writes() -> None:
    ended: list[Ended] = [(YES, NO), (None, NO), (YES, NO), (None, None), (YES, None)]
    yes: dict[str, Any] = {"vendor": "acme", "outcome": "accepted", "at": "2026-11-30T11:00:00.000005Z"}
    no: dict[str, Any] = {
        "vendor": "zeta",
        "outcome": "refused",
        "reason": "rejected",
        "at": "2026-11-30T00:00:00.000000Z",
    }
    person = "AAECAwQFBgcICQoLDA0ODw=="
    assert leaves(range(7, 12), [HASH, HASH, HASH, HASH, NOBODY], ended) == [
        rfc8785.dumps({"line": 7, "person": person, "deliveries": [yes, no]}),
        rfc8785.dumps({"line": 8, "person": person, "deliveries": [no]}),
        rfc8785.dumps({"line": 9, "person": person, "deliveries": [yes, no]}),
        rfc8785.dumps({"line": 10, "person": person, "deliveries": []}),
        rfc8785.dumps({"line": 11}),  # repeats an earlier line
    ]


def test_deliveries_are_counted_by_vendor_outcome_and_reason() -> None:
    ended: list[Ended] = [(YES, NO), (None, NO), (YES, NO), (None, None)]
    assert count(ended) == {("acme", "accepted", ""): 2, ("zeta", "refused", "rejected"): 3}
    assert count([]) == {}
