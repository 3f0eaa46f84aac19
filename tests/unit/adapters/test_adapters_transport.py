"""The only sender, against a real server on loopback."""

import asyncio
import gzip
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters import wire
from adapters.addresses import is_loopback
from adapters.transport import MAX_ANSWER_BYTES, AnswerLostError, NotSentError, Transport
from tests.receiver import Authority
from tests.table_rows import each_row

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[[Handler], Awaitable[str]]


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    opened = Transport(timeout_s=5.0)
    yield opened
    await opened.aclose()


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts a server that gives every request to one handler; returns its address."""
    servers: list[TestServer] = []

    async def start(handler: Handler) -> str:
        app = web.Application(client_max_size=20_000_000)
        app.router.add_route("*", "/{anything:.*}", handler)
        server = TestServer(app)
        await server.start_server()
        servers.append(server)
        return str(server.make_url("/")).rstrip("/")

    yield start
    for server in servers:
        await server.close()


@pytest.fixture
async def raw() -> AsyncIterator[Callable[[Any], Awaitable[str]]]:
    """Starts a server that speaks bytes, for what no proper server would do; returns its address."""
    servers: list[asyncio.Server] = []

    async def start(handler: Any) -> str:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await handler(reader, writer)
            finally:
                writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield start
    for server in servers:
        server.close()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """One whole request."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.splitlines() if line.lower().startswith(b"content-length:")), 0
    )
    return head + await reader.readexactly(length)


async def test_what_is_sent_arrives_and_what_comes_back_is_whole(transport: Transport, serve: Serve) -> None:
    seen: dict[str, Any] = {}

    async def handler(request: web.Request) -> web.Response:
        seen.update(path=request.raw_path, method=request.method, body=await request.read(), headers=request.headers)
        return web.json_response({"ok": True}, status=207, headers={"X-Told": "yes"})

    base = await serve(handler)
    response = await transport.send(httpx.Request("PATCH", f"{base}/a%2Fb?x=%5B1%5D", json={"k": "ü"}))
    assert (response.status_code, response.json(), response.headers["x-told"]) == (207, {"ok": True}, "yes")
    assert (seen["method"], seen["path"]) == ("PATCH", "/a%2Fb?x=%5B1%5D")
    assert seen["body"] == '{"k":"ü"}'.encode()
    assert seen["headers"]["Content-Type"] == "application/json"
    assert "User-Agent" not in seen["headers"]


async def test_no_redirect_is_followed(transport: Transport, serve: Serve) -> None:
    paths: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        paths.append(request.path)
        raise web.HTTPTemporaryRedirect("/elsewhere")

    base = await serve(handler)
    response = await transport.send(httpx.Request("POST", f"{base}/here", json={}))
    assert response.status_code == 307
    assert paths == ["/here"]


async def test_no_cookie_is_kept_for_the_next_request(transport: Transport, serve: Serve) -> None:
    cookies: list[str | None] = []

    async def handler(request: web.Request) -> web.Response:
        cookies.append(request.headers.get("Cookie"))
        answer = web.Response()
        answer.set_cookie("sessionid", "of-the-first-person")
        return answer

    base = (await serve(handler)).replace("127.0.0.1", "localhost")  # no jar keeps cookies of an address in digits
    for own in ("sessionid=one", "sessionid=two", None):
        request = httpx.Request("PATCH", f"{base}/", headers={"Cookie": own} if own else {})
        await transport.send(request)
    assert cookies == ["sessionid=one", "sessionid=two", None]


async def test_a_compressed_answer_is_read(transport: Transport, serve: Serve) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=gzip.compress(b'{"a":1}'), headers={"Content-Encoding": "gzip"})

    response = await transport.send(httpx.Request("GET", f"{await serve(handler)}/"))
    assert response.json() == {"a": 1}
    assert "content-encoding" not in response.headers


async def test_an_answer_that_is_not_compressed_as_it_says_is_lost(transport: Transport, serve: Serve) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=b'{"a":1}', headers={"Content-Encoding": "gzip"})

    with pytest.raises(AnswerLostError):
        await transport.send(httpx.Request("GET", f"{await serve(handler)}/"))


@pytest.mark.parametrize(("size", "fits"), [(MAX_ANSWER_BYTES, True), (MAX_ANSWER_BYTES + 1, False)])
async def test_an_answer_is_bounded(transport: Transport, serve: Serve, size: int, fits: bool) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * size)

    request = httpx.Request("GET", f"{await serve(handler)}/")
    if fits:
        assert len((await transport.send(request)).content) == size
    else:
        with pytest.raises(AnswerLostError):
            await transport.send(request)


