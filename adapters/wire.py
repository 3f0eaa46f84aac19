"""One HTTP/1.1 connection to a vendor: one request at a time, its answer parsed by llhttp (httptools)."""

import asyncio
import ssl
import zlib
from functools import lru_cache
from pathlib import Path
from socket import IPPROTO_TCP, SOCK_STREAM, TCP_NODELAY, socket
from typing import NamedTuple, cast

import httptools
import httpx
from aiohappyeyeballs import start_connection

from adapters.contract import NotNowError
from adapters.sending import refuse_when_over

MAX_ANSWER_BYTES = 8_000_000
"""Larger than any answer in the vendors' pages (1,000 users with an error line each). No more is read."""
MAX_HEADERS = 200
NEXT_ADDRESS_S = 0.25
"""The next address of a name is tried when the one before has not answered for this long (RFC 8305, 5)."""


class NotSentError(Exception):
    """No connection could be made, so nothing happened at the vendor. Check its address and the network."""


class AnswerLostError(Exception):
    """The request went out and no whole answer came back: the vendor may or may not have acted on it."""


class Origin(NamedTuple):
    """Where a connection leads."""

    scheme: str
    host: str
    port: int


class Received(NamedTuple):
    """A whole answer as received, its body still encoded. The repr shows nothing: it may be personal."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def __repr__(self) -> str:
        return f"Received({self.status})"


class Connection(asyncio.Protocol):
    """Sends one request after the other. A connection that breaks, or sends without being asked, is closed and never
    used again, so that no answer is taken for that of another request."""

    def __init__(self) -> None:
        self.idle_since = 0.0
        self.retires_at = 0.0
        self.usable = False
        self._loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._wire: asyncio.WriteTransport | None = None
        self._answer: asyncio.Future[Received] | None = None
        self._received = 0
        self._begin()

    def _begin(self) -> None:
        self._headers: list[tuple[bytes, bytes]] = []
        self._pieces: list[bytes] = []
        self._size = 0
        self._ends_with_the_connection = False

    @classmethod
    async def open(cls, origin: Origin, trusted: ssl.SSLContext | None = None) -> "Connection":
        """Connect, by TLS unless the scheme is http; `trusted`: the trusted authorities, by default `trust()`. Raises
        OSError."""
        connected = await connect(origin.host, origin.port)
        secure = origin.scheme == "https"
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                cls,
                sock=connected,
                ssl=(trusted or trust()) if secure else None,
                server_hostname=origin.host if secure else None,
            )
        except BaseException:  # also when cancelled: nobody else would close it
            connected.close()
            raise
        return connection

    async def exchange(self, head: bytes, body: bytes, *, within_s: float) -> Received:
        """Send a request and wait for its whole answer, `within_s` seconds at most.

        Raises AnswerLostError; NotSentError where the vendor closed the connection just before; NotNowError where the
        time to send is over (adapters.sending).
        """
        try:
            refuse_when_over()
        except NotNowError:
            self.close()
            raise
        self.usable = False
        wire = self._wire
        if wire is None or wire.is_closing():
            raise NotSentError
        answer: asyncio.Future[Received] = self._loop.create_future()
        self._answer = answer
        self._received = 0
        wire.writelines((head, body) if body else (head,))
        patience = self._loop.call_later(within_s, self._lose)  # costs a third of asyncio.timeout
        try:
            return await answer
        finally:
            patience.cancel()
            self._answer = None
            if not self.usable:  # also when the time is over: what still arrives must not be taken for the next answer
                self.close()

    def close(self) -> None:
        """Close it at once."""
        self.usable = False
        if self._wire is not None:
            self._wire.abort()

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._wire = cast(asyncio.WriteTransport, transport)  # uvloop's does not inherit from it

    def data_received(self, data: bytes) -> None:
        """Feed the parser."""
        self._received += len(data)
        if self._received > 2 * MAX_ANSWER_BYTES:  # endless headers, or empty chunks
            self._lose()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._lose()

    def connection_lost(self, exc: Exception | None) -> None:
        """The caller who still waits has lost the answer, unless the answer ends with the connection."""
        self.usable = False
        if exc is None and self._ends_with_the_connection:
            self._settle()
        self._lose()

    # Called by the parser.

    def on_message_begin(self) -> None:
        """An answer begins. If none was asked for, close the connection."""
        self._begin()
        if self._answer is None or self._answer.done():
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self._headers.append((name, value))
        if len(self._headers) > MAX_HEADERS:
            self._lose()

    def on_headers_complete(self) -> None:
        """Note whether the answer says where it ends. llhttp reads one that does not until the connection closes."""
        self._ends_with_the_connection = not _SAYS_ITS_LENGTH.intersection(name.lower() for name, _ in self._headers)

    def on_body(self, piece: bytes) -> None:
        """Keep a part of the body, up to the limit."""
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size > MAX_ANSWER_BYTES:
            self._lose()

    def on_message_complete(self) -> None:
        """The answer is complete. Informational ones (1xx) only announce it."""
        if self._parser.get_status_code() < httpx.codes.OK:
            return
        self._ends_with_the_connection = False
        self.usable = self._parser.should_keep_alive() and self._wire is not None and not self._wire.is_closing()
        self._settle()

    def _settle(self) -> None:
        if self._answer is None or self._answer.done():
            return
        try:
            body = unfold(b"".join(self._pieces), self._headers)
        except zlib.error:
            self._lose()
            return
        self._answer.set_result(Received(self._parser.get_status_code(), self._headers, body))

    def _lose(self) -> None:
        self.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(AnswerLostError())


async def connect(host: str, port: int) -> socket:
    """A TCP connection to the address of a name that answers first, IPv6 or IPv4. Raises OSError."""
    try:
        addresses = await asyncio.get_running_loop().getaddrinfo(host, port, type=SOCK_STREAM)
    except UnicodeError:  # Python's own check of labels failed
        raise OSError("not a name") from None
    connected = await start_connection(addresses, happy_eyeballs_delay=NEXT_ADDRESS_S)
    connected.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    return connected


_SAYS_ITS_LENGTH = frozenset({b"content-length", b"transfer-encoding"})


def unfold(body: bytes, headers: list[tuple[bytes, bytes]]) -> bytes:
    """The body without its content encoding, which we never ask for. Raises zlib.error where it is invalid, or decodes
    to more than MAX_ANSWER_BYTES."""
    for name, value in headers:
        if name.lower() == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
            unfolding = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # gzip or zlib, by its first bytes
            body = unfolding.decompress(body, MAX_ANSWER_BYTES + 1)
            if not unfolding.eof or len(body) > MAX_ANSWER_BYTES:
                raise zlib.error("not whole, or too large")
    return body


def head_of(request: httpx.Request) -> bytes:
    """The request line and headers. Raises ValueError where a header contains a line break."""
    lines = [b"%s %s HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path)]
    lines += [b"%s: %s" % header for header in request.headers.raw]
    head = b"\r\n".join([*lines, b"Accept: */*\r\n\r\n"])
    if head.count(b"\n") != len(lines) + 2 or head.count(b"\r") != len(lines) + 2 or b"\0" in head:
        raise ValueError("a header with a line break or NUL in it")
    return head


@lru_cache(maxsize=4)
def trust(bundle: Path | None = None) -> ssl.SSLContext:
    """The authorities that TLS trusts: the system's, and those of a PEM file. Raises OSError."""
    context = ssl.create_default_context()
    if bundle is not None:
        context.load_verify_locations(bundle)
    context.set_alpn_protocols(["http/1.1"])
    return context
