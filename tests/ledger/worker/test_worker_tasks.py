"""Every task that a worker knows: what fails in it is seen by its type and place only, in log, events and results."""

import io
import logging
from collections.abc import Callable, Iterator
from importlib import import_module
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from celery.app.trace import build_tracer

from config.logging import PlainFormatter
from ledger.sealing import generate_master_key
from tasks.queues import OUR_QUEUES
from tests.unit.worker.test_worker_filtered import FAILURES
from worker.filtered import FilteredTask, TaskFailedError

ARGUMENTS: dict[type, Any] = {int: 7, str: "insider"}


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, postgres_url: str, redis_url: str) -> ModuleType:
    monkeypatch.setenv("CONSENT_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("CONSENT_DATABASE_URL", postgres_url)
    monkeypatch.setenv("CONSENT_REDIS_URL", redis_url)
    monkeypatch.setenv("CONSENT_MASTER_KEYS", generate_master_key())
    module = import_module("worker.app")
    module.app.finalize()
    return module


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(PlainFormatter())
    logging.getLogger().addHandler(handler)
    yield text
    logging.getLogger().removeHandler(handler)


@pytest.mark.parametrize("work", FAILURES, ids=lambda work: work.__name__)
def test_no_task_shows_what_a_failure_quotes(
    worker: ModuleType, monkeypatch: pytest.MonkeyPatch, log: io.StringIO, work: Callable[[], None]
) -> None:
    monkeypatch.setattr(worker, "runtime", work)
    ours = {name: task for name, task in worker.app.tasks.items() if name.startswith(OUR_QUEUES)}
    assert len(ours) > 5
    for name, task in ours.items():
        args = tuple(ARGUMENTS[one.annotation] for one in signature(task.run).parameters.values())
        failed = build_tracer(name, task, app=worker.app)("an-id", args, {}, {"id": "an-id"})[0]
        assert isinstance(task, FilteredTask), name
        assert isinstance(failed.exception, TaskFailedError), name
        assert failed.exception.__cause__ is failed.exception.__context__ is None, name
        assert "jane" not in repr(failed.exception) + str(failed.traceback), name
    assert log.getvalue()
    assert "jane" not in log.getvalue()