async def test_a_header_without_an_end_is_not_kept(transport: Transport, raw: Any) -> None:
    sent = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while not writer.is_closing() and sent < 10 * MAX_ANSWER_BYTES:
            writer.write(b"x" * 1_000_000)
            sent += 1_000_000
            await writer.drain()

    with pytest.raises(AnswerLostError):
        await transport.send(httpx.Request("GET", f"{await raw(endless)}/"))
    assert sent < 5 * MAX_ANSWER_BYTES


async def test_an_answer_is_bounded_as_it_unfolds(transport: Transport, serve: Serve) -> None:
    bomb = gzip.compress(b"0" * (MAX_ANSWER_BYTES * 2), 9)

    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    with pytest.raises(AnswerLostError):
        await transport.send(httpx.Request("GET", f"{await serve(handler)}/"))


async def test_an_endless_answer_is_not_waited_for(raw: Any) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"1\r\nx\r\n")
            await writer.drain()
            await asyncio.sleep(0.02)

    base = await raw(drip)
    impatient = Transport(timeout_s=0.3)
    began = time.monotonic()
    with pytest.raises(AnswerLostError):
        await impatient.send(httpx.Request("GET", f"{base}/"))
    assert time.monotonic() - began < 60, "it never ends"
    await impatient.aclose()


async def test_the_total_time_is_bounded(serve: Serve) -> None:
    async def handler(request: web.Request) -> web.Response:
        await asyncio.sleep(1.0)
        return web.Response()

    base = await serve(handler)
    impatient = Transport(timeout_s=0.2)
    with pytest.raises(AnswerLostError):
        await impatient.send(httpx.Request("POST", f"{base}/", json={}))
    await impatient.aclose()


async def test_a_refused_connection_means_nothing_was_sent(transport: Transport) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        with pytest.raises(NotSentError):
            await transport.send(httpx.Request("POST", f"http://127.0.0.1:{taken.getsockname()[1]}/", json={}))


async def test_a_name_that_does_not_exist_means_nothing_was_sent(transport: Transport) -> None:
    with pytest.raises(NotSentError):
        await transport.send(httpx.Request("POST", "https://vendor.invalid/", json={}))


async def _after_the_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)


async def _after_the_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()


async def _with_nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"this is no HTTP\r\n\r\n")
    await writer.drain()


async def _with_a_reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    writer.transport.abort()


@pytest.mark.parametrize("ending", [_after_the_request, _after_the_head, _with_nonsense, _with_a_reset])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_a_connection_that_breaks_after_the_request_is_a_lost_answer(
    transport: Transport, raw: Any, ending: Any, method: str
) -> None:
    # httpx-aiohttp calls it ConnectTimeout, which would read as "nothing was sent".
    base = await raw(ending)
    with pytest.raises(AnswerLostError):
        await transport.send(httpx.Request(method, f"{base}/", json={"a": 1}))


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
async def test_nothing_is_sent_again_by_itself(transport: Transport, raw: Any, method: str) -> None:
    # aiohttp repeats idempotent methods when a kept connection turns out to be closed.
    requests: list[bytes] = []

    async def answer_once_then_drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await read_request(reader))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        requests.append(await read_request(reader))  # the second, over the kept connection: dropped unanswered

    base = await raw(answer_once_then_drop)
    assert (await transport.send(httpx.Request(method, f"{base}/1", json={}))).status_code == 200
    with pytest.raises(AnswerLostError):
        await transport.send(httpx.Request(method, f"{base}/2", json={}))
    await asyncio.sleep(0.05)
    assert [request.split()[1] for request in requests] == [b"/1", b"/2"]


@pytest.mark.parametrize(
    "url",
    ["http://vendor.example/", "http://10.0.0.1/", "http://127.0.0.1.nip.io/", "ftp://127.0.0.1/", "http://[::2]/"],
)
async def test_plain_http_leaves_this_machine_never(transport: Transport, url: str) -> None:
    with pytest.raises(ValueError, match="must be an https address"):
        await transport.send(httpx.Request("GET", url))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.1", "::1"])
def test_this_machine(host: str) -> None:
    assert is_loopback(host)


@each_row("host", ["", "localhost.example.org", "0.0.0.0", "10.1.1.1", "::", "localhost."])
def test_not_this_machine(host: str) -> None:
    assert not is_loopback(host)


