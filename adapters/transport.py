"""The only sender: one httpx request out, one bounded httpx response back, within a total time."""

import asyncio
from dataclasses import dataclass, field
from ipaddress import ip_address

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

MAX_ANSWER_BYTES = 8_000_000
"""Larger than any answer in the vendors' pages (1,000 users with an error line each); more is not read."""


class NotSentError(Exception):
    """No connection could be made, so nothing happened at the vendor. Check its address and the network."""


class AnswerLostError(Exception):
    """The request went out and no whole answer came back: the vendor may or may not have acted on it."""


def refuse_plain_http(url: httpx.URL) -> None:
    """Raise ValueError unless `url` is https, or http to this machine."""
    if url.scheme == "https" or (url.scheme == "http" and is_loopback(url.host)):
        return
    raise ValueError("must be an https address; plain http is only for loopback")


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass
class Transport:
    """One connection pool to one vendor, for one process and event loop.

    httpx's own pool scans every connection on every request, so the requests go through `httpx-aiohttp`'s transport,
    called directly (docs/decisions/0003).
    """

    concurrency: int
    timeout_s: float
    _inner: AiohttpTransport | None = field(default=None, init=False, repr=False)

    async def send(self, request: httpx.Request) -> httpx.Response:
        """The vendor's whole answer. Never follows a redirect, never sends a second time.

        Raises NotSentError, AnswerLostError; ValueError for an address that is neither https nor loopback.
        """
        refuse_plain_http(request.url)
        if self._inner is None:
            self._inner = AiohttpTransport(client=self._open_pool)
        try:
            async with asyncio.timeout(self.timeout_s):
                return await self._exchange(self._inner, request)
        except TimeoutError:
            # Whether the time ran out before or after sending cannot be told apart safely.
            raise AnswerLostError from None
        except (httpx.RequestError, aiohttp.ClientError) as error:
            raise _told_apart(error) from None

    async def _exchange(self, inner: AiohttpTransport, request: httpx.Request) -> httpx.Response:
        response = await inner.handle_async_request(request)
        body = bytearray()
        try:
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > MAX_ANSWER_BYTES:
                    raise AnswerLostError
        finally:
            await response.aclose()
        headers = [(name, value) for name, value in response.headers.raw if name.lower() not in _OF_THE_WIRE]
        return httpx.Response(response.status_code, headers=headers, content=bytes(body), request=request)

    def _open_pool(self) -> aiohttp.ClientSession:
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self.concurrency, keepalive_timeout=30.0),
            cookie_jar=aiohttp.DummyCookieJar(),  # a cookie belongs to one person; none may reach the next one
            skip_auto_headers=("User-Agent", "Accept-Encoding"),
            trust_env=False,
        )
        # aiohttp repeats a PUT or DELETE by itself when a kept connection was closed: a second request that no permit
        # was taken for. There is no public switch.
        session._retry_connection = False
        return session

    async def aclose(self) -> None:
        """Close the connections."""
        if self._inner is not None:
            await self._inner.aclose()
            self._inner = None


_OF_THE_WIRE = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})


def _told_apart(error: Exception) -> NotSentError | AnswerLostError:
    # httpx-aiohttp 0.2 maps every lost connection to ConnectTimeout; only aiohttp's own class tells a connection that
    # was never made from one that broke after sending.
    cause = error.__cause__ or error
    if isinstance(cause, aiohttp.ClientConnectorError):
        return NotSentError()
    return AnswerLostError()
