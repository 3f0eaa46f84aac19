"""The only sender: one httpx request out, one bounded httpx response back, within a total time."""

import asyncio
from dataclasses import dataclass, field

import aiohttp
import httpx
from yarl import URL

from adapters.addresses import refuse_plain_http

MAX_ANSWER_BYTES = 8_000_000
"""Larger than any answer in the vendors' pages (1,000 users with an error line each); more is not read."""


class NotSentError(Exception):
    """No connection could be made, so nothing happened at the vendor. Check its address and the network."""


class AnswerLostError(Exception):
    """The request went out and no whole answer came back: the vendor may or may not have acted on it."""


@dataclass
class Transport:
    """One connection pool to one vendor, for one process and event loop.

    httpx's own pool scans every connection on every request, so its requests go out through aiohttp
    (docs/decisions/0003).
    """

    concurrency: int
    timeout_s: float
    _pool: aiohttp.ClientSession | None = field(default=None, init=False, repr=False)

    async def send(self, request: httpx.Request) -> httpx.Response:
        """The vendor's whole answer. Never follows a redirect, never sends a second time.

        Raises NotSentError, AnswerLostError; ValueError for an address that is neither https nor loopback.
        """
        refuse_plain_http(request.url)
        if self._pool is None:
            self._pool = self._open_pool()
        try:
            async with asyncio.timeout(self.timeout_s):
                return await self._exchange(self._pool, request)
        except aiohttp.ClientConnectorError:
            raise NotSentError from None
        except (TimeoutError, aiohttp.ClientError):
            # Whether it broke before or after the vendor had the request cannot be told apart safely.
            raise AnswerLostError from None

    async def _exchange(self, pool: aiohttp.ClientSession, request: httpx.Request) -> httpx.Response:
        async with pool.request(
            request.method,
            # As it stands: aiohttp would otherwise undo some of the encoding of a person's id in the path.
            URL(str(request.url), encoded=True),
            headers=request.headers.multi_items(),
            data=request.content or None,
            allow_redirects=False,
        ) as answer:
            body = bytearray()
            async for piece in answer.content.iter_chunked(_PIECE_BYTES):
                body += piece
                if len(body) > MAX_ANSWER_BYTES:
                    raise AnswerLostError
        headers = [(name, value) for name, value in answer.raw_headers if name.lower() not in _OF_THE_WIRE]
        return httpx.Response(answer.status, headers=headers, content=bytes(body), request=request)

    def _open_pool(self) -> aiohttp.ClientSession:
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self.concurrency, keepalive_timeout=30.0),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # ours is the total one of `send`
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
        if self._pool is not None:
            await self._pool.close()
            self._pool = None


_PIECE_BYTES = 65_536
_OF_THE_WIRE = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})
