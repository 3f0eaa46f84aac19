"""Parts of pages that are live: streams that end with what they show and with the session, and what needs no stream."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

import httpx
import pytest

from tests.ledger.conftest import Desk, people
from tests.ledger.endings import end
from tests.web.console.conftest import Browser, SignIn
from web.access import gate
from web.console import streams

PARTS = ("/overview", "/requests/{id}", "/deeds/{id}")


@pytest.fixture
def running(desk: Desk) -> tuple[int, UUID]:
    desk.announce(insider=10)
    recorded = desk.submit(people(4), submitted_by="user:operator", vendors=("insider",)).recorded
    return int(desk.one("SELECT max(id) FROM requests")), recorded.public_id


@contextmanager
def stream(browser: Browser, path: str) -> Iterator[Iterator[tuple[str, str]]]:
    """The events of a stream as they come: their names and data."""
    with browser.client.stream("GET", path, headers={"Accept": "text/event-stream"}, timeout=60) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        yield events(answer)


def events(answer: httpx.Response) -> Iterator[tuple[str, str]]:
    name, data = "", []
    for line in answer.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            data.append(line.removeprefix("data: "))
        elif not line and name:
            yield name, "\n".join(data)
            name, data = "", []


def test_a_request_is_watched_until_it_is_done(sign_in: SignIn, desk: Desk, running: tuple[int, UUID]) -> None:
    number, request = running
    operator = sign_in("operator")
    page = operator.get(f"/requests/{request}").text
    assert f'data-live="/requests/{request}"' in page
    with stream(operator, f"/requests/{request}/stream") as came:
        name, html = next(came)
        assert name == "live"
        assert "Running" in html
        assert 'id="live"' in html
        end(desk, "accepted", None, [number])
        told = [next(came)]
        while told[-1][0] != "over":
            told.append(next(came))
        assert "Completed" in told[-2][1]
        assert "data-live" not in told[-2][1], "it asks no more"
        assert list(came) == [], "and the server has closed it"
    assert "data-live" not in operator.get(f"/requests/{request}").text
    assert "Completed" in operator.get(f"/requests/{request}/live").text


def test_the_overview_and_a_deed_are_live_too(sign_in: SignIn, running: tuple[int, UUID]) -> None:
    operator = sign_in("operator")
    with stream(operator, "/overview/stream") as came:
        name, html = next(came)
        assert (name, str(running[1])[:8] in html) == ("live", True)
    deed = operator.post("/attention/retry", on="/requests", vendor="insider", reason="rejected").headers["location"]
    with stream(operator, f"{deed}/stream") as came:
        assert [name for name, _ in came][-1] == "over"
    assert "Done." in operator.get(f"{deed}/live").text


def test_a_stream_ends_with_its_session(
    sign_in: SignIn, desk: Desk, running: tuple[int, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "CHECKED_S", 0.05)
    monkeypatch.setattr(gate, "TRUSTED_S", 0.0)
    operator = sign_in("operator")
    with stream(operator, f"/requests/{running[1]}/stream") as came:
        assert next(came)[0] == "live"
        desk.execute("UPDATE logins SET seen_at = now() - interval '1 hour'")
        assert [name for name, _ in came if name != "live"] == ["over"]
    assert operator.get(f"/requests/{running[1]}/stream").status_code == 303


def test_a_stream_keeps_no_session(sign_in: SignIn, desk: Desk, running: tuple[int, UUID]) -> None:
    operator = sign_in("operator")
    desk.execute("UPDATE logins SET seen_at = now() - interval '10 minutes'")
    for path in (f"/requests/{running[1]}", "/overview"):
        assert operator.get(f"{path}/live").status_code == 200
    assert operator.get(f"/requests/{running[1]}/timeline").status_code == 200
    assert operator.get("/overview/rate").status_code == 200
    assert desk.one("SELECT seen_at < now() - interval '9 minutes' FROM logins") is True


def test_parts_are_shown_to_who_may_see_the_page(sign_in: SignIn, running: tuple[int, UUID]) -> None:
    submitter, other = sign_in("submitter"), uuid4()
    for part in ("live", "stream", "timeline"):
        assert submitter.get(f"/requests/{running[1]}/{part}").status_code == 404
        assert submitter.get(f"/requests/{other}/{part}").status_code == 404
    for part in ("live", "stream"):
        assert submitter.get(f"/deeds/{other}/{part}").status_code == 403
        assert sign_in("reader", f"reader-{part}").get(f"/deeds/{other}/{part}").status_code == 404
    assert str(running[1])[:8] not in submitter.get("/overview/live").text


def test_when_deliveries_ended_is_a_table_that_is_drawn(sign_in: SignIn, desk: Desk, running: tuple[int, UUID]) -> None:
    number, request = running
    operator = sign_in("operator")
    assert "data-chart" not in operator.get(f"/requests/{request}").text
    end(desk, "accepted", None, [number], upto=3)
    desk.execute("UPDATE requests SET status = 'running'")
    page = operator.get(f"/requests/{request}").text
    assert "Deliveries ended at each vendor" in page
    assert [int(value) for value in re.findall(r'data-value="(\d+)"', page)][-1] == 3
    assert f'data-again="/requests/{request}/timeline"' in page
    assert "uplot.js" in page
    part = operator.get(f"/requests/{request}/timeline").text
    assert part.startswith('<div class="chart"')
