"""Recipients without an API: deliveries become people's tasks, and count like all others."""

import csv
import importlib
import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import pytest

from adapters.contract import Answer, Verdict
from answers.reading import facts_of
from domain.by_hand import ByHand
from domain.requests import Kind
from ledger import due
from ledger.sealing import MasterKeys
from tasks.by_hand import announce, hand_over
from tasks.settle import settle
from tests.ledger.command_line import consent
from tests.ledger.conftest import Desk, everybody, people
from tests.ledger.given_up import give_up_master_key

PRINTSHOP = ByHand("Muster Print GmbH", ("email", "user_id"), 5.0, "addresses of the catalogue", "deletes them")
AGENCY = ByHand("Agency", ("phone_number",), 60.0)
APPLIED = Answer(Verdict.APPLIED)


@pytest.fixture
def shop(desk: Desk, environment: dict[str, str]) -> Desk:
    """A desk with a print shop beside Insider, which the command line finds."""
    with desk.engine.begin() as connection:
        announce(connection, {"printshop": PRINTSHOP})
    return desk


def work_off(desk: Desk) -> None:
    tools = desk.tools_for(everybody(APPLIED))
    desk.work_off(tools)
    hand_over(tools)
    settle(tools)


def status(desk: Desk) -> str:
    return str(desk.one("SELECT CAST(status AS text) FROM requests ORDER BY id DESC LIMIT 1"))


def test_what_goes_there_is_a_task_and_nothing_is_queued_or_sent(shop: Desk) -> None:
    request_id = shop.submit(people(3)).recorded.public_id

    assert shop.woken == ["insider"], "nobody is woken for a recipient without an API"
    with shop.engine.begin() as connection:
        assert due.find(connection).vendors == {"insider"}
    work_off(shop)

    assert {outcome for (vendor, _), outcome in shop.outcomes().items() if vendor == "printshop"} == {
        ("needs_action", "manual", 1)
    }
    assert {vendor for vendor, _ in shop.queued} <= {"insider"}
    assert status(shop) == "completed_with_exceptions"
    shop.assert_tallies_add_up()
    told = json.loads(consent("status", str(request_id), "--json").stdout)
    assert told["vendors"]["printshop"] == {"pending": 0, "needs_action": 3}
    assert told["unserved"] == []
    assert "printshop:" not in consent("status", str(request_id)).stdout


def test_a_task_is_listed_until_when_and_done_with_a_note(shop: Desk) -> None:
    request_id = str(shop.submit(people(3)).recorded.public_id)
    work_off(shop)

    listed = json.loads(consent("manual", "list", "--json").stdout)
    (task,) = listed["tasks"]
    assert (task["recipient"], task["title"], task["deliveries"]) == ("printshop", "Muster Print GmbH", 3)
    received, at = shop.rows("SELECT received_at, received_at + interval '5 days' FROM requests")[0]
    assert task["due_at"] == at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert "Muster Print GmbH" in consent("manual", "list").stdout
    assert "consent manual export" in consent("attention").stdout.replace("\n", " ")

    one = consent("manual", "close", request_id, "--line", "2", "--because", "confirmed by letter of 12 May", "--json")
    assert json.loads(one.stdout) == {"recipient": "printshop", "deliveries": 1}
    assert status(shop) == "completed_with_exceptions"
    rest = consent("manual", "close", request_id, "--because", "confirmed by letter of 13 May")
    assert rest.stdout == "2 deliveries noted as done by printshop\n"

    assert status(shop) == "completed"
    shop.assert_tallies_add_up()
    latest = shop.rows("SELECT DISTINCT CAST(outcome AS text), reason FROM outcomes WHERE round = 2")
    assert latest == [("accepted", "done_by_hand")]
    assert shop.rows("SELECT deed, reason FROM notes ORDER BY id") == [
        ("close", "confirmed by letter of 12 May"),
        ("close", "confirmed by letter of 13 May"),
    ]
    assert consent("manual", "list").stdout == "nothing is to be asked for by hand\n"
    assert consent("manual", "close", request_id, "--because", "again").exit_code == 2
    with shop.engine.connect() as connection:
        facts = facts_of(connection, UUID(request_id), deeds=False)
    assert facts is not None
    assert "Muster Print GmbH" in {one.title for one in facts.recipients}
    done = [row["done"] for row in csv.DictReader(consent("export", request_id).stdout.splitlines())]
    assert "The recipient was asked by hand, and a person has noted that it was done." in done
    assert received + timedelta(days=5) == at


