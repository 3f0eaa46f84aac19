"""Names with several addresses, IPv6 ones among them, and names that lead elsewhere while connections are kept."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from adapters import transport as sending
from adapters.transport import RENEWED_AFTER_S, Transport


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    opened = Transport(timeout_s=10.0)
    yield opened
    await opened.aclose()


@pytest.fixture
async def served() -> AsyncIterator[tuple[int, list[str]]]:
    """A port at which several addresses of this machine answer, and which of them took a request."""
    taken: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                taken.append(writer.get_extra_info("sockname")[0])
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        except (asyncio.IncompleteReadError, OSError):
            writer.transport.abort()

    async with AsyncExitStack() as stack:
        first = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = first.sockets[0].getsockname()[1]
        servers = [first, *[await asyncio.start_server(serve, host, port) for host in ("127.0.0.2", "::1")]]
        for server in servers:
            stack.callback(server.close)
        yield port, taken


class Names:
    """What `localhost` leads to."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    def __call__(self, host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        assert host == "localhost"
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (one, port, 0, 0))
            if ":" in one
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))
            for one in self.addresses
        ]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    told = Names("127.0.0.1")
    monkeypatch.setattr(socket, "getaddrinfo", told)
    return told


async def ask(transport: Transport, host: str, port: int) -> None:
    assert (await transport.send(httpx.Request("GET", f"http://{host}:{port}/"))).json() == {}


async def test_an_address_that_changes_is_followed_though_the_connection_is_kept_busy(
    transport: Transport, served: tuple[int, list[str]], names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, taken = served
    now = 1000.0
    monkeypatch.setattr(sending, "monotonic", lambda: now)
    await ask(transport, "localhost", port)
    names.addresses = ("127.0.0.2",)
    await ask(transport, "localhost", port)
    assert taken == ["127.0.0.1"] * 2, "a connection is used again"
    while now < 1000.0 + RENEWED_AFTER_S:  # busy all the time: it never idles away
        now += 10.0
        await ask(transport, "localhost", port)
    assert taken[-1] == "127.0.0.2"
    assert taken[:5] == ["127.0.0.1"] * 5, "not before three quarters of that time"


async def test_connections_that_were_made_together_are_not_all_made_anew_together(
    transport: Transport, served: tuple[int, list[str]]
) -> None:
    port, _ = served
    await asyncio.gather(*(ask(transport, "127.0.0.1", port) for _ in range(20)))
    (idle,) = transport._idle.values()
    retire = {one.retires_at for one in idle}
    assert len(idle) == 20
    assert len(retire) > 10
    assert max(retire) - min(retire) > 1.0, "twenty draws from fifteen seconds"


async def test_a_kept_connection_that_dies_as_it_is_taken_is_replaced(
    transport: Transport, served: tuple[int, list[str]]
) -> None:
    port, taken = served
    await asyncio.gather(*(ask(transport, "127.0.0.1", port) for _ in range(3)))
    (idle,) = transport._idle.values()
    for one in idle:
        assert one._wire is not None
        one._wire.abort()  # told to the connection only later, when the loop comes to it
    before = len(taken)
    await ask(transport, "127.0.0.1", port)
    assert len(taken) == before + 1


@pytest.mark.parametrize(
    "addresses",
    [("::1",), ("::1", "127.0.0.1"), ("127.0.0.1", "::1"), ("127.0.0.3", "::1"), ("::2", "127.0.0.1")],
    ids=["AAAA only", "both", "both, IPv4 first", "only IPv6 answers", "only IPv4 answers"],
)
async def test_whichever_address_answers_is_used(
    transport: Transport, served: tuple[int, list[str]], names: Names, addresses: tuple[str, ...]
) -> None:
    port, taken = served
    names.addresses = addresses
    await ask(transport, "localhost", port)
    assert taken == [next(one for one in addresses if one in ("::1", "127.0.0.1"))]


async def test_an_ipv6_address_is_written_in_brackets(transport: Transport, served: tuple[int, list[str]]) -> None:
    port, taken = served
    await ask(transport, "[::1]", port)
    assert taken == ["::1"]
