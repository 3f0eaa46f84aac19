"""`consent web`: the HTTP app on uvicorn, with limits on who is slow before there is a request."""

import asyncio
import signal
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from config.logging import set_up_logging
from config.opendsr import SigningError, find_signer
from config.settings import Settings
from intake.api import create_app
from intake.door import LEDGER_CONNECTIONS, open_door
from intake.endings import CommandError, Ending
from intake.opendsr_answers import Processor
from intake.surroundings import surroundings

LARGEST_HEAD = 65_536
HEAD_WITHIN_S = 10.0
MOST_CONNECTIONS = 1_000
PATIENCE_S = 30.0
TRUSTED_S = 1.0
"""A connection to the ledger that was in use a second ago is taken to live still."""
STOPS_WITHIN_S = 5


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's own, which waits for the head of a request for ever and takes one of any size: here it is 10 s and
    64 kB, also for a connection that was kept alive."""

    _head: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._await_head()

    def _await_head(self) -> None:
        self._head_bytes = 0
        if self._head is None:
            self._head = self.loop.call_later(HEAD_WITHIN_S, self.transport.close)

    def data_received(self, data: bytes) -> None:
        if self._head is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        # What is left here came after the last head that was whole, or is the body of that request.
        if self._head is not None and self._head_bytes > LARGEST_HEAD:
            self.transport.close()

    def on_message_begin(self) -> None:
        self._await_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._done()
        super().on_headers_complete()

    def _done(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._done()
        super().connection_lost(exc)


def served(app: FastAPI, host: str, port: int) -> uvicorn.Config:
    """How uvicorn serves this app."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=PatientProtocol,
        ws="none",
        log_config=None,
        access_log=False,  # paths may be anything, also a person's address in the wrong place
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=STOPS_WITHIN_S,
    )


def serve(host: str | None, port: int | None) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises CommandError."""
    with surroundings(LEDGER_CONNECTIONS, PATIENCE_S, TRUSTED_S) as here, open_door(here) as door:
        set_up_logging(here.settings.log_level)
        # Uvicorn stops, and then raises the signal once more: to us, who have something to close.
        signal.signal(signal.SIGTERM, lambda *_: None)
        at = (host or here.settings.web_host, here.settings.web_port if port is None else port)
        uvicorn.Server(served(create_app(door, _processor(here.settings)), *at)).run()


def _processor(settings: Settings) -> Processor | None:
    """Who we are at the OpenDSR door, which stays shut without a key. Raises CommandError."""
    try:
        signer = find_signer(settings.opendsr, settings.data_dir)
    except SigningError as error:
        raise CommandError(f"these settings cannot be used:\n{error}", Ending.UNUSABLE) from None
    return Processor(signer, settings.webhooks.rules()) if signer is not None else None
