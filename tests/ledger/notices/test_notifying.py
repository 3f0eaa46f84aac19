"""Notifying receivers over real HTTPS from a real outbox: signed, repeated, in order, and not lost in a crash."""

import asyncio
import json
import logging
import re
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from adapters.callbacks import Callbacks, Letter, Receiver, SendResult
from adapters.receivers import Rules
from domain.notices import Callback, Style
from ledger.notices.webhooks import announce_webhooks
from tasks import notify as notifying
from tasks.notify import Courier, notify
from tests.ledger.conftest import APPLIED, Desk, everybody, people
from tests.receiver import OK, Authority
from tests.receiver import Receiver as Listener

NAME = "crm.example"
NEW, OLD = ("whsec_" + b64encode(bytes([n]) * 32).decode() for n in (1, 2))
BUSY = b"HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n"


async def at_home(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def listener(desk: Desk, authority: Authority) -> Iterator[Listener]:
    """A receiver over TLS, announced as `crm`."""
    stack, listening = AsyncExitStack(), Listener()

    def on_loop(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, desk.loop).result(timeout=60)

    on_loop(stack.enter_async_context(listening.listening(authority.server(NAME))))
    with desk.engine.begin() as connection:
        announce_webhooks(connection, {"crm": NAME})
    yield listening
    on_loop(stack.aclose())


@pytest.fixture
def courier(desk: Desk, listener: Listener, authority: Authority) -> Courier:
    rules = Rules(frozenset({f"{NAME}:{listener.port}"}), loopback=True)
    return Courier(
        engine=desk.engine,
        masters=desk.masters,
        start=lambda work: asyncio.run_coroutine_threadsafe(work, desk.loop),
        callbacks=Callbacks(rules, at_home, authority.trust),
        receivers={"crm": Receiver(f"https://{NAME}:{listener.port}/hook?key=k", [SecretStr(NEW), SecretStr(OLD)])},
        stopping=lambda: desk.stopping,
    )


def statuses(listener: Listener) -> list[str]:
    return [json.loads(post.body)["data"]["status"] for post in listener.posts]


def eventually(found: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def make_due(desk: Desk) -> None:
    desk.execute("UPDATE outbox SET due_at = now() WHERE state = 'waiting' AND lease IS NULL")


def test_a_request_is_told_of_from_beginning_to_end_and_signed(
    desk: Desk, courier: Courier, listener: Listener
) -> None:
    receipt = desk.submit(people(3))
    assert notify(courier) == 1
    desk.work_off(desk.tools_for(everybody(APPLIED)))
    assert notify(courier) == 1
    assert statuses(listener) == ["running", "completed"]
    last = listener.posts[-1]
    for secret in (NEW, OLD):
        body = Webhook(secret).verify(last.body, last.headers)
    assert body["type"] == "request.completed"
    assert body["data"] | {"received_at": ""} == {
        "request_id": str(receipt.recorded.public_id),
        "kind": "erasure",
        "status": "completed",
        "received_at": "",
        "subjects": 3,
        "vendors": {"insider": {"pending": 0, "accepted": 3}},
    }
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + b64encode(b"x" * 32).decode()).verify(last.body, last.headers)
    sent = " ".join(post.head + str(post.headers) + post.body.decode() for post in listener.posts)
    assert not re.search("jane-|private.example|8210", sent)


def test_what_failed_is_told_again_with_the_same_id_and_body_and_in_order(
    desk: Desk, courier: Courier, listener: Listener
) -> None:
    answers: list[bytes | None] = [BUSY, None, OK, OK]
    listener.answer = lambda _: answers.pop(0)
    desk.submit(people(1))
    desk.work_off(desk.tools_for(everybody(APPLIED)))
    for _ in range(3):
        make_due(desk)
        notify(courier)
    assert statuses(listener) == ["running"] * 3 + ["completed"]
    assert len({post.headers["webhook-id"] for post in listener.posts[:3]}) == 1
    assert len({post.body for post in listener.posts[:3]}) == 1
    assert listener.posts[3].headers["webhook-id"] != listener.posts[0].headers["webhook-id"]
    for post in listener.posts:
        Webhook(NEW).verify(post.body, post.headers)
    assert desk.rows("SELECT CAST(state AS text), attempts, answer FROM outbox ORDER BY id") == [
        ("delivered", 3, 204),
        ("delivered", 1, 204),
    ]


def test_a_failed_attempt_waits_and_three_days_are_the_end(
    desk: Desk, courier: Courier, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    listener.answer = lambda _: b"HTTP/1.1 503 x\r\nRetry-After: 90\r\nContent-Length: 0\r\n\r\n"
    desk.submit(people(1))
    assert notify(courier) == 1
    assert notify(courier) == 0, "not due"
    (wait_s,) = desk.rows("SELECT CAST(extract(epoch FROM due_at - now()) AS float8) FROM outbox")[0]
    assert 30 < wait_s <= 90
    desk.execute("UPDATE outbox SET since = now() - interval '71 hours', due_at = now()")
    notify(courier)
    assert desk.one("SELECT CAST(state AS text) FROM outbox") == "waiting"
    desk.execute("UPDATE outbox SET since = now() - interval '73 hours', due_at = now()")
    notify(courier)
    assert desk.rows("SELECT CAST(state AS text), failure, answer FROM outbox") == [("given_up", "refused", 503)]
    told = "".join(record.getMessage() for record in caplog.records)
    assert "given up" in told
    assert "hook" not in told
    assert "key=" not in told


def test_gone_is_gone_at_once(desk: Desk, courier: Courier, listener: Listener) -> None:
    listener.answer = lambda _: b"HTTP/1.1 410 x\r\nContent-Length: 0\r\n\r\n"
    desk.submit(people(1))
    notify(courier)
    assert desk.rows("SELECT CAST(state AS text), failure FROM outbox") == [("given_up", "gone")]


def test_a_crash_between_sending_and_recording_sends_the_same_id_again(
    desk: Desk, courier: Courier, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.submit(people(1))

    def crash(*_: Any) -> None:
        raise SystemExit("killed here")

    with monkeypatch.context() as patched:
        patched.setattr(notifying, "record", crash)
        with pytest.raises(SystemExit):
            notify(courier)
    assert notify(courier) == 0, "leased: nobody may take it yet"
    desk.execute("UPDATE outbox SET due_at = now()")
    assert notify(courier) == 1
    first, second = listener.posts
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert desk.one("SELECT CAST(state AS text) FROM outbox") == "delivered"


def test_a_worker_that_stops_gives_back_what_it_was_telling(desk: Desk, courier: Courier, listener: Listener) -> None:
    arrived = threading.Event()

    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await reader.read()
        writer.close()

    listener.serve_instead = silence
    desk.submit(people(1))
    telling = threading.Thread(target=notify, args=[courier])
    telling.start()
    assert arrived.wait(10)
    desk.stopping = True
    telling.join(60)
    assert desk.rows("SELECT CAST(state AS text), attempts, lease, due_at <= now() FROM outbox") == [
        ("waiting", 0, None, True)
    ]


def test_a_receiver_that_hangs_keeps_nobody_else_waiting(desk: Desk, courier: Courier, listener: Listener) -> None:
    """What was sent is recorded, and the next message is sent, while another receiver still has its message."""
    answered = threading.Event()

    class Hanging:
        async def tell(self, address: str, letter: Letter) -> SendResult:
            if "hangs" in address:
                await asyncio.to_thread(answered.wait, 30)
            return await courier.callbacks.tell(address, letter)

    receivers = {**courier.receivers, "hangs": replace(courier.receivers["crm"], url="https://hangs.example/")}
    with desk.engine.begin() as connection:
        announce_webhooks(connection, {"crm": NAME, "hangs": "hangs.example"})
    desk.submit(people(1))
    desk.work_off(desk.tools_for(everybody(APPLIED)))
    telling = threading.Thread(target=notify, args=[replace(courier, callbacks=Hanging(), receivers=receivers)])
    telling.start()
    told = "SELECT count(*) FROM outbox JOIN webhooks ON webhooks.id = webhook_id WHERE state = 'delivered'"
    try:
        eventually(lambda: desk.one(told) == 2)
        assert telling.is_alive()
    finally:
        answered.set()
        telling.join(60)
    assert statuses(listener) == ["running", "completed"]
    assert desk.rows("SELECT failure FROM outbox WHERE attempts = 1 AND state = 'waiting'") == [("not_allowed",)]


def test_a_fault_of_our_own_keeps_nobody_else_untold(desk: Desk, courier: Courier, listener: Listener) -> None:
    """A style that fails: its message waits until its lease is over, the others are sent once."""

    def broken(_notice: object, _url: str) -> Letter:
        raise ZeroDivisionError

    desk.submit(people(1), callbacks=(Callback("https://x.example/", "x.example", Style.OPENDSR),))
    with pytest.raises(ZeroDivisionError):
        notify(replace(courier, formats={Style.OPENDSR: broken}))
    assert desk.rows("SELECT CAST(state AS text) FROM outbox ORDER BY CAST(state AS text)") == [
        ("delivered",),
        ("waiting",),
    ]
    assert statuses(listener) == ["running"]


def test_a_requests_own_receiver_is_told_in_its_style_and_only_where_allowed(
    desk: Desk, courier: Courier, listener: Listener
) -> None:
    def own(host: str) -> tuple[Callback, ...]:
        return (Callback(f"https://{host}:{listener.port}/own", host, Style.OPENDSR, {"id": "abc"}),)

    styled = replace(
        courier,
        formats={Style.OPENDSR: lambda notice, _: Letter({"x-style": "opendsr"}, str(notice.details["id"]).encode())},
        receivers={},
    )
    desk.submit(people(1), callbacks=own(NAME))
    desk.submit(people(1), callbacks=own("elsewhere.example"))
    notify(styled)
    assert [(post.headers["x-style"], post.body) for post in listener.posts] == [("opendsr", b"abc")]
    assert sorted(
        desk.rows("SELECT host, CAST(state AS text), failure FROM outbox JOIN webhooks ON webhook_id = webhooks.id")
    ) == [
        (NAME, "delivered", None),
        (NAME, "waiting", None),  # the operator's own, which this process does not know
        (NAME, "waiting", None),
        ("elsewhere.example", "waiting", "not_allowed"),
    ]


def test_closing_a_request_wakes_the_courier(desk: Desk) -> None:
    woken: list[bool] = []
    desk.submit(people(1))
    desk.work_off(replace(desk.tools_for(everybody(APPLIED)), wake_courier=lambda: woken.append(True)))
    assert woken == [True]
