"""A connection through an HTTP proxy: CONNECT (RFC 9110, 9.3.6), and TLS to the destination inside of it."""

import asyncio
import re
import ssl

import httpx

from adapters.egress import Proxy, authority
from adapters.wire import Connection, Origin, connect

MOST_HEAD_BYTES = 16_384
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([0-9]{3})(?: |\r\n)")
_END = b"\r\n\r\n"


class ProxyError(OSError):
    """The proxy refuses the connection, so nothing was sent. The message says why, in our words."""


def asks_for(proxy: Proxy, host: str, port: int) -> bytes:
    """The CONNECT request for this host, a name in ASCII or an address without brackets."""
    place = authority(host, port).encode("ascii")
    lines = [b"CONNECT %s HTTP/1.1" % place, b"Host: %s" % place]
    if proxy.authorization is not None:
        lines.append(b"Proxy-Authorization: %s" % proxy.authorization)
    return b"\r\n".join(lines) + _END


def is_through(answer: bytes) -> bool:
    """Whether the beginning of the proxy's answer is a yes; False while it is incomplete. Raises ProxyError."""
    head, end, more = answer.partition(_END)
    if not end:
        if len(answer) > MOST_HEAD_BYTES:
            raise ProxyError("its answer to CONNECT has no end")
        return False
    found = _STATUS_LINE.match(head + end)
    if found is None:
        raise ProxyError("its answer to CONNECT is no HTTP/1.1")
    status = int(found[1])
    if status == httpx.codes.PROXY_AUTHENTICATION_REQUIRED:
        raise ProxyError("it asks for another user and password (HTTP status 407)")
    if not httpx.codes.is_success(status):
        raise ProxyError(f"it refuses CONNECT with the HTTP status {status}")
    if more:  # the other side speaks only after it was spoken to
        raise ProxyError("it sends more than an answer to CONNECT")
    return True


class _Asking(asyncio.Protocol):
    """Waits for the proxy's answer."""

    def __init__(self) -> None:
        self.through: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.out_of_turn = False
        self._answer = b""

    def data_received(self, data: bytes) -> None:
        """Receive a part of the answer."""
        if self.through.done():
            self.out_of_turn = True
            return
        self._answer += data
        try:
            if is_through(self._answer):
                self.through.set_result(None)
        except ProxyError as error:
            self.through.set_exception(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """The proxy closed the connection."""
        if not self.through.done():
            self.through.set_exception(ProxyError("it hangs up instead of answering CONNECT"))


async def open_through(proxy: Proxy, origin: Origin, trusted: ssl.SSLContext) -> Connection:
    """A connection to this origin, by TLS through the proxy. Raises OSError, of which ProxyError is a subclass."""
    connection = Connection()
    transport = await ask(proxy, origin.host, origin.port, trusted)
    try:
        inside = await asyncio.get_running_loop().start_tls(transport, connection, trusted, server_hostname=origin.host)
        if inside is None:
            raise ConnectionAbortedError
    except BaseException:  # also when cancelled: nobody else would close it
        transport.abort()
        raise
    connection.connection_made(inside)
    return connection


async def ask(proxy: Proxy, host: str, port: int, trusted: ssl.SSLContext) -> asyncio.Transport:
    """A connection to this host over which nothing has been sent yet. Raises OSError, of which ProxyError is a
    subclass."""
    name = httpx.URL(scheme="https", host=host).raw_host.decode("ascii")
    connected = await connect(proxy.host, proxy.port)
    secure = proxy.scheme == "https"
    try:
        transport, asking = await asyncio.get_running_loop().create_connection(
            _Asking, sock=connected, ssl=trusted if secure else None, server_hostname=proxy.host if secure else None
        )
    except BaseException:
        connected.close()
        raise
    try:
        transport.write(asks_for(proxy, name, port))
        await asking.through
        if asking.out_of_turn or transport.is_closing():
            raise ProxyError("it opens the way and closes it again")
    except BaseException:
        transport.abort()
        raise
    return transport
