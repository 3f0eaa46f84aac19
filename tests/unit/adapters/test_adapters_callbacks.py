"""Telling a receiver: a real one on loopback over TLS, and names that lie."""

import asyncio
import logging
import socket
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from adapters import wire
from adapters.callbacks import Callbacks, Letter, SendResult, resolve
from adapters.receivers import Rules
from domain.notices import Failure
from tests.receiver import OK, Authority, Receiver

NAME = "receiver.example"
LETTER = Letter({"content-type": "application/json", "webhook-id": "msg_1"}, b'{"type":"request.running"}')


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def receiver(authority: Authority) -> AsyncIterator[Receiver]:
    async with Receiver().listening(authority.server(NAME)) as listening:
        yield listening


class Names:
    """A resolver that gives its answers in turn, the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def callbacks_to(receiver: Receiver, authority: Authority, *answers: list[str], **more: Any) -> Callbacks:
    rules = Rules(frozenset({f"{NAME}:{receiver.port}"}), loopback=True)
    return Callbacks(rules, Names(*answers or (["127.0.0.1"],)), authority.trust, **more)


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Where a connection was tried; none is made."""
    tried: list[tuple[str, int]] = []

    async def connect(remote_host: str, remote_port: int, **_: Any) -> None:
        tried.append((remote_host, remote_port))
        raise OSError("refused by the test")

    monkeypatch.setattr(anyio, "connect_tcp", connect)
    return tried


async def test_a_receiver_is_told_by_its_name_at_the_vetted_address(receiver: Receiver, authority: Authority) -> None:
    told = await callbacks_to(receiver, authority).tell(f"https://{NAME}:{receiver.port}/hook?key=1", LETTER)
    assert told == SendResult(None, 204)
    (post,) = receiver.posts
    assert post.head == "POST /hook?key=1 HTTP/1.1"
    assert post.headers["host"] == f"{NAME}:{receiver.port}"
    assert post.headers["webhook-id"] == "msg_1"
    assert post.body == LETTER.body
    assert receiver.names == [NAME]


async def test_a_certificate_of_another_name_is_not_believed(authority: Authority) -> None:
    async with Receiver().listening(authority.server("another.example")) as receiver:
        told = await callbacks_to(receiver, authority).tell(f"https://{NAME}:{receiver.port}/", LETTER)
    assert told == SendResult(Failure.UNREACHABLE)
    assert receiver.posts == []


async def test_nor_one_of_an_unknown_authority(receiver: Receiver, authority: Authority) -> None:
    public = Callbacks(callbacks_to(receiver, authority).rules, Names(["127.0.0.1"]))
    assert await public.tell(f"https://{NAME}:{receiver.port}/", LETTER) == SendResult(Failure.UNREACHABLE)
    assert receiver.posts == []