def test_the_list_for_a_recipient_has_its_people_and_who_took_it_is_on_record(
    shop: Desk, masters: MasterKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.manual.master_keys", lambda _: masters)
    request_id = str(shop.submit([*people(2), {"user_id": "=1+1"}]).recorded.public_id)
    work_off(shop)
    out = tmp_path / "list.csv"

    told = consent("manual", "export", "printshop", "--out", str(out))

    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert (told.exit_code, told.stdout) == (0, "")
    assert [(row["line"], row["email"], row["user_id"]) for row in rows] == [
        ("1", "jane-00001@private.example", "jane-00001"),
        ("2", "jane-00002@private.example", "jane-00002"),
        ("3", "", "'=1+1"),
    ]
    assert {(row["request_id"], row["kind"]) for row in rows} == {(request_id, "erasure")}
    assert all(row["received"] < row["due"] for row in rows)
    assert out.stat().st_mode & 0o777 == 0o600
    assert "jane" not in told.output
    assert shop.one("SELECT target FROM audit_entries WHERE deed = 'manual export'") == "printshop"
    assert consent("manual", "export", "printshop", "--out", str(out)).exit_code == 2, "never written over"
    assert consent("manual", "export", "insider", "--out", "-").exit_code == 2
    assert consent("manual", "export", "printshop", "--request", request_id, "--out", "-").stdout.count("\n") == 4


def test_a_request_whose_master_key_was_given_up_does_not_keep_the_others_from_the_list(
    shop: Desk, masters: MasterKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.manual.master_keys", lambda _: masters)
    shop.submit(people(2), vendors=("printshop",))
    work_off(shop)
    give_up_master_key(shop.execute)
    readable = shop.submit(people(1), vendors=("printshop",)).recorded.public_id
    work_off(shop)

    told = consent("manual", "export", "printshop", "--out", "-")

    assert told.exit_code == 0, told.output
    assert [row["request_id"] for row in csv.DictReader(told.stdout.splitlines())] == [str(readable)]


def test_who_is_not_known_there_is_unreachable_and_a_newer_wish_counts(shop: Desk) -> None:
    with shop.engine.begin() as connection:
        announce(connection, {"agency": AGENCY})
    shop.submit([{"user_id": "u-1"}], vendors=("agency",))
    shop.submit(people(1), kind=Kind.OPT_IN, vendors=("printshop",))
    shop.submit(people(1), kind=Kind.ERASURE, vendors=("printshop",))
    work_off(shop)
    shop.make_everything_due()  # of two wishes under way at once, the second is compared again
    work_off(shop)

    found = shop.rows("""
        SELECT name, CAST(kind AS text), CAST(outcome AS text), outcomes.reason FROM outcomes
        JOIN vendors ON vendors.id = vendor_id JOIN requests ON requests.id = request_id ORDER BY requests.id""")
    assert found[0] == ("agency", "erasure", "unreachable", "no_identifier")
    assert found[1][2] == "superseded", "an opt-in gives way to a withdrawal"
    assert found[2] == ("printshop", "erasure", "needs_action", "manual")


def test_all_requests_are_closed_together_and_a_retry_leaves_tasks_alone(shop: Desk) -> None:
    ids = [str(shop.submit(people(2)[n : n + 1], vendors=("printshop",)).recorded.public_id) for n in range(2)]
    work_off(shop)

    assert json.loads(consent("retry", ids[0], "--json").stdout)["deliveries"] == 0
    told = consent("close", "--vendor", "printshop", "--reason", "manual", "--because", "list of May, case 7")

    assert told.exit_code == 0, told.output
    assert told.stdout.startswith("2 deliveries of 2 requests")
    assert {row[0] for row in shop.rows("SELECT CAST(status AS text) FROM requests")} == {"completed"}
    assert {outcome[1] for outcome in shop.outcomes().values()} <= {"manual", "done_by_hand"}


def test_what_is_closed_for_no_named_reason_was_not_done(shop: Desk) -> None:
    request_id = shop.submit(people(1), vendors=("printshop",)).recorded.public_id
    work_off(shop)

    assert consent("close", str(request_id), "--vendor", "printshop", "--because", "withdrawn").exit_code == 0

    assert shop.rows("SELECT CAST(outcome AS text), reason FROM outcomes WHERE round = 2") == [
        ("cancelled", "closed_by_hand")
    ]


def test_a_request_cancelled_before_it_was_handed_over_is_no_task(shop: Desk) -> None:
    request_id = shop.submit(people(1), vendors=("printshop",)).recorded.public_id

    assert consent("cancel", str(request_id)).exit_code == 0
    work_off(shop)

    assert json.loads(consent("manual", "list", "--json").stdout)["tasks"] == []
    assert {outcome[0] for outcome in shop.outcomes().values()} <= {"cancelled"}


def test_the_workers_housekeeping_hands_over(shop: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """No message, queue or dispatch of the recipient's own is needed."""
    worker = importlib.import_module("worker.app")
    tools = shop.tools_for(everybody(APPLIED))
    monkeypatch.setattr(worker, "_runtime", SimpleNamespace(tools=tools))
    shop.submit(people(1), vendors=("printshop",))

    worker.settle_requests()

    assert [outcome[:2] for outcome in shop.outcomes().values()] == [("needs_action", "manual")]
    assert status(shop) == "completed_with_exceptions"
