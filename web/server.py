"""`consent web`: the HTTP app on uvicorn, with limits on slow clients before there is a request."""

import asyncio
import logging
import signal
from collections.abc import Sequence
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from config.collector import freeze_what_exists
from config.logging import set_up_logging
from config.opendsr_signer import SigningError, find_signer
from config.settings import Settings
from intake.exit_codes import CommandError, Ending
from intake.stack import BAD_KEYS, Surroundings, surroundings
from ledger.failures import LedgerError
from ledger.fitness import check_fitness
from ledger.master_keys import why_not_these
from ledger.sealing import UnsealError
from web.app import create_app
from web.connection_limits import Callers
from web.context import LEDGER_CONNECTIONS, Context, open_context
from web.frame import complete
from web.networks import network_of
from web.opendsr.answers import Processor
from web.problems import Problem

LARGEST_HEAD = 65_536
HEAD_WITHIN_S = 10.0
MOST_CONNECTIONS = 1_000
PATIENCE_S = 30.0
TRUSTED_S = 1.0
"""A connection to the ledger that was used within a second is assumed to be alive."""
STOPS_WITHIN_S = 5
log = logging.getLogger(__name__)
NOT_HTTP = Problem(400, "not-http", "this cannot be read as a request of HTTP/1.1")
HEAD_TOO_LARGE = Problem(431, "head-too-large", f"path and headers are larger than {LARGEST_HEAD:,} bytes together")


class HeadTooLargeError(Exception):
    """Stops the parser."""


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's own protocol waits for the head of a request for ever, and accepts any size of head and any number of
    connections from one address. Here it is 10 s and 64 kB, also on a kept connection, and what `callers` allows. What
    never reaches the app is refused with a problem too."""

    callers: Callers
    _head: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _refusal = NOT_HTTP
    _has_room = True

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._who = network_of(self.client[0]) if self.client else ""
        self._has_room = self.callers.came(self._who, self)
        self._await_head()

    @property
    def is_idle(self) -> bool:
        """Whether it waits for a request, or for the rest of a head."""
        return self.cycle is None or (self.cycle.response_complete and not self.pipeline)

    def hang_up(self) -> None:
        """Close it, as after a long idle time."""
        self.transport.close()

    def _await_head(self) -> None:
        self._head_bytes = 0
        if self._head is None:
            self._head = self.loop.call_later(HEAD_WITHIN_S, self.transport.close)

    def data_received(self, data: bytes) -> None:
        if self._head is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        # The bytes left here came after the last complete head, or are the body of that request.
        if self._head is not None and self._head_bytes > LARGEST_HEAD:
            self._refuse(HEAD_TOO_LARGE)

    def on_message_begin(self) -> None:
        self._await_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._done()
        # A head that came in a single piece was not measured before.
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > LARGEST_HEAD:
            self._refusal = HEAD_TOO_LARGE
            raise HeadTooLargeError
        has_room = self._has_room and len(self.connections) <= MOST_CONNECTIONS
        self.app = self.config.loaded_app if has_room else _crowded_out
        super().on_headers_complete()

    def send_400_response(self, _: str) -> None:
        self._refuse(self._refusal)

    def _refuse(self, problem: Problem) -> None:
        """Answer instead of the parser, unless that would garble an answer under way; then close the connection."""
        self._done()
        if not (self.transport.is_closing() or self._is_answering()):
            self.transport.write(_as_bytes(problem, self.server_state.default_headers))
        self.transport.close()

    def _is_answering(self) -> bool:
        began = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        return began or bool(self.pipeline)

    def _done(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._done()
        self.callers.went(self._who, self)
        super().connection_lost(exc)


async def _crowded_out(scope: Scope, receive: Receive, send: Send) -> None:
    problem = Problem.later(503, "crowded", "as many connections are open as can be; nothing was recorded", 1)
    await complete(problem)(scope, receive, send)


def _as_bytes(problem: Problem, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    response = complete(problem)
    status = f"HTTP/1.1 {response.status_code} {HTTPStatus(response.status_code).phrase}".encode()
    lines = [status, *(name + b": " + value for name, value in (*headers, *response.raw_headers)), b"", b""]
    return b"\r\n".join(lines) + response.body


def served(app: FastAPI, host: str, port: int, *, behind_proxy: bool = False) -> uvicorn.Config:
    """The uvicorn configuration of this app."""

    class Bounded(PatientProtocol):
        callers = Callers(bounded=not behind_proxy)

    return uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=Bounded,
        ws="none",
        log_config=None,
        access_log=False,  # paths may be anything, such as a person's address in the wrong place
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=STOPS_WITHIN_S,
    )


def serve(host: str | None, port: int | None) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises CommandError."""
    with surroundings(LEDGER_CONNECTIONS, PATIENCE_S, TRUSTED_S) as here, open_context(here) as context:
        set_up_logging(here.settings.log_level)
        _check(here, context)
        # Uvicorn stops, and then raises the signal again, for us: we have things to close.
        signal.signal(signal.SIGTERM, lambda *_: None)
        settings = here.settings
        at = (host or settings.web_host, settings.web_port if port is None else port)
        _refuse_open(at[0], settings)
        app = create_app(context, _processor(settings))
        server = uvicorn.Server(served(app, *at, behind_proxy=settings.web_behind_tls))
        freeze_what_exists()
        server.run()


def _check(here: Surroundings, context: Context) -> None:
    """Return also while the ledger, or its migration, is missing for now: /readyz says so. Raises CommandError for keys
    that will never fit."""
    try:
        check_fitness(context.engine, context.masters)
    except UnsealError as error:
        told = f"{BAD_KEYS}{why_not_these(error)} at {here.postgres}"
        raise CommandError(told, Ending.UNUSABLE) from None
    except LedgerError as error:
        log.warning("PostgreSQL at %s: %s; until then requests are answered with 503", here.postgres, error)


def _refuse_open(host: str, settings: Settings) -> None:
    """Raise CommandError where keys and people would be sent over a network in clear, unless a setting says that TLS is
    in front."""
    if settings.web_behind_tls or is_loopback(host):
        return
    told = (
        f"the web process would listen on {host or 'all addresses'} without TLS, and keys and people could be read on "
        "the way: put a proxy with TLS in front and set CONSENT_WEB_BEHIND_TLS=true, or have it listen on 127.0.0.1"
    )
    raise CommandError(told, Ending.UNUSABLE)


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def _processor(settings: Settings) -> Processor | None:
    """Our identity as an OpenDSR processor; None without a key, and then OpenDSR is left out. Raises CommandError."""
    try:
        signer = find_signer(settings.opendsr, settings.data_dir)
    except SigningError as error:
        raise CommandError(f"these settings cannot be used:\n{error}", Ending.UNUSABLE) from None
    return Processor(signer, settings.webhooks.rules()) if signer is not None else None