async def test_receivers_are_believed_as_vendors_are(
    receiver: Receiver, authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As vendors are: an authority of a company's own stands in the system's store, or in SSL_CERT_FILE."""
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    wire.trust.cache_clear()
    believing = Callbacks(callbacks_to(receiver, authority).rules, Names(["127.0.0.1"]))
    assert await believing.tell(f"https://{NAME}:{receiver.port}/", LETTER) == SendResult(None, 204)
    wire.trust.cache_clear()


async def test_a_name_that_changes_its_address_while_we_look_gains_nothing(connections: list[tuple[str, int]]) -> None:
    """DNS rebinding: public when it is vetted, inside our network when it is connected to."""
    names = Names(["93.184.216.34"], ["169.254.169.254"])
    rebinding = Callbacks(Rules(frozenset({"*"})), names)
    assert await rebinding.tell("https://evil.example/", LETTER) == SendResult(Failure.UNREACHABLE)
    assert names.asked == ["evil.example"], "asked once: what was vetted is what is connected to"
    assert connections == [("93.184.216.34", 443)]
    assert await rebinding.tell("https://evil.example/", LETTER) == SendResult(Failure.NOT_PUBLIC)
    assert connections == [("93.184.216.34", 443)]


@pytest.mark.parametrize("inside", ["10.0.0.5", "127.0.0.1", "::1", "::ffff:10.0.0.5", "fd00::1", "100.64.0.1"])
async def test_one_inside_address_among_public_ones_is_one_too_many(
    connections: list[tuple[str, int]], inside: str
) -> None:
    mixed = Callbacks(Rules(frozenset({"*"})), Names(["93.184.216.34", inside]))
    assert await mixed.tell("https://evil.example/", LETTER) == SendResult(Failure.NOT_PUBLIC)
    assert connections == []


async def test_an_inside_address_in_the_open_is_refused_too(connections: list[tuple[str, int]]) -> None:
    allowed = Callbacks(Rules(frozenset({"*", "169.254.169.254", "[::1]", "2130706433"})))
    for host in ("169.254.169.254", "[::1]", "2130706433", "0x7f.1"):
        told = await allowed.tell(f"https://{host}/latest/meta-data", LETTER)
        assert told.failure in (Failure.NOT_PUBLIC, Failure.NOT_ALLOWED, Failure.UNREACHABLE)
    assert connections == []


async def test_the_next_address_is_tried_where_nothing_could_be_sent(receiver: Receiver, authority: Authority) -> None:
    told = await callbacks_to(receiver, authority, ["127.0.0.9", "127.0.0.1"]).tell(
        f"https://{NAME}:{receiver.port}/", LETTER
    )
    assert (told, len(receiver.posts)) == (SendResult(None, 204), 1)


async def test_a_redirect_is_not_followed(receiver: Receiver, authority: Authority) -> None:
    receiver.answer = lambda _: b"HTTP/1.1 307 x\r\nLocation: https://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
    told = await callbacks_to(receiver, authority).tell(f"https://{NAME}:{receiver.port}/", LETTER)
    assert told == SendResult(Failure.REFUSED, 307)
    assert len(receiver.posts) == 1


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", SendResult(None, 200)),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 100_000, SendResult(None, 200)),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nbad", SendResult(None, 200)),
        (b"HTTP/1.1 410 Gone\r\n\r\n", SendResult(Failure.GONE, 410)),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", SendResult(Failure.REFUSED, 404)),
        (b"HTTP/1.1 503 Busy\r\nRetry-After: 120\r\n\r\n", SendResult(Failure.REFUSED, 503, 120.0)),
        (b"HTTP/1.1 429 Slow\r\nRetry-After: -5\r\n\r\n", SendResult(Failure.REFUSED, 429, 0.0)),
        (b"SSH-2.0-OpenSSH\r\n\r\n", SendResult(Failure.NO_ANSWER)),
        (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 200_000, SendResult(Failure.NO_ANSWER)),
        (None, SendResult(Failure.NO_ANSWER)),
    ],
)
async def test_only_a_2xx_is_a_yes(
    receiver: Receiver, authority: Authority, answer: bytes | None, told: SendResult
) -> None:
    receiver.answer = lambda _: answer
    assert await callbacks_to(receiver, authority).tell(f"https://{NAME}:{receiver.port}/", LETTER) == told


async def test_a_receiver_that_never_ends_costs_the_total_time_and_no_more(authority: Authority) -> None:
    async def dribble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:  # a byte now and then keeps every timeout between two reads from running out
                writer.write(b"H")
                await asyncio.sleep(0.02)
        except (ConnectionError, asyncio.CancelledError):
            writer.close()

    receiver = Receiver(serve_instead=dribble)
    async with receiver.listening(authority.server(NAME)):
        began = time.monotonic()
        told = await callbacks_to(receiver, authority, total_s=0.3).tell(f"https://{NAME}:{receiver.port}/", LETTER)
    assert told == SendResult(Failure.NO_ANSWER)
    assert time.monotonic() - began < 60, "it never ends"


async def test_no_proxy_of_the_environment_is_asked(
    receiver: Receiver, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("HTTPS_PROXY", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    told = await callbacks_to(receiver, authority).tell(f"https://{NAME}:{receiver.port}/", LETTER)
    assert told == SendResult(None, 204)


async def test_a_name_that_cannot_be_one_is_no_crash() -> None:
    callbacks = Callbacks(Rules(frozenset({"*"})))
    for host in ("a" * 70 + ".example", "no-such-name.invalid"):
        assert await callbacks.tell(f"https://{host}/", LETTER) == SendResult(Failure.UNREACHABLE)


async def test_nothing_of_an_address_is_logged(
    receiver: Receiver, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    await callbacks_to(receiver, authority).tell(f"https://{NAME}:{receiver.port}/secret-path?token=abc", LETTER)
    assert "secret-path" not in repr(callbacks_to(receiver, authority)) + repr(LETTER)
    assert receiver.posts
    assert "secret-path" not in "".join(record.getMessage() for record in caplog.records)


async def test_this_machines_own_names_are_found() -> None:
    assert "127.0.0.1" in await resolve("localhost", 443)
    assert httpx.URL("https://münchen.example/").raw_host == b"xn--mnchen-3ya.example"
    assert OK.startswith(b"HTTP/1.1 204")


async def test_a_name_that_hangs_takes_one_thread_and_no_other_names(monkeypatch: pytest.MonkeyPatch) -> None:
    ends, asked = threading.Event(), []

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        if host == "slow.example":
            ends.wait(10)
        return [(0, 0, 0, "", ("93.184.216.34", port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    waiting = [asyncio.ensure_future(resolve("slow.example", 443)) for _ in range(40)]
    try:
        await asyncio.sleep(0)
        waiting[0].cancel()  # its time is over; the others still want to know
        async with asyncio.timeout(5):
            assert await resolve("quick.example", 443) == ["93.184.216.34"]
    finally:
        ends.set()
    assert [await one for one in waiting[1:]] == [["93.184.216.34"]] * 39
    assert sorted(asked) == ["quick.example", "slow.example"]  # in either order: each has a thread of its own
    await resolve("slow.example", 443)
    assert asked[2:] == ["slow.example"], "nothing is remembered: an answer is vetted when it is used"
