"""httpcore connections through a proxy, by CONNECT."""

import asyncio
import ssl
from collections.abc import Iterable

import httpcore

from adapters.egress import Proxy
from adapters.tunnel import ProxyError, asks_for, is_through


def pool_through(proxy: Proxy, trusted: ssl.SSLContext, proxy_trusted: ssl.SSLContext) -> httpcore.AsyncConnectionPool:
    """A pool whose connections all go through the proxy."""
    return httpcore.AsyncConnectionPool(ssl_context=trusted, network_backend=_ThroughProxy(proxy, proxy_trusted))


class _ThroughProxy(httpcore.AsyncNetworkBackend):
    """Connects through the proxy."""

    def __init__(self, proxy: Proxy, trusted: ssl.SSLContext) -> None:
        self._proxy, self._trusted = proxy, trusted
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to this host. Raises httpcore.ConnectError, httpcore.ConnectTimeout."""
        try:
            async with asyncio.timeout(timeout):
                return await self._ask(host, port)
        except TimeoutError:
            raise httpcore.ConnectTimeout from None
        except (ProxyError, httpcore.NetworkError):  # also while its answer is read: nothing was sent
            raise httpcore.ConnectError from None

    async def _ask(self, host: str, port: int) -> httpcore.AsyncNetworkStream:
        stream = await self._network.connect_tcp(self._proxy.host, self._proxy.port)
        try:
            if self._proxy.scheme == "https":
                stream = await stream.start_tls(self._trusted, self._proxy.host)
            await stream.write(asks_for(self._proxy, host, port))
            answer = b""
            while not is_through(answer):
                piece = await stream.read(4096)
                if not piece:
                    raise ProxyError("it hangs up instead of answering CONNECT")
                answer += piece
        except BaseException:  # also when cancelled: nobody else would close it
            await stream.aclose()
            raise
        return stream
