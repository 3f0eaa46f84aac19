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


def test_a_delivery_that_was_made_again_has_all_its_rounds() -> None:
    first = Delivery("acme", "needs_action", "no_session", AT)
    again = Delivery("acme", "pending", None, AT, 2, first)
    last = Delivery("acme", "accepted", None, AT, 3, again)
    at, person = "2026-11-30T11:00:00.000005Z", "AAECAwQFBgcICQoLDA0ODw=="
    earlier: list[dict[str, Any]] = [
        {"round": 1, "outcome": "needs_action", "reason": "no_session", "at": at},
        {"round": 2, "outcome": "pending", "at": at},
    ]
    done = {"vendor": "acme", "outcome": "accepted", "at": at}
    ended: list[Ended] = [(last,), (again,), (first,)]
    whole = {"line": 1, "person": person, "deliveries": [done | {"round": 3, "earlier": earlier}]}
    assert leaves(range(1, 4), [HASH] * 3, ended)[0] == rfc8785.dumps(whole)
    # As the first trees had it: of what is to be made again, nothing.
    no_more = rfc8785.dumps({"line": 2, "person": person, "deliveries": []})
    assert leaves(range(1, 4), [HASH] * 3, ended, rounds=False)[:2] == [
        rfc8785.dumps({"line": 1, "person": person, "deliveries": [done]}),
        no_more,
    ]
    assert last.prefixes() == [first, again, last]
    assert count(ended) == {("acme", "accepted", ""): 1, ("acme", "needs_action", "no_session"): 1}


def test_a_round_that_is_missing_or_numbered_otherwise_is_another_leaf() -> None:
    first = Delivery("acme", "accepted", None, AT)
    ways: list[Ended] = [
        (Delivery("acme", "verified", None, AT, 2, first),),
        (Delivery("acme", "verified", None, AT, 2),),
        (Delivery("acme", "verified", None, AT),),
        (Delivery("acme", "verified", None, AT, 3, first),),
        (Delivery("acme", "verified", None, AT, 2, NO),),
    ]
    assert len(set(leaves([1] * len(ways), [HASH] * len(ways), ways))) == len(ways)
