"""A folder that grows with the log has at every size what one has that is written at once, and no tile twice."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evidence.checkpoint import Checkpoint
from evidence.keys import SigningKey
from evidence.merkle import leaf_hash, root_of
from evidence.tiles import WIDTH
from ledger.evidence.timestamps import Stamped
from tasks import log_folder
from tasks.log_folder import FolderError

KEY = SigningKey(b"k" * 32)
ENTRIES = [b"entry %d" % number for number in range(700)]
SIZES = (1, 3, 255, 256, 257, 511, 512, 700)


def write(folder: Path, size: int, before: int | None = None) -> None:
    levels = [list(map(leaf_hash, ENTRIES[:size]))]
    while len(levels[-1]) >= WIDTH:
        below = levels[-1]
        levels.append([root_of(below[place : place + WIDTH]) for place in range(0, len(below) - WIDTH + 1, WIDTH)])

    def tile(level: int, number: int) -> Sequence[bytes]:
        return levels[level][number * WIDTH : (number + 1) * WIDTH]

    signed = Checkpoint("shop.example/log", size, root_of(levels[0])).signed(KEY)
    log_folder.write(folder, signed, size, tile, lambda first, past: ENTRIES[first:past], before=before)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_that_grows_is_as_one_written_at_once(tmp_path: Path) -> None:
    before = 0
    for size in SIZES:
        write(tmp_path / "grown", size, before)
        log_folder.drop_partial(tmp_path / "grown", size, before)
        write(tmp_path / f"at {size}", size)
        assert files(tmp_path / "grown") == files(tmp_path / f"at {size}")
        assert log_folder.read(tmp_path / "grown", [KEY.public]).size == size
        before = size


def test_what_a_write_that_broke_off_left_is_written_anew(tmp_path: Path) -> None:
    write(tmp_path, 3, 0)
    (tmp_path / "tile/entries/000.p/5").write_bytes(b"of a history that is lost")
    write(tmp_path, 5, 3)
    assert log_folder.read(tmp_path, [KEY.public]).size == 5


def test_a_folder_of_somebody_elses_key_is_refused(tmp_path: Path) -> None:
    write(tmp_path, 3)
    with pytest.raises(FolderError, match="not signed with a key"):
        log_folder.read(tmp_path, [SigningKey(b"o" * 32).public])


def test_a_folder_that_cannot_be_looked_into_is_no_folder_without_a_log(tmp_path: Path) -> None:
    """Else a restored ledger would go unnoticed, or the system's error would end whatever else is done with the log."""
    with pytest.raises(FolderError, match="cannot be looked into"):
        log_folder.holds_log(tmp_path / ("x" * 300))
    assert not log_folder.holds_log(tmp_path / "none")


def test_each_time_stamp_is_written_once(tmp_path: Path) -> None:
    at = datetime(2026, 11, 30, tzinfo=UTC)
    first, second = Stamped(3, "three\n", b"answer 3", at), Stamped(12, "twelve\n", b"answer 12", at)
    log_folder.write_timestamps(tmp_path, [second])
    (tmp_path / "timestamps/9").write_text("its answer was not written any more")
    assert log_folder.stamped_in(tmp_path) == [12]
    log_folder.write_timestamps(tmp_path, [first])
    assert sorted(log_folder.stamped_in(tmp_path)) == [3, 12]
    assert log_folder.stamped_in(tmp_path / "none") == []
