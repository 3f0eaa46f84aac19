"""`consent restored`, and what other commands and pages say meanwhile. The restore is made here by taking rows back;
tests/ledger/restoring restores a real backup."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from config.log_copy import copy_folder, make_copy_folder
from config.settings import Settings
from config.signing import keep_signing_key, newest_signing_key, own_public_keys
from ledger.sealing import MasterKeys
from tasks.log import LogKeeper, keep_log
from tasks.log_copy import LogCopy
from tasks.restored import check_at_start
from tests.ledger.cli.test_commands import people, settle, stack, submitted
from tests.ledger.command_line import consent
from tests.table_rows import each_row

__all__ = ["people", "stack"]


def copy() -> LogCopy | None:
    settings = Settings.load()
    return LogCopy.at(copy_folder(settings), lambda: own_public_keys(settings))


def keep(engine: Engine) -> None:
    """As a worker does."""
    settings = Settings.load()
    assert settings.master_keys is not None
    masters = MasterKeys.parse(settings.master_keys.get_secret_value())
    keep_log(LogKeeper(engine, masters, lambda: newest_signing_key(settings), copy=copy()))


def take_back(engine: Engine, request_id: str, entries: int) -> None:
    """As a restored backup has it: the request runs, and the log ends after so many entries."""
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        values = {"id": request_id, "entries": entries}
        for statement in (
            "UPDATE requests SET status = 'running', closed_at = NULL WHERE public_id = :id",
            "DELETE FROM log_entries WHERE index >= :entries",
            "DELETE FROM log_checkpoints WHERE size > :entries",
            "UPDATE log_head SET size = :entries",
        ):
            connection.execute(text(statement), {name: values[name] for name in values if f":{name}" in statement})


def backed_up(stack: Engine, people: str) -> tuple[str, int]:
    """A request that runs, and how many entries the log has at the moment of the backup."""
    keep_signing_key(Settings.load())
    make_copy_folder(Settings.load())
    request_id = submitted(people)
    keep(stack)
    with stack.connect() as connection:
        return request_id, connection.execute(text("SELECT size FROM log_head")).scalar_one()


@pytest.fixture
def restored(stack: Engine, people: str) -> str:
    """A request that has closed, and whose end the ledger does not know any more."""
    request_id, entries = backed_up(stack, people)
    settle(stack, request_id)
    keep(stack)
    take_back(stack, request_id, entries)
    assert check_at_start(stack, copy()) is not None
    return request_id


def shown(*args: str) -> tuple[int, dict[str, Any]]:
    result = consent("restored", "--json", *args)
    return result.exit_code, json.loads(result.stdout)


def test_it_is_shown_first_and_then_dealt_with(restored: str, stack: Engine) -> None:
    code, found = shown()
    assert (code, found["lifted"], found["complete"]) == (1, False, True)
    assert found["waiting"] == [{"request_id": restored, "since": "completed"}]
    assert json.loads(consent("status", restored, "--json").stdout)["status"] == "running", "it was only shown"
    words = consent("restored").stdout
    assert f"{restored}  completed" in words

    code, found = shown("--because", "the disk broke")
    assert (code, found["lifted"]) == (1, True)
    assert found["vendors_let_go"] == ["algonomy", "dfinery", "insider"]
    status = json.loads(consent("status", restored, "--json").stdout)
    assert (status["status"], status["held"]) == ("unconfirmed", {})
    assert consent("restored", "--because", "again").exit_code == 2
    listed = consent("audit", "--action", "restored", "--json")
    assert listed.exit_code == 0, listed.output
    entry = json.loads(listed.stdout)["entries"][0]
    assert (entry["because"], entry["allowed"]) == ("the disk broke", True)
    assert consent("confirm", restored, "--yes").exit_code == 0


def test_legal_holds_that_are_lost_are_named(stack: Engine, people: str) -> None:
    request_id, entries = backed_up(stack, people)
    assert consent("legal-hold", "add", "--user-id", "u-2", "--reason", "litigation", "--because", "case 12").stdout
    keep(stack)
    take_back(stack, request_id, entries)
    assert check_at_start(stack, copy()) is not None
    shown_first = consent("restored")
    assert (shown_first.exit_code, "  legal hold 1  litigation\n" in shown_first.stdout) == (1, True), (
        shown_first.output
    )
    done = consent("restored", "--because", "the disk broke")
    assert (done.exit_code, "add them again" in done.stdout) == (1, True)


def test_signing_keys_that_cannot_be_read_are_told(restored: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENT_SIGNING_KEYS", "no key")
    refused = consent("restored")
    assert (refused.exit_code, "CONSENT_SIGNING_KEYS" in refused.stderr) == (2, True), refused.output


def refuses(engine: Engine, change: str) -> None:
    with pytest.raises(IntegrityError, match="restores may only be dealt with"), engine.begin() as connection:
        connection.execute(text(change))


@each_row(
    "change",
    [
        "UPDATE restores SET found_at = now()",
        "UPDATE restores SET entries = entries + 1",
        "UPDATE restores SET copy_entries = copy_entries - 1",
        "UPDATE restores SET copy_roots = '{x}', lifted_at = now(), lifted_by = 'x', because = 'y'",
        "UPDATE restores SET copy_roots = '{}', lifted_at = now(), lifted_by = 'x', because = 'y'",
        "UPDATE restores SET copy_roots = copy_roots || copy_roots",
        "DELETE FROM restores",
    ],
)
def test_what_was_found_is_not_changed(restored: str, stack: Engine, change: str) -> None:
    refuses(stack, change)


def test_that_it_was_dealt_with_is_not_taken_back(restored: str, stack: Engine) -> None:
    assert consent("restored", "--because", "the disk broke").exit_code == 1
    refuses(stack, "UPDATE restores SET lifted_at = NULL, lifted_by = NULL, because = NULL")
    refuses(stack, "UPDATE restores SET because = 'something else'")


def test_a_single_vendor_is_not_let_go_meanwhile(restored: str) -> None:
    refused = consent("vendor", "resume", "insider")
    assert (refused.exit_code, "consent restored" in refused.stderr) == (2, True)
    findings = json.loads(consent("doctor", "--json").stdout)["findings"]
    (said,) = [one for one in findings if one["about"] == "restored"]
    assert (said["ok"], "consent restored" in said["do"]) == (False, True)


def test_without_the_copys_entries_everything_that_runs_waits(restored: str, stack: Engine, people: str) -> None:
    folder = copy_folder(Settings.load())
    assert folder is not None
    for bundle in folder.glob("*/tile/entries/**/*"):
        if bundle.is_file():
            bundle.unlink()
    result = consent("restored", "--because", "the disk broke", "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["complete"]) == (1, False)
    assert [one["request_id"] for one in found["waiting"]] == [restored]
    assert "not known" in result.stderr
    assert check_at_start(stack, copy()) is None, "it is dealt with"


def test_an_exported_folder_takes_the_copys_place(stack: Engine, people: str, tmp_path: Path) -> None:
    keep_signing_key(Settings.load())
    request_id = submitted(people)
    keep(stack)
    with stack.connect() as connection:
        entries = connection.execute(text("SELECT size FROM log_head")).scalar_one()
    settle(stack, request_id)
    keep(stack)
    assert consent("audit", "export", str(tmp_path / "elsewhere")).exit_code == 0
    take_back(stack, request_id, entries)
    assert consent("restored").exit_code == 2, "nothing here knows of it"
    code, found = shown("--copy", str(tmp_path / "elsewhere"), "--because", "the disk broke")
    assert (code, found["waiting"]) == (1, [{"request_id": request_id, "since": "completed"}])


def test_a_copy_that_nobody_keeps_up_is_a_fault(stack: Engine, people: str) -> None:
    keep_signing_key(Settings.load())
    make_copy_folder(Settings.load())
    submitted(people)
    keep(stack)

    def said() -> tuple[bool, str]:
        findings = json.loads(consent("doctor", "--json").stdout)["findings"]
        (one,) = [one for one in findings if one["about"] == "log copy"]
        return one["ok"], one["says"]

    ok, says = said()
    assert (ok, says.partition(" ")[0]) == (True, says.split(" ")[3])
    folder = copy_folder(Settings.load())
    assert folder is not None
    shutil.rmtree(next(folder.iterdir()))
    assert said()[0] is True, "it may be on its way"
    with stack.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("UPDATE log_checkpoints SET at = at - interval '2 minutes'"))
    ok, says = said()
    assert (ok, says.partition(" ")[0]) == (False, "0")


def test_a_ledger_that_is_not_behind_is_left_alone(stack: Engine, people: str) -> None:
    keep_signing_key(Settings.load())
    make_copy_folder(Settings.load())
    submitted(people)
    keep(stack)
    assert check_at_start(stack, copy()) is None
    submitted(people)
    keep(stack)
    assert check_at_start(stack, copy()) is None
    assert consent("restored", "--because", "it was not").exit_code == 2
