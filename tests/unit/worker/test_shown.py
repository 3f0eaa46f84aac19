"""A delivery is shown by vendor, chunk, people and request, and by nothing that a stranger wrote."""

import json
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from ledger.delivery.claiming import Claimed
from tasks.queues import DELIVER, DISPATCH, WakeUp, queue_of
from tests.bad_messages import MARK, dumped, envelope
from tests.table_rows import each_row
from worker.shown import HEADER, headers_of
from worker.sieve import Sieve

REQUEST = UUID("0190a000-0000-7000-8000-00000000abcd")
QUEUE = queue_of("insider@brand")


def deliver(chunk_id: int) -> None: ...
def dispatch(vendor: str) -> None: ...


def received(headers: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The headers that Celery sees of a delivery that came with these."""
    tasks = {DELIVER: SimpleNamespace(run=deliver), DISPATCH: SimpleNamespace(run=dispatch)}
    message = envelope(DELIVER, [7], QUEUE, **headers)
    passed = Sieve(lambda: tasks, pytest.fail).task(QUEUE, dumped(message | more))
    assert passed is not None
    made: dict[str, Any] = json.loads(passed)["headers"]
    return made


@pytest.mark.parametrize(
    ("chunk", "name", "arguments"),
    [
        (Claimed(7, "deliver", 1, REQUEST), "deliver insider@brand", "insider@brand, chunk 7, 1 person"),
        (Claimed(7, "deliver", 12_000, REQUEST), "deliver insider@brand", "insider@brand, chunk 7, 12,000 people"),
        (Claimed(7, "verify", 480, REQUEST), "verify insider@brand", "insider@brand, chunk 7, 480 people"),
    ],
)
def test_a_delivery_is_shown_by_what_it_is(chunk: Claimed, name: str, arguments: str) -> None:
    made = received(headers_of(chunk))
    assert (made["shadow"], made["argsrepr"]) == (name, f"{arguments}, request {REQUEST}")
    assert made["task"] == DELIVER


GOOD = {"purpose": "deliver", "people": 480, "request": str(REQUEST)}


@each_row(
    "said",
    [
        None,
        MARK,
        [MARK],
        {},
        *({**GOOD, name: bad} for name in GOOD for bad in (MARK, None, [MARK], {MARK: 1}, True, -1, 10**30, "x" * 900)),
        *({one: value for one, value in GOOD.items() if one != name} for name in GOOD),
    ],
)
def test_figures_that_are_none_are_left_out(said: object) -> None:
    made = received({HEADER: said})
    assert (made["shadow"], made["argsrepr"]) == ("deliver insider@brand", "insider@brand, chunk 7")
    assert MARK not in json.dumps(made)


def test_what_else_is_said_is_not_shown() -> None:
    made = received({HEADER: {**GOOD, MARK: MARK}, "shadow": MARK, "argsrepr": MARK})
    assert MARK not in json.dumps(made)
    assert made["argsrepr"].endswith(f"480 people, request {REQUEST}")


def test_other_tasks_are_shown_as_they_are() -> None:
    queue = WakeUp(DISPATCH, "insider").queue
    tasks = {DISPATCH: SimpleNamespace(run=dispatch)}
    passed = Sieve(lambda: tasks, pytest.fail).task(queue, dumped(envelope(DISPATCH, ["insider"], queue)))
    assert passed is not None
    assert "shadow" not in json.loads(passed)["headers"]
