"""A bar while a large file is read: for people at a terminal alone, and the file is read as it is."""

import io
import os
import pty
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli import reading_progress
from cli.reading_progress import LARGE_BYTES, shown

LINE = b"u-1,jane@private.example\n"


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_bytes(LINE * (LARGE_BYTES // len(LINE) + 1))
    return path


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """stderr is a pseudo-terminal; what it shows. Not a fixture: pytest sets stderr anew before a test begins."""
    master, slave = pty.openpty()
    seen: list[bytes] = []

    def look() -> None:
        try:
            while part := os.read(master, 65_536):
                seen.append(part)
        except OSError:  # the other end was closed
            pass

    reader = threading.Thread(target=look)
    reader.start()
    with os.fdopen(slave, "w") as stderr, monkeypatch.context() as patch:
        patch.setenv("TERM", "xterm")
        patch.setattr(sys, "stderr", stderr)
        yield seen
        stderr.flush()
    reader.join(timeout=30)
    os.close(master)


def read(path: Path) -> bytes:
    with path.open("rb") as file, shown(file) as source:
        return b"".join(iter(lambda: source.read(1_000_000), b""))


def test_somebody_at_a_terminal_sees_how_much_is_read_and_nothing_of_it(
    large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with terminal(monkeypatch) as seen:
        assert read(large) == large.read_bytes()

    shown_there = b"".join(seen)
    assert b"reading" in shown_there
    assert b"4.0/4.0 MB" in shown_there
    assert b"jane" not in shown_there


def test_a_small_file_shows_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = tmp_path / "people.csv"
    small.write_bytes(LINE)

    with terminal(monkeypatch) as seen:
        assert read(small) == LINE

    assert seen == []


def test_a_log_and_a_pipe_show_none(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)

    assert read(large) == large.read_bytes()
    assert log.getvalue() == ""
    ours, theirs = os.pipe()
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        assert reading_progress._size(pipe) == 0
