"""The only module that sends to vendors: one httpx request out, one bounded httpx response back, within a total
time."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from random import uniform
from time import monotonic

import httpx

from adapters.addresses import refuse_plain_http
from adapters.egress import DIRECT, Egress
from adapters.sending import refuse_when_over
from adapters.tunnel import open_through
from adapters.wire import MAX_ANSWER_BYTES, AnswerLostError, Connection, NotSentError, Origin, head_of

__all__ = ["MAX_ANSWER_BYTES", "AnswerLostError", "NotSentError", "Transport"]

KEEP_S = 30.0
"""A connection is used again within this time. Many servers close idle ones after a minute."""
RENEWED_AFTER_S = 60.0
"""A connection is used for this long at most, so that changes of a name's address are followed. Each lives up to a
quarter less, by chance, so that connections made together are not all renewed together."""


@dataclass
class Transport:
    """The connections to one vendor, for one process and event loop: one for each concurrent caller, last used first.

    httpx's own pool scans every connection on every request, and aiohttp's client takes three times as long, so we keep
    the connections ourselves (docs/decisions/0003). Nothing is sent twice, no redirect followed, no cookie kept, and no
    proxy of the environment used: `egress` says which proxy to use, and which authorities to trust.
    """

    timeout_s: float
    egress: Egress = DIRECT
    _idle: defaultdict[Origin, list[Connection]] = field(
        default_factory=lambda: defaultdict(list), init=False, repr=False
    )

    async def send(self, request: httpx.Request) -> httpx.Response:
        """The vendor's whole answer.

        Raises NotSentError, AnswerLostError; NotNowError where the time to send is over (adapters.sending); ValueError
        for an address that is neither https nor loopback.
        """
        began = monotonic()
        url = request.url
        origin = _origin_of(url.scheme, url.host, url.port)
        head = head_of(request)
        while True:
            kept = self._take(origin)
            connection = kept or await self._connect(origin)
            left_s = self.timeout_s - (monotonic() - began)
            try:
                status, headers, body = await connection.exchange(head, request.content, within_s=left_s)
                break
            except NotSentError:
                if kept is None:
                    raise
                # A kept connection was closed just now: nothing was sent, and that says nothing about the vendor.
        if connection.usable:
            connection.idle_since = monotonic()
            self._idle[origin].append(connection)
        told = [header for header in headers if header[0].lower() not in _OF_THE_WIRE]
        return httpx.Response(status, headers=told, content=body, request=request)

    def _take(self, origin: Origin) -> Connection | None:
        idle = self._idle[origin]
        now = monotonic()
        while idle:
            connection = idle.pop()
            if connection.usable and now - connection.idle_since < KEEP_S and now < connection.retires_at:
                return connection
            connection.close()
        return None

    async def _connect(self, origin: Origin) -> Connection:
        refuse_when_over()  # the wire checks again before the first byte
        proxy = self.egress.proxy_to(origin.host)
        try:
            async with asyncio.timeout(self.timeout_s):
                if proxy is None:
                    trusted = self.egress.trust if origin.scheme == "https" else None
                    connection = await Connection.open(origin, trusted)
                else:
                    connection = await open_through(proxy, origin, self.egress.trust)
        except OSError:  # TimeoutError and ProxyError are subclasses
            raise NotSentError from None
        connection.retires_at = monotonic() + RENEWED_AFTER_S * uniform(0.75, 1.0)  # noqa: S311 - no secret
        return connection

    async def aclose(self) -> None:
        """Close the connections."""
        for idle in self._idle.values():
            for connection in idle:
                connection.close()
        self._idle.clear()


@lru_cache(maxsize=64)
def _origin_of(scheme: str, host: str, port: int | None) -> Origin:
    refuse_plain_http(httpx.URL(scheme=scheme, host=host))
    return Origin(scheme, host, port or (443 if scheme == "https" else 80))


_OF_THE_WIRE = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})
