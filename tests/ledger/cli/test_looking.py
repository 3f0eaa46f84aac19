"""What a privacy team looks at: lists, held vendors, parts of an export, a wait that ends. One person, one request."""

import csv
import io
import json
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from domain.outcomes import Outcome
from ledger.delivery import vendors
from ledger.delivery.vendors import announce
from tests.ledger.cli.test_commands import settle
from tests.ledger.command_line import consent


@pytest.fixture
def stack(engine: Engine, environment: dict[str, str]) -> Engine:
    with engine.begin() as connection:
        announce(connection, {"insider": 10, "dfinery": 10})
    return engine


def submitted(kind: str = "erasure", people: int = 1, *more: str) -> str:
    rows = "user_id\n" + "".join(f"u-{n}\n" for n in range(people))
    result = consent("submit", "-", "--kind", kind, *more, stdin=rows)
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def test_requests_are_listed_newest_first_page_by_page(stack: Engine) -> None:
    assert consent("list").stdout == "no such request\n"
    ids = [submitted(kind) for kind in ("erasure", "opt_out")]
    ids.append(submitted("opt_in", 1, "--reference", "DSR 17"))

    table = consent("list").stdout.splitlines()
    first = json.loads(consent("list", "--limit", "2", "--json").stdout)
    second = json.loads(consent("list", "--limit", "2", "--cursor", first["next"], "--json").stdout)

    assert table[1].split() == ["request", "kind", "status", "people", "received", "due", "by"]
    assert [line.split()[0] for line in table[3:6]] == ids[::-1]
    assert [one["request_id"] for one in (*first["requests"], *second["requests"])] == ids[::-1]
    assert second["next"] is None
    assert {*first["requests"][0]} == {
        *("request_id", "kind", "status", "subjects", "duplicates", "received_at", "due_at", "submitted_by")
    }
    for argv, found in (
        (("--kind", "opt_out"), [ids[1]]),
        (("--status", "completed"), []),
        (("--unfinished",), ids[::-1]),
        (("--received-before", "2020-01-01"), []),
        (("--received-from", "2020-01-01T00:00:00Z", "--due-before", "2020-01-01"), []),
        (("--submitted-by", "key:shop"), []),
        (("--reference", "dsr  17"), [ids[2]]),
        (("--reference", "17"), []),
    ):
        assert [one["request_id"] for one in json.loads(consent("list", *argv, "--json").stdout)["requests"]] == found
    assert consent("list", "--cursor", "jane").exit_code == 2


LOOKING = (
    *("status ID", "watch ID --wait-s 0", "export ID", "attention", "list", "report --from 2026-01-01 --to 2026-01-02"),
    *("audit", "vendor list", "webhook list", "keys list", "user list", "manual list", "legal-hold list"),
    *("retention", "fingerprint-key status", "signing-key list", "answer ID --format json"),
)


