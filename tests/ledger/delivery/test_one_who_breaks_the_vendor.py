"""One person at whom the vendor's server fails: the others are served, and nothing is held."""

from typing import Any

import pytest

from domain.requests import Kind, Subject
from tests.ledger.delivery.test_answers import ended, held, people, shop
from tests.ledger.sandboxed import Shop

__all__ = ["shop"]  # the fixture

BAD = "breaks-it"
VENDORS = (("insider", "upsert"), ("insider", "attribute/delete"), ("dfinery", "users"), ("dfinery", "ci/delete"))


def crowd(count: int, *bad: int) -> list[Subject]:
    subjects = people(count)
    for place in bad:
        subjects[place] = {"user_id": f"{BAD}-{place}"}
    return subjects


def go(shop: Shop, vendor: str, subjects: list[Subject], rule: dict[str, Any], **settings: Any) -> bool:
    """Work until all has ended; whether anything was ever held."""
    shop.seed(subjects)
    shop.desk.submit(subjects, kind=Kind.ERASURE, vendors=[vendor])
    shop.refuse(vendor, **rule)
    tools, ever_held = shop.tools(vendor, **settings), False
    for _ in range(60):
        shop.desk.work_off(tools)
        shop.desk.queued.clear()
        ever_held = ever_held or bool(held(shop.desk))
        if shop.desk.one("SELECT count(*) FROM requests WHERE status = 'running'") == 0:
            break
        shop.desk.pass_time(shop.desk.next_due_s() or 0.0)
    return ever_held


@pytest.mark.parametrize(
    ("vendor", "path", "status", "bad"),
    [
        (*where, (500, 502, 503)[(place + number) % 3], bad)
        for place, where in enumerate(VENDORS)
        for number, bad in enumerate([(0,), (3, 4, 390)])
    ],
)
def test_the_others_are_served_and_nothing_is_held(
    shop: Shop, *, vendor: str, path: str, status: int, bad: tuple[int, ...]
) -> None:
    count = 400 if vendor == "insider" else 20
    bad = tuple(place % count for place in bad)
    rule = {"path": path, "holding": BAD, "status": status, "body": "page"}
    ever_held = go(shop, vendor, crowd(count, *bad), rule, max_attempts=6)
    counts = ended(shop.desk)
    assert counts.pop("exhausted/server_error") == len(bad)
    assert sum(counts.values()) == count - len(bad)
    assert not ever_held
    assert shop.calls(vendor, path) < 60 + 12 * len(bad)


def test_a_vendor_that_is_down_for_everybody_is_held_after_a_handful_of_calls(shop: Shop) -> None:
    assert go(shop, "insider", crowd(400), {"path": "upsert", "status": 500, "body": None})
    assert shop.calls("insider", "upsert") < 80
    shop.mend("insider")
    shop.work(shop.tools("insider"), minutes=20)
    assert sum(ended(shop.desk).values()) == 400
