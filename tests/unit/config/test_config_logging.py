"""What processes log of messages that are no task of ours: nothing."""

import logging
import sys
import threading
from collections.abc import Iterator
from queue import Empty
from types import SimpleNamespace

import pytest
from celery.worker.consumer import consumer
from kombu.exceptions import DecodeError
from kombu.transport import redis as kombu_redis

from config.logging import set_up_logging


class Message:
    """Somebody's mistake."""

    body = b'{"email": "jane@private.example"}'
    content_type, content_encoding = "application/x-python", "utf-8"
    delivery_info = "celery"

    def __init__(self) -> None:
        self.headers = {"id": "1", "task": "consent.sumbit", "who": "jane@private.example"}

    def ack(self) -> None:
        """Gone."""

    def reject_log_error(self, *_: object) -> None:
        """Gone too."""


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    yield
    root.handlers, root.level = handlers, level
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks


def test_nothing_of_a_message_that_is_no_task_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("DEBUG")
    worker = consumer.Consumer.__new__(consumer.Consumer)
    worker.connection_errors = ()
    worker.on_decode_error(Message(), DecodeError("jane@private.example"))
    worker.on_unknown_message(Message.body, Message())
    worker.on_invalid_task(Message.body, Message(), ValueError("jane@private.example"))
    listening = kombu_redis.Channel.__new__(kombu_redis.Channel)
    for event in (b"jane@private.example", b"\xff jane@private.example"):  # as Flower reads them
        answer = [b"message", b"/0.celeryev/worker.jane@private.example", event]
        with pytest.raises(Empty):
            listening._receive_one(SimpleNamespace(parse_response=lambda answer=answer: answer, subscribed=True))
    logged = capsys.readouterr().err
    assert logged.count("a message that is no task of ours was discarded") == 5
    assert "jane" not in logged
