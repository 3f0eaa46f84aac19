"""The command line against a real PostgreSQL and Redis, without workers: deliveries are settled by hand here."""

import csv
import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine, text

from cli import watch
from domain.emails import NO_EMAIL
from domain.outcomes import Outcome
from ledger.delivery.vendors import announce
from ledger.notices.webhooks import announce_webhooks
from ledger.requests.closing import close_settled
from ledger.sealing import generate_master_key
from tests.ledger.command_line import consent

MAIN = [sys.executable, "-c", "from cli.commands import run; run()"]
VENDORS = {"algonomy": 100, "dfinery": 2, "insider": 5_000}
PEOPLE = '{"user_id": "u-1"}\n{"user_id": "u-2", "email": "bob@example.org"}\n{"user_id": "u-1"}\n{"user_id": "u-3"}\n'


@pytest.fixture
def stack(engine: Engine, environment: dict[str, str]) -> Engine:
    """A stack whose workers have announced three vendors, found by the environment."""
    with engine.begin() as connection:
        announce(connection, VENDORS)
    return engine


@pytest.fixture
def people(tmp_path: Path) -> str:
    path = tmp_path / "people.ndjson"
    path.write_text(PEOPLE)
    return str(path)


def submitted(file: str, *args: str) -> str:
    result = consent("submit", file, "--kind", "erasure", *args)
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608 - a table of ours


def settle(engine: Engine, request_id: str, outcome: Outcome = Outcome.ACCEPTED) -> None:
    """End every delivery of a request, and close it."""
    with engine.begin() as connection:
        names = {"id": request_id, "outcome": outcome.value}
        for statement in (
            """INSERT INTO outcomes (request_id, vendor_id, line, round, attempts, outcome)
               SELECT requests.id, vendor_id, line, 1, 1, CAST(:outcome AS outcome)
               FROM requests, unnest(vendor_ids) AS vendor_id, subjects
               WHERE public_id = :id AND subjects.request_id = requests.id""",
            """INSERT INTO tallies SELECT request_id, vendor_id, outcome, count(*) FROM outcomes
               GROUP BY request_id, vendor_id, outcome""",
            "UPDATE chunks SET state = 'closed'",
        ):
            connection.execute(text(statement), names)
        close_settled(connection)


def test_a_submitted_file_is_on_record(stack: Engine, people: str) -> None:
    request_id = submitted(people)

    status = json.loads(consent("status", request_id, "--json").stdout)
    received, due, *others = (
        datetime.fromisoformat(status.pop(name))
        for name in ("received_at", "due_at", "asked_at", "effective_at", "not_before")
    )
    assert status.pop("submitted_by").startswith("cli:")
    assert status == {
        "request_id": request_id,
        "kind": "erasure",
        "status": "running",
        "subjects": 3,
        "duplicates": 1,
        "regulation": "gdpr",
        "at_risk": False,
        "due_reason": None,
        "confirmed_by": None,
        "vendors": {vendor: {"pending": 3} for vendor in VENDORS},
        "missing_identifiers": {},
        "held": {},
        "failing": {},
        "unserved": list(VENDORS),
        "reference": None,
    }
    assert others == [received, received, received]
    assert received.utcoffset() == timedelta(0)
    assert timedelta(27) < due - received < timedelta(32)
    assert count(stack, "subjects") == 3


def test_standard_input_is_a_file_too(stack: Engine) -> None:
    as_json = consent("submit", "-", "--kind", "opt_out", "--json", "--vendors", "insider", stdin="user_id\nu\nu\n")

    answer = json.loads(as_json.stdout)
    assert [answer.pop(name) for name in ("subjects", "duplicates", "repeated", "unconfirmed")] == [1, 1, False, False]
    status = json.loads(consent("status", answer["request_id"], "--json").stdout)
    assert (status["kind"], status["vendors"]) == ("opt_out", {"insider": {"pending": 1}})


def test_submitting_again_under_one_key_changes_nothing(stack: Engine, people: str) -> None:
    first = submitted(people, "--idempotency-key", "k-1")
    again = consent("submit", people, "--kind", "erasure", "--idempotency-key", "k-1", "--json")
    other = consent("submit", people, "--kind", "opt_in", "--idempotency-key", "k-1")

    answer = json.loads(again.stdout)
    assert answer.pop("unconfirmed") is False
    assert answer == {"request_id": first, "subjects": 3, "duplicates": 1, "repeated": True, "unreachable": {}}
    assert (other.exit_code, other.stdout) == (2, "")
    assert count(stack, "requests") == 1


