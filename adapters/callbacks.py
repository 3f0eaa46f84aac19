"""Telling a receiver: one POST to an address vetted at that moment, and its status back, within a total time."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import chain, zip_longest

import httpx

from adapters import wire
from adapters.egress import DIRECT, Egress
from adapters.receivers import AddressError, Rules, name_of
from adapters.sending import refuse_when_over
from adapters.triage import retry_after_s
from adapters.tunnelled_httpx import httpx_transport
from domain.notices import Failure

TOTAL_S = 15.0
"""For all of it: name, connection, TLS, request and status line. The convention recommends 15 to 30 s."""
CONNECT_S = 3.0
MOST_ADDRESSES = 4
"""Of one name that are tried, one after the other and IPv6 and IPv4 in turns, while nothing could be sent."""

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Host and port to IP addresses. Raises OSError."""


@dataclass(frozen=True)
class Letter:
    """What is sent. Neither is shown: the signature is good for five minutes."""

    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Told:
    """How an attempt went: no failure is a 2xx. `answer` is the HTTP status, if there was one."""

    failure: Failure | None = None
    answer: int | None = None
    retry_after_s: float = 0.0


_NAMES = ThreadPoolExecutor(16, thread_name_prefix="receiver-names")
"""Threads for receivers' names alone: the loop's few serve the vendors, and a name may take long on purpose."""
_sought: dict[tuple[str, int], "Future[list[str]]"] = {}
"""Names that are being looked up: one thread for each, however many wait for it, as a thread cannot be called back."""


async def resolve(host: str, port: int) -> list[str]:
    """Every address of a name, as this machine finds it. Raises OSError."""
    seeking = _sought.get((host, port))
    if seeking is None:
        seeking = _sought[host, port] = _NAMES.submit(_look_up, host, port)
        seeking.add_done_callback(lambda _: _sought.pop((host, port), None))
    return await asyncio.shield(asyncio.wrap_future(seeking))


def _look_up(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:  # Python's own check of labels
        raise OSError("not a name") from None
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@dataclass(frozen=True)
class Callbacks:
    """Sends to receivers within the rules of an operator.

    The name is resolved once, every address of it vetted, and the connection made to a vetted address: a name that
    answers otherwise a moment later (DNS rebinding) gains nothing. The certificate is checked against the name. A
    proxy, too, is asked for the vetted address, and never for a name, which it might find inside of the network.
    """

    rules: Rules
    resolve: Resolve = field(default=resolve, repr=False)
    trust: ssl.SSLContext = field(default_factory=wire.trust, repr=False)
    total_s: float = TOTAL_S
    egress: Egress = DIRECT

    async def tell(self, address: str, letter: Letter) -> Told:
        """Send once. Never follows a redirect, never raises for what a receiver or its name does.

        Raises NotNowError where the time to send it is over (adapters.sending).
        """
        try:
            url = self.rules.check(address)
        except AddressError:
            return Told(Failure.NOT_ALLOWED)
        try:
            async with asyncio.timeout(self.total_s):
                return await self._send(url, letter)
        except AddressError:
            return Told(Failure.NOT_PUBLIC)
        except TimeoutError:  # before OSError, of which it is one
            return Told(Failure.NO_ANSWER)
        except (httpx.ConnectError, httpx.ConnectTimeout, OSError):
            return Told(Failure.UNREACHABLE)
        except httpx.HTTPError:
            return Told(Failure.NO_ANSWER)

    async def _send(self, url: httpx.URL, letter: Letter) -> Told:
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

    async def _post(self, url: httpx.URL, ip: str, letter: Letter) -> Told:
        headers = {**letter.headers, "Host": url.netloc.decode(), "Connection": "close", "Accept-Encoding": "identity"}
        request = httpx.Request(
            "POST",
            url.copy_with(host=ip),
            headers=headers,
            content=letter.body,
            extensions={"sni_hostname": name_of(url), "timeout": {"connect": CONNECT_S}, "trace": _right_before},
        )
        # Without httpx's client around it, which logs addresses. A pool of its own: a kept connection is known by its
        # IP address, and would carry a message for another name there that never showed its certificate.
        async with httpx_transport(self.egress, self.trust, name_of(url), ip) as transport:
            response = await transport.handle_async_request(request)
            await response.aclose()  # its body is nobody's business, and may be endless
        return _told(response)


def _in_turns(found: list[str]) -> list[str]:
    """The same addresses, the first of each family, then the second of each: many of one that leads nowhere must not
    hide the other (RFC 8305, 4)."""
    alike = [ip for ip in found if (":" in ip) == (":" in found[0])]
    others = [ip for ip in found if (":" in ip) != (":" in found[0])]
    return [ip for ip in chain.from_iterable(zip_longest(alike, others)) if ip is not None]


async def _right_before(event: str, _info: object) -> None:
    if event == "http11.send_request_headers.started":
        refuse_when_over()


def _told(response: httpx.Response) -> Told:
    status = response.status_code
    if response.is_success:
        return Told(answer=status)
    if status == HTTPStatus.GONE:
        return Told(Failure.GONE, status)
    return Told(Failure.REFUSED, status, retry_after_s(response, datetime.now(UTC)))
