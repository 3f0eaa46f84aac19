"""The task around a producer's message: put off while we are in trouble, and shown to nobody."""

import json
import traceback
from base64 import b64decode
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from celery.exceptions import Reject, Retry
from redis import Redis

from ledger.failures import LedgerError
from ledger.requests import KeyTakenError
from ledger.sealing import UnsealError, generate_master_key
from tasks.queues import SUBMIT_QUEUE
from worker.unshown import SHOWN, UnshownRequest

JANE = {"email": "jane@private.example"}


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, postgres_url: str, redis_url: str) -> ModuleType:
    """The worker's module, as a worker process of a stack of its own would import it."""
    monkeypatch.setenv("CONSENT_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("CONSENT_DATABASE_URL", postgres_url)
    monkeypatch.setenv("CONSENT_REDIS_URL", redis_url)
    monkeypatch.setenv("CONSENT_MASTER_KEYS", generate_master_key())
    module = import_module("worker.app")
    monkeypatch.setattr(module, "_runtime", SimpleNamespace(intake=None))
    monkeypatch.setattr(module.app.conf, "broker_url", redis_url)
    return module


def run(worker: ModuleType, retries: int = 7) -> type[Exception]:
    """Take up a message as Celery does; how the task ended it."""
    task = worker.submit_sealed
    task.push_request(args=["c2VhbGVk"], kwargs={}, id="1", retries=retries, called_directly=False)
    try:
        with pytest.raises((Retry, Reject)) as ended:
            task.run("c2VhbGVk")
    finally:
        task.pop_request()
    assert getattr(ended.value, "requeue", True), "dropped"
    assert "jane" not in "".join(traceback.format_exception(ended.value)), "in Celery's events"
    return ended.type


FAULT = OverflowError("of jane@private.example")


@pytest.mark.parametrize("trouble", [LedgerError("away"), UnsealError("no key"), KeyTakenError(), FAULT])
def test_a_message_that_comes_while_we_are_in_trouble_goes_back_as_it_came(
    worker: ModuleType,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    trouble: Exception,
) -> None:
    def fail(*_: Any) -> None:
        raise trouble

    monkeypatch.setattr(worker, "take_sealed", fail)
    assert run(worker) is Retry
    assert "a producer's message waits" in caplog.text
    assert "jane" not in caplog.text
    with Redis.from_url(redis_url) as redis:
        (raw,) = redis.lrange(SUBMIT_QUEUE, 0, -1)
        redis.delete(SUBMIT_QUEUE)
    message = json.loads(raw)
    assert json.loads(b64decode(message["body"]))[:2] == [["c2VhbGVk"], {}]
    assert message["headers"]["eta"]
    assert (message["headers"]["argsrepr"], message["headers"]["kwargsrepr"]) == (SHOWN, SHOWN)


def test_a_message_that_our_own_program_fails_at_is_tried_ever_more_rarely(
    worker: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    def retry(countdown: float, **_: Any) -> Retry:
        waits.append(countdown)
        return Retry()

    monkeypatch.setattr(worker, "take_sealed", lambda *_: 1 / 0)
    monkeypatch.setattr(worker.submit_sealed, "retry", retry)
    assert {run(worker, retries) for retries in (0, 1, 6, 7, 10_000)} == {Retry}
    assert waits == [5, 10, 320, 600, 600]


def test_a_message_that_redis_does_not_take_back_is_not_dropped(
    worker: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def retry(**_: Any) -> None:
        raise Reject("its address", requeue=False)  # as Celery does

    monkeypatch.setattr(worker, "take_sealed", lambda *_: 1 / 0)
    monkeypatch.setattr(worker.submit_sealed, "retry", retry)
    assert run(worker) is Reject


def test_nothing_that_a_sender_says_of_its_message_is_shown(worker: ModuleType) -> None:
    headers = {"id": "1", "task": worker.submit_sealed.name, "argsrepr": repr([JANE]), "kwargsrepr": repr(JANE)}
    message = SimpleNamespace(
        headers=headers,
        properties={},
        delivery_info={},
        payload=[[JANE], JANE, {}],
        body=json.dumps([[JANE], JANE, {}]),
        content_type="application/json",
        content_encoding="utf-8",
    )
    request = UnshownRequest(message, app=worker.app, task=worker.submit_sealed)
    shown = repr(request) + str(request) + repr(request.info()) + request.argsrepr + request.kwargsrepr
    assert "jane" not in shown
    assert request.info()["args"] == SHOWN
    assert worker.submit_sealed.Request == "worker.unshown:UnshownRequest"