def test_a_request_is_due_by_when_it_was_asked_and_its_regulation(
    stack: Engine, people: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def due(request_id: str) -> tuple[str, ...]:
        status = json.loads(consent("status", request_id, "--json").stdout)
        return tuple(status[name] for name in ("regulation", "asked_at", "effective_at", "due_at"))

    asked = ("--asked-at", "2026-10-31T23:30:00+09:00")
    assert due(submitted(people, *asked)) == ("gdpr", *["2026-10-31T14:30:00.000Z"] * 2, "2026-11-30T14:30:00.000Z")
    assert due(submitted(people, *asked, "--regulation", "lgpd"))[3] == "2026-11-15T14:30:00.000Z"
    monkeypatch.setenv("CONSENT_REGULATION", "pipa")
    assert due(submitted(people, *asked))[3] == "2026-11-10T14:30:00.000Z"
    monkeypatch.setenv("CONSENT_DEADLINES", '{"pipa": {"erasure": {"due": "5 working days"}}}')
    assert due(submitted(people, *asked))[3] == "2026-11-06T14:30:00.000Z"
    csv_ = "user_id,asked_at\nu-1,2026-10-09T00:00:00Z\nu-2,2026-10-05T00:00:00Z\n"
    told = consent("submit", "-", "--kind", "opt_in", stdin=csv_).stdout.strip()
    assert due(told) == ("pipa", *["2026-10-05T00:00:00.000Z"] * 2, "2026-10-15T00:00:00.000Z")


def test_no_such_regulation_and_no_such_moment(stack: Engine, people: str, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = consent("submit", people, "--kind", "erasure", "--regulation", "hipaa")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "'--regulation': it is one of gdpr, uk_gdpr" in refused.stderr
    for moment in ("yesterday", "2026-05-25T00:00:00", "", "2999-01-01T00:00:00Z"):
        assert consent("submit", people, "--kind", "erasure", "--asked-at", moment).exit_code == 2
    lines = (
        "user_id,asked_at\nu-1,2026-10-09T00:00:00Z\nu-2,9/10/2026\nu-3,2999-01-01T00:00:00Z\n,2026-10-09T00:00:00Z\n"
    )
    refused = consent("submit", "-", "--kind", "erasure", stdin=lines)
    assert refused.stderr.splitlines()[:3] == [
        "line 3: asked_at must be a moment in ISO 8601 with its time zone, as in 2026-05-25T00:00:00Z, or a day, as in "
        "2026-05-25",
        "line 4: asked_at is in the future: give the moment when it was asked for",
        "line 5: has no identifier: give user_id, email, phone_number or a vendor's own",
    ]
    assert count(stack, "requests") == 0
    for name, value in (("REGULATION", "hipaa"), ("DEADLINES", '{"gdpr": {"erasure": {"due": "soon"}}}')):
        with monkeypatch.context() as changed:
            changed.setenv(f"CONSENT_{name}", value)
            told = consent("submit", people, "--kind", "erasure")
            assert (told.exit_code, f"CONSENT_{name}" in told.stderr) == (2, True)


def test_bad_input_leaves_nothing_behind(stack: Engine) -> None:
    lines = [f'{{"user_id": "u-{number}"}}' for number in range(5_000)]
    for number in range(2_000, 2_025):
        lines[number] = '{"email": "bob-at-example.org"}'

    result = consent("submit", "-", "--kind", "erasure", stdin="\n".join(lines))

    assert (result.exit_code, result.stdout) == (2, "")
    said = result.stderr.splitlines()
    assert said[0] == f"line 2001: email {NO_EMAIL}"
    assert said[20:] == ["and 5 more", "nothing was recorded"]
    assert "bob" not in result.stderr
    assert all(count(stack, table) == 0 for table in ("requests", "subjects", "chunks"))


@pytest.mark.parametrize("args", [["--vendors", "insider,acme"], ["--vendors", "akinon"]])
def test_unknown_vendors_name_the_known_ones(stack: Engine, people: str, args: list[str]) -> None:
    result = consent("submit", people, "--kind", "erasure", *args)

    assert (result.exit_code, result.stdout) == (2, "")
    assert "algonomy, dfinery, insider" in result.stderr


def test_options_are_recorded_or_refused(stack: Engine, people: str, tmp_path: Path) -> None:
    options = tmp_path / "options.json"
    options.write_text('{"insider": {"whole": ["city"]}}')
    submitted(people, "--options", str(options))
    options.write_text('{"insider": {"holes": ["city"]}}')

    result = consent("submit", people, "--kind", "erasure", "--options", str(options))

    assert result.exit_code == 2
    assert "options.insider.holes" in result.stderr
    assert count(stack, "requests") == 1


def test_other_master_keys_than_the_ledgers_are_refused(
    stack: Engine, people: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted(people)
    monkeypatch.setenv("CONSENT_MASTER_KEYS", generate_master_key())

    result = consent("submit", people, "--kind", "erasure")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "CONSENT_MASTER_KEYS" in result.stderr


def test_without_redis_the_request_is_recorded_all_the_same(
    stack: Engine, people: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONSENT_REDIS_URL", "redis://:hunter2@127.0.0.1:1/0")

    result = consent("submit", people, "--kind", "erasure")

    assert result.exit_code == 0
    assert "Redis at 127.0.0.1:1 " in result.stderr
    assert "hunter2" not in result.output
    assert consent("status", result.stdout.strip()).exit_code == 0


@pytest.mark.parametrize("request_id", ["123e4567-e89b-42d3-a456-426614174000", "bob@example.org", ""])
@pytest.mark.parametrize("command", ["status", "watch", "export"])
def test_a_request_nobody_knows(stack: Engine, command: str, request_id: str) -> None:
    result = consent(command, request_id)

    assert (result.exit_code, result.stdout) == (2, "")
    assert "no request" in result.stderr
    assert "bob" not in result.stderr


def test_a_ledger_without_tables_says_what_to_do(stack: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c search_path=nowhere")

    result = consent("status", "123e4567-e89b-42d3-a456-426614174000")
    doctor = consent("doctor")

    assert result.exit_code == doctor.exit_code == 3
    assert "consent migrate" in result.stderr
    assert "consent migrate" in doctor.stdout


def test_migrate_twice(stack: Engine) -> None:
    assert consent("migrate").exit_code == 0
    assert consent("migrate").exit_code == 0
    assert "reachable and migrated" in consent("doctor").stdout


def test_tables_for_people(stack: Engine, people: str) -> None:
    request_id = submitted(people)
    settle(stack, request_id, Outcome.REFUSED)

    said = consent("status", request_id).stdout

    assert "completed_with_exceptions" in said
    assert [line.split() for line in said.splitlines() if "insider" in line] == [["insider", "0", "3"]]


def test_what_is_past_its_retention_is_told_in_numbers_only(stack: Engine, people: str) -> None:
    request_id = submitted(people)
    settle(stack, request_id)
    with stack.begin() as connection:
        connection.execute(text("UPDATE volumes SET dropped_at = now() WHERE id = 1"))

    export = consent("export", request_id)

    assert (export.exit_code, export.stdout) == (2, "")
    assert "past their retention" in export.stderr
    assert json.loads(consent("status", request_id, "--json").stdout)["vendors"]["insider"]["accepted"] == 3


def test_exports_say_the_same_in_both_forms(stack: Engine, people: str) -> None:
    request_id = submitted(people, "--vendors", "insider,dfinery")
    pending = consent("export", request_id).stdout
    settle(stack, request_id)

    rows = list(csv.DictReader(io.StringIO(consent("export", request_id).stdout)))
    records = [json.loads(line) for line in consent("export", request_id, "--format", "ndjson").stdout.splitlines()]

    assert pending.splitlines()[:2] == [
        "line,file_line,vendor,outcome,reason,attempts,settled_at,done,superseded_by",
        "1,1,dfinery,pending,,0,,,",
    ]
    assert [(row["line"], row["vendor"]) for row in rows] == [(n, v) for v in ("dfinery", "insider") for n in "124"]
    assert [{key: str(value or "") for key, value in record.items()} for record in records] == rows
    assert all(row["settled_at"].endswith("Z") and datetime.fromisoformat(row["settled_at"]) for row in rows)
    said = {row["vendor"]: row["done"] for row in rows}
    assert "cannot be read back" in said["insider"]
    assert "other profiles of the person" in said["insider"]
    assert "has not been read back" in said["dfinery"]


@pytest.fixture
def once_looked_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Does something once somebody who watches has looked, while they wait to look again."""

    def do(work: Callable[[], None]) -> None:
        monkeypatch.setattr(watch, "time", SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: work()))

    return do


@pytest.mark.parametrize(
    ("outcome", "ending"),
    [(Outcome.ACCEPTED, 0), (Outcome.NOT_APPLICABLE, 0), (Outcome.EXHAUSTED, 1), (Outcome.UNREACHABLE, 1)],
)
def test_watch_ends_with_the_request(
    stack: Engine, people: str, once_looked_at: Callable[..., None], outcome: Outcome, ending: int
) -> None:
    request_id = submitted(people)
    once_looked_at(lambda: settle(stack, request_id, outcome))

    result = consent("watch", request_id)

    assert result.exit_code == ending
    said = [line.split(maxsplit=1)[1] for line in result.stdout.splitlines()]
    assert said[0] == "algonomy 0 of 3 settled"
    assert said[-1] == ("completed" if ending == 0 else "completed_with_exceptions")
    assert ("3 need attention" in said[-2]) == bool(ending)


def test_submit_can_wait(stack: Engine, people: str, once_looked_at: Callable[..., None]) -> None:
    def settle_all() -> None:
        with stack.connect() as connection:
            found = connection.execute(text("SELECT public_id FROM requests")).scalars().all()
        for request_id in found:
            settle(stack, str(request_id), Outcome.REFUSED)

    once_looked_at(settle_all)
    result = consent("submit", people, "--kind", "erasure", "--wait", "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout)["subjects"] == 3
    assert "completed_with_exceptions" in result.stderr


def test_vendors_are_held_and_resumed_by_hand(stack: Engine, people: str) -> None:
    request_id = submitted(people)
    assert consent("vendor", "hold", "insider").exit_code == 0
    held = consent("vendor", "list").stdout
    with stack.connect() as connection:
        by = connection.execute(text("SELECT held_by FROM vendors WHERE name = 'insider'")).scalar_one()
    assert consent("vendor", "resume", "insider").exit_code == 0
    resumed = consent("vendor", "list").stdout

    assert next(line for line in held.splitlines() if "insider" in line).split()[5:] == ["by_hand", by]
    assert by.startswith("cli:")
    assert "by_hand" not in resumed
    assert consent("status", request_id).exit_code == 0


def test_a_vendor_is_switched_off_and_on_by_hand_and_no_start_changes_it(stack: Engine, people: str) -> None:
    def to(*args: str) -> set[str]:
        return set(json.loads(consent("status", submitted(people, *args), "--json").stdout)["vendors"])

    with stack.begin() as connection:
        announce(connection, {"insider": 5_000})  # a worker without the credentials of the two others
    assert to() == set(VENDORS)
    assert consent("vendor", "off", "dfinery").exit_code == 0
    with stack.begin() as connection:
        announce(connection, VENDORS)
    assert to() == {"algonomy", "insider"}
    assert consent("submit", people, "--kind", "erasure", "--vendors", "dfinery").exit_code == 2
    listed = consent("vendor", "list")
    assert "off by cli:" in next(line for line in listed.stdout.splitlines() if "dfinery" in line)
    assert [line.split(":")[0] for line in listed.stderr.splitlines()] == ["algonomy", "insider"], "nobody serves them"
    assert consent("vendor", "on", "dfinery").exit_code == 0
    assert to() == set(VENDORS)


def test_doctor_says_where_its_settings_and_the_ledger_differ(stack: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENT_INSIDER__PARTNER_NAME", "us")
    monkeypatch.setenv("CONSENT_INSIDER__REQUEST_TOKEN", "hunter2")
    monkeypatch.setenv("CONSENT_INSIDER__BASE_URL", "http://127.0.0.1:1")
    with stack.begin() as connection:
        announce_webhooks(connection, {"crm": "crm.example"})
        connection.execute(text("UPDATE vendors SET served_at = now() WHERE name = 'algonomy'"))
    assert consent("vendor", "off", "insider").exit_code == 0

    examined = consent("doctor")

    said = {line.split()[0]: line for line in examined.stdout.splitlines() if "insider" not in line}
    assert examined.exit_code == 1
    assert "ok     on, without credentials here, and other workers serve it" in said["algonomy"]
    assert "FAULT  on, without credentials here, and nobody serves it" in said["dfinery"]
    assert "FAULT  crm is on, and has no address here" in said["webhooks"]
    assert "insider    ok     set up here and switched off: `consent vendor on insider`" in examined.stdout


def test_doctor_without_credentials_finds_fault_only_where_nobody_has_any(stack: Engine) -> None:
    def vendors() -> str:
        found = [line for line in consent("doctor").stdout.splitlines() if line.startswith("vendors")]
        return " ".join(found[0].split())

    assert vendors().startswith("vendors FAULT none is switched on here: set CONSENT_<VENDOR>__BASE_URL")
    with stack.begin() as connection:
        connection.execute(text("UPDATE vendors SET served_at = now()"))
    assert vendors() == f"vendors ok none has its credentials here; workers serve {len(VENDORS)}"


def test_a_retired_vendor_lets_its_requests_close(stack: Engine, people: str) -> None:
    request_id = submitted(people, "--vendors", "dfinery")
    for no_reason in ("", "jane@private.example"):
        assert consent("vendor", "retire", "dfinery", "--because", no_reason).exit_code == 2
    assert consent("vendor", "retire", "dfinery").exit_code == 2
    retired = consent("vendor", "retire", "dfinery", "--because", "the contract has ended")
    assert (retired.exit_code, retired.stdout.split(":")[0]) == (0, "dfinery is retired")
    status = json.loads(consent("status", request_id, "--json").stdout)
    assert (status["status"], status["vendors"]) == ("completed", {"dfinery": {"pending": 0, "cancelled": 3}})
    rows = list(csv.DictReader(io.StringIO(consent("export", request_id).stdout)))
    assert {(row["outcome"], row["reason"]) for row in rows} == {("cancelled", "vendor_retired")}
    assert "retired by cli:" in consent("vendor", "list").stdout


def test_a_status_says_where_nobody_serves_a_vendor(stack: Engine, people: str) -> None:
    request_id = submitted(people, "--vendors", "dfinery,insider")
    with stack.begin() as connection:
        connection.execute(text("UPDATE vendors SET served_at = now() WHERE name = 'insider'"))
    shown = consent("status", request_id)
    assert [line.split(":")[0] for line in shown.stderr.splitlines()] == ["dfinery"]
    settle(stack, request_id)
    assert consent("status", request_id).stderr == ""


@pytest.mark.parametrize(
    "command", [("hold",), ("resume",), ("on",), ("off",), ("retire", "--because", "gone")], ids=lambda args: args[0]
)
def test_vendors_nobody_knows(stack: Engine, command: tuple[str, ...]) -> None:
    result = consent("vendor", *command, "acme")

    assert result.exit_code == 2
    assert "algonomy, dfinery, insider" in result.stderr


def start(*args: str, **kwargs: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*MAIN, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kwargs)


@pytest.fixture
def half_submitted(stack: Engine) -> Iterator[tuple[subprocess.Popen[bytes], Callable[[], bytes]]]:
    """A `submit` that has written people to the ledger and waits for more; call for the end of its input and its
    messages."""
    process = start("submit", "-", "--kind", "erasure", stdin=subprocess.PIPE)
    assert process.stdin is not None
    for number in range(20_000):
        process.stdin.write(b'{"user_id": "u-%d"}\n' % number)
    process.stdin.flush()
    deadline = time.monotonic() + 120
    while not backends(stack) and time.monotonic() < deadline:
        time.sleep(0.05)

    def rest() -> bytes:
        out, messages = process.communicate(timeout=120)
        assert out == b""
        assert b"Traceback" not in messages
        return messages

    yield process, rest
    process.kill()
    process.wait()


COPYING = "FROM pg_stat_activity WHERE query LIKE '%COPY subjects%' AND pid <> pg_backend_pid()"


def backends(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        return list(connection.execute(text(f"SELECT pid {COPYING}")).scalars())


def test_a_database_lost_in_the_middle(
    stack: Engine, half_submitted: tuple[subprocess.Popen[bytes], Callable[[], bytes]]
) -> None:
    process, rest = half_submitted
    with stack.connect() as connection:
        connection.execute(text(f"SELECT pg_terminate_backend(pid) {COPYING}"))

    messages = rest()

    assert process.returncode == 3, messages
    assert messages.startswith(b"cannot use PostgreSQL at "), messages
    assert b"--idempotency-key" in messages
    assert count(stack, "requests") == 0


def test_ctrl_c_in_the_middle(
    stack: Engine, half_submitted: tuple[subprocess.Popen[bytes], Callable[[], bytes]]
) -> None:
    process, rest = half_submitted
    process.send_signal(signal.SIGINT)

    messages = rest()

    assert (process.returncode, messages) == (
        130,
        b"stopped before the end: nothing was recorded, unless `consent list` shows it\n",
    )
    assert count(stack, "requests") == 0


def test_whoever_reads_an_export_may_stop(stack: Engine) -> None:
    request_id = consent(
        "submit", "-", "--kind", "erasure", stdin="user_id\n" + "".join(f"u-{n}\n" for n in range(9_000))
    ).stdout.strip()
    process = start("export", request_id)
    assert process.stdout is not None
    assert process.stderr is not None

    assert process.stdout.readline() == b"line,file_line,vendor,outcome,reason,attempts,settled_at,done,superseded_by\n"
    process.stdout.close()

    assert process.wait(20) == 0
    assert process.stderr.read() == b""
    process.stderr.close()
