"""`consent audit verify`, `consent audit export` and `consent signing-key`, against a real PostgreSQL."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from config.settings import Settings
from config.signing import keep_signing_key, newest_signing_key
from evidence.timestamps import check
from ledger.sealing import MasterKeys
from tasks.log import LogKeeper, keep_log
from tasks.timestamps import Stamping, stamp
from tests.ledger.cli.test_commands import people, settle, stack, submitted
from tests.ledger.command_line import consent
from tests.timestamping import Authority

__all__ = ["people", "stack"]


def keep(engine: Engine) -> int:
    """As a worker does."""
    settings = Settings.load()
    assert settings.master_keys is not None
    masters = MasterKeys.parse(settings.master_keys.get_secret_value())
    return keep_log(LogKeeper(engine, masters, lambda: newest_signing_key(settings)))


@pytest.fixture
def kept(stack: Engine, people: str) -> Engine:
    """A stack with a signing key, and a request that has closed."""
    keep_signing_key(Settings.load())
    settle(stack, submitted(people))
    keep(stack)
    return stack


def verified(*args: str) -> tuple[int, dict[str, Any]]:
    result = consent("audit", "verify", *args, "--json")
    return result.exit_code, json.loads(result.stdout)


def test_a_log_holds_until_somebody_changes_something(kept: Engine, tmp_path: Path) -> None:
    code, found = verified()
    assert (code, found["holds"], found["faults"]) == (0, True, [])
    assert found["entries"] == found["signed_entries"] > 3
    with kept.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("UPDATE outcomes SET outcome = 'verified' WHERE line = 2"))
    code, found = verified()
    assert (code, found["holds"]) == (1, False)
    assert "are not those that were hashed" in found["faults"][0]
    result = consent("audit", "verify")
    assert result.exit_code == 1
    assert result.stdout.startswith("FAULT  ")


def test_a_copy_is_kept_up_and_compared(kept: Engine, people: str, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    assert consent("audit", "export", str(folder)).exit_code == 0
    first = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    size = int((folder / "checkpoint").read_text().split("\n")[1])
    assert first == {"checkpoint", "keys", f"tile/0/000.p/{size}", f"tile/entries/000.p/{size}"}
    submitted(people)
    keep(kept)
    assert verified("--against", str(folder))[0] == 0
    assert consent("audit", "export", str(folder)).exit_code == 0
    assert verified("--against", str(folder)) == (0, verified()[1])
    bundle = max((folder / "tile/entries/000.p").iterdir(), key=lambda path: int(path.name))
    bundle.write_bytes(bundle.read_bytes()[:-1] + b"X")
    code, found = verified("--against", str(folder))
    assert (code, "are not those that were signed" in found["faults"][0]) == (1, True)


def test_time_stamps_are_verified_and_exported(kept: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority()
    assert verified()[1]["timestamps"] == 0
    assert stamp(kept, Stamping(authority.answer))
    result = consent("audit", "verify")
    assert (result.exit_code, "1 time stamp," in result.stdout) == (0, True)
    assert "CONSENT_TIMESTAMP_CA" in result.stderr
    roots = tmp_path / "roots.pem"
    for pem, holds in ((authority.pem, True), (Authority().pem, False)):
        roots.write_bytes(pem)
        monkeypatch.setenv("CONSENT_TIMESTAMP_CA", str(roots))
        assert verified()[1]["holds"] is holds
    monkeypatch.delenv("CONSENT_TIMESTAMP_CA")
    folder = tmp_path / "copy"
    assert consent("audit", "export", str(folder)).exit_code == 0
    (answer,) = (folder / "timestamps").glob("*.tsr")
    check(answer.read_bytes(), answer.with_suffix("").read_bytes(), authority.roots)


def test_a_copy_of_another_history_is_not_written_over(kept: Engine, people: str, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    consent("audit", "export", str(folder))
    before = (folder / "checkpoint").read_bytes()
    with kept.begin() as connection:  # as somebody who has the key, and may do everything
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.exec_driver_sql("DELETE FROM log_entries; DELETE FROM log_checkpoints; DELETE FROM log_head")
    for _ in range(5):
        submitted(people)
    keep(kept)
    code, found = verified("--against", str(folder))
    assert code == 1
    assert any("other copy" in fault for fault in found["faults"]), found["faults"]
    result = consent("audit", "export", str(folder))
    assert (result.exit_code, "another history" in result.stderr) == (1, True)
    assert (folder / "checkpoint").read_bytes() == before


def test_the_key_changes_and_old_ones_stay_listed(kept: Engine) -> None:
    def listed() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(consent("signing-key", "list", "--json").stdout)["keys"]
        return found

    (old,) = listed()
    result = consent("signing-key", "new")
    assert result.exit_code == 0, result.output
    keep(kept)
    new, still = listed()
    assert (still["fingerprint"], still["signs"]) == (old["fingerprint"], False)
    assert (new["fingerprint"], new["signs"]) == (result.stdout.strip(), True)
    assert verified()[0] == 0


def test_keys_of_the_settings_are_left_to_their_owner(kept: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = consent("signing-key", "new")
    monkeypatch.setenv("CONSENT_SIGNING_KEYS", "ab" * 32)
    printed = consent("signing-key", "new")
    assert (printed.exit_code, len(printed.stdout.strip())) == (0, 44)
    assert "CONSENT_SIGNING_KEYS" in printed.stderr
    assert "CONSENT_SIGNING_KEYS" not in fresh.stderr
    code, found = verified()  # signed with the one in the folder, which is not ours any more
    assert (code, "not ours" in found["faults"][-1]) == (1, True)
    monkeypatch.setenv("CONSENT_SIGNING_KEYS", "ab")
    assert "signing key 1" in consent("audit", "verify").stderr


def test_before_anything_is_signed_verify_says_so(stack: Engine, people: str) -> None:
    submitted(people)
    keep(stack)
    result = consent("audit", "verify")
    assert result.exit_code == 0
    assert "nothing is signed yet" in result.stderr
    assert consent("audit", "export", "nowhere").exit_code == 2


if sys.version_info >= (3, 12):  # which this one needs
    import aics_tlog

    def test_another_implementation_reads_a_copy(kept: Engine, tmp_path: Path) -> None:
        folder = tmp_path / "copy"
        consent("audit", "export", str(folder))
        key = aics_tlog.parse_vkey((folder / "keys").read_text().split()[0])
        signed = aics_tlog.parse_note((folder / "checkpoint").read_text())
        assert aics_tlog.verify_checkpoint(signed, key, [], quorum=0).ok
        stands = aics_tlog.parse_checkpoint(signed.text)
        reader = aics_tlog.FileSystemTileReader(folder)
        aics_tlog.audit_tiles(reader, stands.size, stands.root)
