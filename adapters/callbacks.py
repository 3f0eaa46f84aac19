"""Send a receiver one POST to an address that was checked at that moment, and return its status, within a total
time."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import chain, zip_longest

import httpx
from pydantic import SecretStr

from adapters import wire
from adapters.egress import DIRECT, Egress
from adapters.receivers import AddressError, Rules, name_of
from adapters.sending import refuse_when_over
from adapters.triage import retry_after_s
from adapters.tunnelled_httpx import httpx_transport
from domain.notices import Failure

TOTAL_S = 15.0
"""Limit on the whole: name, connection, TLS, request and status line. The convention recommends 15 to 30 s."""
CONNECT_S = 3.0
MOST_ADDRESSES = 4
"""How many addresses of a name are tried in turn, IPv6 and IPv4 alternating, while nothing could be sent."""

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Host and port to IP addresses. Raises OSError."""


@dataclass(frozen=True)
class Letter:
    """What is sent. Its repr shows nothing: the signature is valid for five minutes."""

    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Receiver:
    """One of the operator's receivers: its address, and the secrets that it may verify signatures with, newest
    first."""

    url: str = field(repr=False)
    secrets: Sequence[SecretStr]


@dataclass(frozen=True)
class SendResult:
    """The result of an attempt: no failure means 2xx. `answer` is the HTTP status, if there was one."""

    failure: Failure | None = None
    answer: int | None = None
    retry_after_s: float = 0.0


_NAMES = ThreadPoolExecutor(16, thread_name_prefix="receiver-names")
"""Threads for resolving receivers' names only. The loop's few threads serve the vendors, and a name server may be slow
on purpose."""
_sought: dict[tuple[str, int], "Future[list[str]]"] = {}
"""Names being resolved, one thread each, however many callers wait: a thread cannot be cancelled."""


async def resolve(host: str, port: int) -> list[str]:
    """Resolve a name to all its addresses. Raises OSError."""
    seeking = _sought.get((host, port))
    if seeking is None:
        seeking = _sought[host, port] = _NAMES.submit(_look_up, host, port)
        seeking.add_done_callback(lambda _: _sought.pop((host, port), None))
    return await asyncio.shield(asyncio.wrap_future(seeking))


def _look_up(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:  # Python's own check of labels failed
        raise OSError("not a name") from None
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@dataclass(frozen=True)
class Callbacks:
    """Sends to receivers within the operator's rules.

    The name is resolved once, every address is checked, and the connection goes to a checked address: a name that
    resolves differently a moment later (DNS rebinding) gains nothing. The certificate is verified against the name. A
    proxy too is given the checked address, never a name, which it might resolve inside the network.
    """

    rules: Rules
    resolve: Resolve = field(default=resolve, repr=False)
    trust: ssl.SSLContext = field(default_factory=wire.trust, repr=False)
    total_s: float = TOTAL_S
    egress: Egress = DIRECT

    async def tell(self, address: str, letter: Letter) -> SendResult:
        """Send once. Never follows a redirect, and never raises for what a receiver or its name does.

        Raises NotNowError where the time to send is over (adapters.sending).
        """
        try:
            url = self.rules.check(address)
        except AddressError:
            return SendResult(Failure.NOT_ALLOWED)
        try:
            async with asyncio.timeout(self.total_s):
                return await self._send(url, letter)
        except AddressError:
            return SendResult(Failure.NOT_PUBLIC)
        except TimeoutError:  # a subclass of OSError
            return SendResult(Failure.NO_ANSWER)
        except (httpx.ConnectError, httpx.ConnectTimeout, OSError):
            return SendResult(Failure.UNREACHABLE)
        except httpx.HTTPError:
            return SendResult(Failure.NO_ANSWER)

    async def _send(self, url: httpx.URL, letter: Letter) -> SendResult:
        port = url.port or (443 if url.scheme == "https" else 80)
        found = await self.resolve(name_of(url), port)
        for ip in found:
            self.rules.vet(ip)
        unreachable: httpx.TransportError = httpx.ConnectError("its name has no address")
        for ip in _in_turns(found)[:MOST_ADDRESSES]:
            try:
                return await self._post(url, ip, letter)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                unreachable = error  # nothing was sent
        raise unreachable

    async def _post(self, url: httpx.URL, ip: str, letter: Letter) -> SendResult:
        headers = {**letter.headers, "Host": url.netloc.decode(), "Connection": "close", "Accept-Encoding": "identity"}
        request = httpx.Request(
            "POST",
            url.copy_with(host=ip),
            headers=headers,
            content=letter.body,
            extensions={"sni_hostname": name_of(url), "timeout": {"connect": CONNECT_S}, "trace": _right_before},
        )
        # Without httpx's client, which logs addresses. Each letter has its own pool: a kept connection is identified by
        # its IP address, and would carry a message for another name that never showed its certificate.
        async with httpx_transport(self.egress, self.trust, name_of(url), ip) as transport:
            response = await transport.handle_async_request(request)
            await response.aclose()  # the body is not read: it is of no use, and may be endless
        return _result_of(response)


def _in_turns(found: list[str]) -> list[str]:
    """The addresses with the families alternating: many addresses of an unreachable family must not hide the other one
    (RFC 8305, 4)."""
    alike = [ip for ip in found if (":" in ip) == (":" in found[0])]
    others = [ip for ip in found if (":" in ip) != (":" in found[0])]
    return [ip for ip in chain.from_iterable(zip_longest(alike, others)) if ip is not None]


async def _right_before(event: str, _info: object) -> None:
    if event == "http11.send_request_headers.started":
        refuse_when_over()


def _result_of(response: httpx.Response) -> SendResult:
    status = response.status_code
    if response.is_success:
        return SendResult(answer=status)
    if status == HTTPStatus.GONE:
        return SendResult(Failure.GONE, status)
    return SendResult(Failure.REFUSED, status, retry_after_s(response, datetime.now(UTC)))
