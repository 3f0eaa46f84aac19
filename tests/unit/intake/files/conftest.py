"""Workbooks are read here, in the tests' own process: any bytes may begin like one."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from intake.files.workbooks import child, reader


@contextmanager
def here(data: bytes, sheet: str | None, most: int) -> Iterator[Iterator[bytes]]:
    """What the process would write, without starting one."""
    yield (json.dumps(line).encode() for line in child.lines_of(data, sheet, most))


@pytest.fixture(autouse=True)
def _no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are about what the process says: tests/processes/test_workbook_processes.py starts it."""
    monkeypatch.setattr(reader, "_child", here)