async def test_a_connection_is_used_again(transport: Transport, serve: Serve) -> None:
    callers: set[Any] = set()

    async def handler(request: web.Request) -> web.Response:
        assert request.transport is not None
        callers.add(request.transport.get_extra_info("peername"))
        return web.Response()

    base = await serve(handler)
    for number in range(5):
        await transport.send(httpx.Request("GET", f"{base}/{number}"))
    assert len(callers) == 1


async def test_an_answer_is_never_taken_for_that_of_another_request(transport: Transport, raw: Any) -> None:
    """One that comes too late, or unasked for, ends its connection."""

    async def answer_twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await read_request(reader)).split()[1].decode()
        if path == "/late":
            await asyncio.sleep(0.3)
        answer = f"HTTP/1.1 200 OK\r\nContent-Length: {len(path)}\r\n\r\n{path}"
        writer.write(answer.encode() * 2)
        await writer.drain()
        await asyncio.sleep(0.2)

    base = await raw(answer_twice)
    impatient = Transport(timeout_s=0.1)
    with pytest.raises(AnswerLostError):
        await impatient.send(httpx.Request("GET", f"{base}/late"))
    impatient.timeout_s = 60.0  # the others may take as long as this machine needs
    for path in ("/one", "/two", "/three"):
        assert (await impatient.send(httpx.Request("GET", base + path))).text == path
        assert (await transport.send(httpx.Request("GET", base + path))).text == path
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.3)
    assert (await impatient.send(httpx.Request("GET", f"{base}/four"))).text == "/four"
    await impatient.aclose()


async def test_what_only_announces_the_answer_is_passed_over(transport: Transport, raw: Any) -> None:
    async def announce(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()

    response = await transport.send(httpx.Request("POST", f"{await raw(announce)}/", json={}))
    assert (response.status_code, response.content, "link" in response.headers) == (201, b"{}", False)


async def test_an_answer_may_end_with_its_connection(transport: Transport, raw: Any) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        for piece in (b"HTTP/1.1 200 OK\r\n\r\n", b'{"a"', b":1}"):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)

    assert (await transport.send(httpx.Request("GET", f"{await raw(answer)}/"))).json() == {"a": 1}


async def test_no_time_to_connect_means_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        held = []
        for _ in range(4):  # the queue of who waits to be accepted is full, so that a handshake is not answered
            waiting = socket.socket(type=socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            waiting.connect_ex(full.getsockname())
            held.append(waiting)
        impatient = Transport(timeout_s=0.2)
        with pytest.raises(NotSentError):
            await impatient.send(httpx.Request("POST", f"http://127.0.0.1:{full.getsockname()[1]}/", json={}))
        for waiting in held:
            waiting.close()


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\0b", "a\rb"])
async def test_no_header_breaks_out_of_its_line(transport: Transport, value: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        await transport.send(httpx.Request("GET", "http://127.0.0.1:9/", headers={"Cookie": value}))


async def test_a_certificate_is_checked_against_the_name(
    transport: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, vouched_for = Authority(tmp_path), tmp_path / "authority.pem"
    vouched_for.write_bytes(authority.pem)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(handle, "127.0.0.1", 0, ssl=authority.server("localhost")) as server:
        port = server.sockets[0].getsockname()[1]
        wire.trust.cache_clear()
        with pytest.raises(NotSentError):  # nobody vouches for it
            await transport.send(httpx.Request("POST", f"https://localhost:{port}/", json={}))
        monkeypatch.setenv("SSL_CERT_FILE", str(vouched_for))
        wire.trust.cache_clear()
        assert (await transport.send(httpx.Request("POST", f"https://localhost:{port}/", json={}))).status_code == 200
        with pytest.raises(NotSentError):  # another name
            await transport.send(httpx.Request("POST", f"https://127.0.0.1:{port}/", json={}))
    wire.trust.cache_clear()


async def test_proxies_of_the_environment_are_not_used(
    transport: Transport, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=204)

    base = await serve(handler)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert (await transport.send(httpx.Request("GET", f"{base}/"))).status_code == 204


async def test_errors_tell_nothing_of_what_was_sent(transport: Transport, raw: Any) -> None:
    base = await raw(_after_the_request)
    with pytest.raises(AnswerLostError) as lost:
        await transport.send(httpx.Request("PUT", f"{base}/optOut/jane-4711", json={"who": "jane-4711"}))
    assert "4711" not in f"{lost.value!r} {lost.value} {lost.value.__cause__!r}"
    assert lost.value.__suppress_context__ or lost.value.__context__ is None
