"""What the contract can express, through the whole life of a delivery: made-up vendors behind the real exchange."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tasks.delivery import Delivery
from tasks.toolbox import Toolbox
from tests.ledger.conftest import Desk, people
from tests.made_up.pages import PageServer, PageVendor
from tests.made_up.uploads import UploadServer, UploadVendor
from tests.made_up.vendor import exchange_with, settings

DAY_S = 86_400.0


def tools_of(desk: Desk, adapter: Any, server: Any) -> Toolbox:
    return desk.tools({"insider": exchange_with(adapter, server)})


def run(desk: Desk, tools: Toolbox) -> None:
    desk.make_everything_due()
    desk.work_off(tools, runs=5)
    desk.queued.clear()


def accepted(lines: range) -> dict[tuple[str, int], tuple[str, None, int]]:
    return {("insider", line): ("accepted", None, 1) for line in lines}


def latest(desk: Desk) -> dict[int, tuple[str, str | None]]:
    """How each delivery stands by its last round."""
    found = desk.rows("""
        SELECT DISTINCT ON (line) line, CAST(outcome AS text), reason FROM outcomes ORDER BY line, round DESC""")
    return {line: (outcome, reason) for line, outcome, reason in found}


# Accepted now, done days later


@pytest.fixture
def server() -> UploadServer:
    return UploadServer()


@pytest.fixture
def uploads(desk: Desk, server: UploadServer) -> Callable[..., Toolbox]:
    return lambda **given: tools_of(desk, UploadVendor(settings=settings(**given)), server)


def test_a_job_is_asked_for_over_days_in_one_call_for_all_who_are_in_it(
    desk: Desk, server: UploadServer, uploads: Callable[..., Toolbox]
) -> None:
    desk.submit(people(10))
    tools = uploads(max_attempts=3)
    run(desk, tools)
    assert len(server.uploads) == 3  # four, four and two people
    for _ in range(20):
        desk.pass_time(DAY_S / 4)
        run(desk, tools)
    assert desk.outcomes() == {}
    assert Counter(server.looks) == Counter({f"job-{n}-of-jane": 20 for n in (1, 2, 3)})
    server.state, server.failed = "done", ["jane-00007"]
    run(desk, tools)
    found = desk.outcomes()
    assert found.pop(("insider", 7)) == ("refused", "rejected", 1)
    assert found == {key: value for key, value in accepted(range(1, 11)).items() if key[1] != 7}
    assert len(server.uploads) == 3


def test_the_number_of_a_job_is_sealed_and_kept_once(
    desk: Desk, server: UploadServer, uploads: Callable[..., Toolbox]
) -> None:
    desk.submit(people(10))
    run(desk, uploads())
    assert "jane" not in str(desk.rows("SELECT * FROM chunks"))
    kept = desk.one("SELECT setbacks FROM chunks")
    assert sorted(len(setback[3]) for setback in kept) == [2, 4, 4]
    server.state = "done"
    run(desk, uploads())
    assert desk.one("SELECT setbacks FROM chunks") == []
    assert desk.outcomes() == accepted(range(1, 11))


def test_after_a_crash_jobs_are_asked_for_and_no_file_is_sent_again(
    desk: Desk, server: UploadServer, uploads: Callable[..., Toolbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.submit(people(10))

    def crash(self: Delivery, _talk: object) -> None:
        with self.tools.engine.begin() as connection:  # as it does every second while a run is under way
            self.record(connection)
        self.decided = True  # the process is gone: nothing puts the chunk back

    with monkeypatch.context() as broken:
        broken.setattr(Delivery, "_decide", crash)
        run(desk, uploads())
    assert "jane" not in str(desk.rows("SELECT * FROM chunks"))
    server.state = "done"
    run(desk, uploads())
    assert (len(server.uploads), len(server.looks)) == (3, 3)
    assert desk.outcomes() == accepted(range(1, 11))


def test_a_job_has_a_bound_of_its_own(desk: Desk, server: UploadServer, uploads: Callable[..., Toolbox]) -> None:
    desk.submit(people(4))
    tools = uploads(max_age_s=60.0, max_attempts=1, max_wait_s=2 * DAY_S)
    for _ in range(3):
        run(desk, tools)
        desk.pass_time(DAY_S * 0.9)
    assert desk.outcomes() == {}
    run(desk, tools)
    assert desk.outcomes() == {("insider", line): ("exhausted", "pending_at_vendor", 1) for line in range(1, 5)}
    assert len(server.uploads) == 1


def test_a_job_that_the_vendor_lost_is_sent_again_within_the_same_bound(
    desk: Desk, server: UploadServer, uploads: Callable[..., Toolbox]
) -> None:
    desk.submit(people(4))
    tools = uploads(max_wait_s=2 * DAY_S)
    run(desk, tools)
    server.state = "lost"
    for _ in range(4):
        desk.pass_time(DAY_S * 0.6)
        run(desk, tools)
    assert len(server.uploads) == 5
    assert {outcome for outcome, *_ in desk.outcomes().values()} == {"exhausted"}


# A read-back that follows pages


def test_a_read_back_follows_pages_until_everybody_was_seen(desk: Desk) -> None:
    server = PageServer()
    tools = tools_of(desk, PageVendor(), server)
    desk.submit(people(5))
    run(desk, tools)
    run(desk, tools)
    assert latest(desk) == dict.fromkeys(range(1, 6), ("verified", None))
    assert (server.stops, server.pages) == (1, 4)  # seven strangers and five of ours, three a page


def test_who_is_on_no_page_is_stopped_again_and_told_in_the_end(desk: Desk) -> None:
    server = PageServer(forgets=frozenset({"jane-00002"}))
    tools = tools_of(desk, PageVendor(), server)
    desk.submit(people(3))
    for _ in range(6):
        run(desk, tools)
    verified = ("verified", None)
    assert latest(desk) == {1: verified, 2: ("needs_action", "not_in_effect"), 3: verified}
    assert server.stops == 4


def test_pages_without_an_end_end(desk: Desk) -> None:
    server = PageServer(loops=True)
    tools = tools_of(desk, PageVendor(), server)
    desk.submit(people(2))
    run(desk, tools)
    run(desk, tools)
    assert server.pages < 10
    assert {outcome for outcome, *_ in desk.outcomes().values()} == {"accepted"}
