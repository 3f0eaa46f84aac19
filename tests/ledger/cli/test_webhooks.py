"""`consent webhook` against a real PostgreSQL."""

import json
from collections.abc import Callable

import pytest
from typer.testing import Result

from domain.notices import Failure
from ledger.notices import outbox
from ledger.notices.webhooks import announce_webhooks
from tests.ledger import command_line
from tests.ledger.conftest import Desk, people

Consent = Callable[..., Result]


@pytest.fixture
def consent(desk: Desk, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Consent:
    """The command line on the desk's ledger; nothing answers where Redis should be."""
    monkeypatch.setenv("CONSENT_REDIS_URL", "redis://127.0.0.1:1")
    return command_line.consent


def test_what_is_stuck_is_seen_and_told_again(desk: Desk, consent: Consent) -> None:
    with desk.engine.begin() as connection:
        announce_webhooks(connection, {"crm": "crm.example", "shop": "shop.example"})
    assert consent("webhook", "list").exit_code == 0
    desk.submit(people(1))
    with desk.engine.begin() as connection:
        crm, shop = outbox.claim(connection, desk.masters, lease_s=60, receivers=["crm", "shop"], styles=[])
        outbox.put_back(connection, crm, 600.0, Failure.REFUSED, 503)
        outbox.give_up(connection, shop, Failure.UNREACHABLE, None)
    desk.execute("UPDATE outbox SET happened_at = now() - interval '26 hours'")
    listed = consent("webhook", "list")
    assert listed.exit_code == 1
    (of_crm,) = [line for line in listed.output.splitlines() if "crm.example" in line]
    assert of_crm.split() == ["crm", "(crm.example)", "on", "1", "1", "0", "1", "d", "2", "h", "ago", "refused", "503"]
    rows = {row["receiver"]: row for row in json.loads(consent("webhook", "list", "--json").output)["receivers"]}
    assert (rows["shop"]["given_up"], rows["shop"]["failure"], rows["shop"]["oldest"]) == (1, "unreachable", None)
    assert consent("webhook", "retry", "nobody").exit_code == 2
    assert consent("webhook", "retry", "shop").output == "messages that go out again: 1\n"
    assert consent("webhook", "retry").output == "messages that go out again: 1\n"
    assert desk.rows("SELECT DISTINCT CAST(state AS text), due_at <= now() FROM outbox") == [("waiting", True)]


def test_a_receiver_is_switched_off_and_on_by_hand(desk: Desk, consent: Consent) -> None:
    with desk.engine.begin() as connection:
        announce_webhooks(connection, {"crm": "crm.example"})
        announce_webhooks(connection, {})  # a worker that does not know it
    desk.submit(people(1))
    for command, enabled, waiting in (("off", False, 0), ("on", True, 0)):
        assert consent("webhook", command, "crm").exit_code == 0
        (row,) = json.loads(consent("webhook", "list", "--json").output)["receivers"]
        assert (row["enabled"], row["waiting"], row["given_up"]) == (enabled, waiting, 1)
        assert consent("webhook", command, "acme").exit_code == 2
    desk.submit(people(1))
    (row,) = json.loads(consent("webhook", "list", "--json").output)["receivers"]
    assert row["waiting"] == 1
