"""Deeds over a selection, by the API."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tasks import selections
from tests.web.api.test_api import submit
from tests.web.conftest import Rows
from web.api import selections as api_selections
from web.context import Context

Key = Callable[..., dict[str, str]]


def exhausted(client: httpx.Client, rows: Rows, count: int) -> None:
    """So many requests of one person, whose delivery to insider is exhausted."""
    for _ in range(count):
        submit(client)
    rows(
        "INSERT INTO outcomes SELECT id, (SELECT id FROM vendors WHERE name = 'insider'), 1, 1, 1, 'exhausted', "
        "now(), 'busy' FROM requests"
    )
    rows("INSERT INTO tallies SELECT request_id, vendor_id, outcome, 1 FROM outcomes")
    rows("UPDATE chunks SET state = 'closed' WHERE vendor_id = (SELECT id FROM vendors WHERE name = 'insider')")


def test_one_call_does_it_to_all_that_are_chosen(client: httpx.Client, rows: Rows, woken: list[str]) -> None:
    exhausted(client, rows, 3)
    woken.clear()
    dry = client.post("/v1/requests/retry", json={"vendor": "insider", "dry_run": True}).json()
    assert (dry["deed_id"], dry["requests"], dry["deliveries"]) == (None, 3, 3)
    assert rows("SELECT count(*) FROM deeds") == [(0,)]

    answer = client.post("/v1/requests/retry", json={"vendor": "insider", "kind": "erasure"})

    deed = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (200, f"/v1/deeds/{deed['deed_id']}")
    assert (deed["requests"], deed["deliveries"], deed["vendors"]) == (3, 3, {"insider": 3})
    assert deed["ended_at"] is not None
    assert woken == ["insider"]
    assert client.get(f"/v1/deeds/{deed['deed_id']}").json() == deed
    assert client.get(f"/v1/deeds/{uuid4()}").status_code == 404
    assert rows("SELECT by, deed, because FROM audit_entries WHERE target LIKE 'deed %'") == [
        ("key:shop", "retry", "selection: vendor insider, kind erasure")
    ]
    assert client.post("/v1/requests/cancel", json={"all": True}).json()["requests"] == 3


def test_what_takes_longer_is_carried_on_with_by_the_workers(
    client: httpx.Client, rows: Rows, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_selections, "AT_ONCE_S", 0.0)
    exhausted(client, rows, 2)
    answer = client.post("/v1/requests/close", json={"all": True, "because": "told by phone"})
    at = answer.headers["location"]
    assert (answer.status_code, answer.json()["requests"], answer.json()["ended_at"]) == (202, 0, None)
    assert client.get(at).json() == answer.json()

    assert selections.carry_on(context.engine, context.wake, lambda: False) == 1

    ended = client.get(at).json()
    assert (ended["requests"], ended["vendors"]) == (2, {"insider": 2})
    assert ended["ended_at"] is not None


def test_the_rights_are_those_of_the_single_deed(client: httpx.Client, key: Key, rows: Rows) -> None:
    submit(client)
    client.headers.update(key("submitter", name="crm"))
    submit(client)
    for deed in ("retry", "close", "confirm"):
        assert client.post(f"/v1/requests/{deed}", json={"all": True}).status_code == 403
    cancelled = client.post("/v1/requests/cancel", json={"all": True}).json()
    assert cancelled["requests"] == 1
    assert rows("SELECT submitted_by FROM requests WHERE status = 'cancelled'") == [("key:crm",)]
    client.headers.update(key("submitter", name="other"))
    assert client.get(f"/v1/deeds/{cancelled['deed_id']}").status_code == 404


def test_the_second_person_rule_holds_for_each(client: httpx.Client, key: Key, rows: Rows) -> None:
    submit(client)
    client.headers.update(key("operator", name="boss"))
    submit(client)
    rows("UPDATE requests SET status = 'unconfirmed'")
    found = client.post("/v1/requests/confirm", json={"all": True, "dry_run": True}).json()
    assert (found["requests"], found["own"]) == (1, 1)
    confirmed = client.post("/v1/requests/confirm", json={"all": True}).json()
    assert (confirmed["requests"], confirmed["own"]) == (1, 1)
    assert rows("SELECT submitted_by FROM requests WHERE status = 'unconfirmed'") == [("key:boss",)]


@pytest.mark.parametrize(
    ("deed", "body"),
    [
        *((deed, {}) for deed in ("retry", "cancel", "confirm")),
        *((deed, {"dry_run": True}) for deed in ("retry", "cancel", "confirm")),
        *((deed, {"vendor": "acme", "because": "why"}) for deed in ("close",)),
        *((deed, {"vendor": "acme"}) for deed in ("retry", "cancel", "confirm")),
        ("retry", {"reason": "acme"}),
        ("retry", {"reason": "litigation"}),
        ("retry", {"received_before": "2026-05-25T00:00:00"}),
        ("retry", {"all": "yes"}),
        ("retry", {"all": True, "whatever": 1}),
        ("confirm", {"reason": "busy"}),
        ("close", {"all": True}),
        ("close", {"all": True, "because": "jane@private.example said so"}),
        ("close", {"reason": "no_identifier", "because": "why"}),
        ("close", {"reason": "superseded", "because": "why"}),
        ("close", {"reason": "superseded", "because": "why", "dry_run": True}),
        ("cancel", {"reason": "superseded"}),
        ("cancel", {"reason": "superseded", "dry_run": True}),
    ],
)
def test_what_is_unclear_is_refused(client: httpx.Client, rows: Rows, deed: str, body: dict[str, Any]) -> None:
    assert client.post(f"/v1/requests/{deed}", json=body).status_code == 422
    assert rows("SELECT count(*) FROM deeds") == [(0,)]


def test_what_is_withheld_is_closed_by_the_reason_of_its_hold(client: httpx.Client) -> None:
    answer = client.post("/v1/requests/close", json={"reason": "litigation", "because": "why", "dry_run": True})
    assert (answer.status_code, answer.json()["requests"]) == (200, 0)


def test_one_request_is_closed_by_hand(client: httpx.Client, rows: Rows) -> None:
    exhausted(client, rows, 1)
    (request_id,) = rows("SELECT public_id FROM requests")[0]
    at = f"/v1/requests/{request_id}/close"
    told = {"vendor": "insider", "because": "told by phone"}
    assert client.post(at, json={**told, "reason": "acme"}).status_code == 422
    assert client.post(at, json={"vendor": "insider"}).status_code == 422
    assert client.post(at, json=told).json() == {"request_id": str(request_id), "deliveries": 1}
    assert rows("SELECT by, deed, reason FROM notes") == [("key:shop", "close", "told by phone")]