def test_looking_at_the_ledger_takes_neither_redis_nor_master_keys(
    stack: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    request_id = submitted()
    monkeypatch.setenv("CONSENT_DATA_DIR", str(tmp_path / "none"))
    for name in ("CONSENT_REDIS_URL", "CONSENT_MASTER_KEYS"):
        monkeypatch.delenv(name)
    for command in LOOKING:
        told = consent(*command.replace("ID", request_id).split())
        assert told.exit_code == (124 if command.startswith("watch") else 0), (command, told.output)


def test_a_table_tells_times_to_people_and_json_to_scripts(stack: Engine) -> None:
    argv = ("legal-hold", "add", "--user-id", "u-9", "--reason", "litigation", "--because", "case 7", "--until")
    assert consent(*argv, "2099-01-01T12:00:00Z").exit_code == 0
    assert consent("keys", "create", "shop", "--role", "submitter").exit_code == 0
    assert "2099-01-01 12:00:00 UTC" in consent("legal-hold", "list").stdout
    (hold,) = json.loads(consent("legal-hold", "list", "--json").stdout)["legal_holds"]
    assert hold["until"] == "2099-01-01T12:00:00.000Z"
    (key,) = json.loads(consent("keys", "list", "--json").stdout)["keys"]
    made = key["created_at"]
    assert f"{made[:10]} {made[11:19]} UTC" in consent("keys", "list").stdout


def test_a_held_vendor_is_told_of(stack: Engine) -> None:
    request_id = submitted()
    with stack.begin() as connection:
        vendors.hold(connection, "insider", "cli:ann")

    told, listed = consent("status", request_id), json.loads(consent("vendor", "list", "--json").stdout)["vendors"]

    assert "insider: held, what is pending there waits (by_hand)" in told.stderr
    assert json.loads(consent("status", request_id, "--json").stdout)["held"] == {"insider": "by_hand"}
    assert {one["name"]: one["held_by"] for one in listed} == {"dfinery": None, "insider": "cli:ann"}


def test_an_export_of_what_attention_names(stack: Engine) -> None:
    request_id = submitted("erasure", 2)
    settle(stack, request_id, Outcome.REFUSED)
    with stack.begin() as connection:
        connection.execute(
            text("""INSERT INTO outcomes (request_id, vendor_id, line, round, attempts, outcome, reason)
                SELECT request_id, vendor_id, line, 2, 1, outcome, 'rejected' FROM outcomes WHERE line = 2""")
        )

    def lines(*options: str) -> list[tuple[str, str]]:
        rows = csv.DictReader(io.StringIO(consent("export", request_id, *options).stdout))
        return [(row["vendor"], row["line"]) for row in rows]

    assert lines("--vendor", "insider", "--outcome", "refused", "--reason", "rejected") == [("insider", "2")]
    assert lines("--reason", "rejected") == [("dfinery", "2"), ("insider", "2")]
    assert lines("--outcome", "pending") == []
    assert consent("export", request_id, "--vendor", "acme").exit_code == 2
    assert consent("export", request_id, "--reason", "jane").exit_code == 2


def test_a_wait_ends_and_the_request_goes_on(stack: Engine) -> None:
    rows = "user_id\nu-1\n"
    told = consent("submit", "-", "--kind", "erasure", "--wait-s", "0", "--json", stdin=rows)
    request_id = json.loads(told.stdout)["request_id"]
    watched = consent("watch", request_id, "--wait-s", "0", "--json")

    assert (told.exit_code, watched.exit_code) == (124, 124)
    assert f"it is running still, and goes on: `consent watch {request_id}`" in told.stderr
    assert json.loads(watched.stdout) == {
        "request_id": request_id,
        "status": "running",
        "vendors": {"dfinery": {"pending": 1}, "insider": {"pending": 1}},
        "held": {},
        "failing": {},
    }


def test_ctrl_c_ends_the_watching_and_says_that_the_request_goes_on(
    stack: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    request_id = submitted()
    monkeypatch.setattr("cli.watch.time.sleep", interrupted)

    told = consent("watch", request_id)

    assert told.exit_code == 130
    assert "the request goes on" in told.stderr
    assert "stopped" not in told.stderr


def test_one_person_and_one_delivery_are_not_told_of_in_the_plural(stack: Engine) -> None:
    request_id = submitted("erasure", 1, "--vendors", "insider")
    said = consent("submit", "-", "--kind", "erasure", stdin="user_id\nu-2\nu-2\n").stderr
    said += consent("status", request_id).output
    settle(stack, request_id, Outcome.EXHAUSTED)
    said += consent("watch", request_id).output
    said += consent("retry", "--vendor", "insider", "--dry-run").output
    said += consent("retry", request_id).output
    settled = submitted("opt_out", 1, "--vendors", "insider")
    said += consent("cancel", settled).output
    said += consent("attention").output

    assert "1 person" in said
    assert "1 needs attention" in said
    assert "1 delivery goes out again" in said
    for wrong in ("1 people", "1 need ", "1 deliveries", "1 requests", "1 lines", "1 more wait ", "1 deliveries were"):
        assert wrong not in said
