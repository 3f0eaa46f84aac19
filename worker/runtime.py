"""Putting a worker process together: one event loop, one way to each vendor, the ledger and the toolbox."""

import asyncio
import threading
from collections.abc import Coroutine, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

import uvloop
from celery import Celery
from kombu.exceptions import OperationalError
from redis.asyncio import Redis

from adapters.contract import Adapter
from adapters.credentials import Credentials
from adapters.exchange import Exchange
from adapters.registry import chunk_sizes
from adapters.transport import Transport
from config.settings import Settings
from config.stack import Stack, find_stack
from ledger.chunks import release
from ledger.sealing import MasterKeys
from ledger.session import connect
from ledger.vendors import announce
from tasks.queues import DELIVER, BrokerError, queue_of
from tasks.toolbox import Line, Toolbox
from worker.throttle import open_lanes

LEDGER_CONNECTIONS = 8
T = TypeVar("T")


class Runtime:
    """One worker process's own things, made when its first task needs them and closed when it stops."""

    def __init__(self, settings: Settings, stack: Stack, app: Celery, holder: str) -> None:
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="vendors", daemon=True)
        self._thread.start()
        self._stopping = threading.Event()
        self._app = app
        self._redis = Redis.from_url(stack.redis_url, socket_timeout=5.0, socket_connect_timeout=3.0)
        self._engine = connect(stack.database_url, pool_size=LEDGER_CONNECTIONS, patience_s=settings.lease_s)
        masters = MasterKeys.parse(stack.master_keys)
        adapters = settings.adapters()
        self.tools = Toolbox(
            engine=self._engine,
            masters=masters,
            lines=self._open_lines(adapters, masters),
            start=self._start,
            send_deliver=self._send_deliver,
            stopping=self._stopping.is_set,
            holder=holder,
            lease_s=settings.lease_s,
            verify_after_s=settings.verify_after_s,
            hold_after=settings.hold_after,
            probe_after_s=settings.probe_after_s,
        )
        with self._engine.begin() as connection:
            announce(connection, chunk_sizes(adapters.values()))
            # Whoever had this name before is gone, without the time to give back what it held.
            release(connection, holder)

    @classmethod
    def open(cls, app: Celery, holder: str) -> "Runtime":
        """The runtime that this process's environment asks for; `holder` is the worker's name, which no other has.

        Raises SettingsError, NoStackError, ValueError.
        """
        settings = Settings.load()
        return cls(settings, find_stack(settings), app, holder)

    def _open_lines(self, adapters: Mapping[str, Adapter], masters: MasterKeys) -> dict[str, Line]:
        credentials = Credentials(self._redis, masters)
        lanes = open_lanes(
            self._redis, {name: adapter.settings.requests_per_minute for name, adapter in adapters.items()}
        )
        lines = {}
        for name, adapter in adapters.items():
            transport = Transport(adapter.settings.timeout_s)
            exchange = Exchange(adapter, transport, credentials, lanes[name])
            lines[name] = Line(adapter, exchange, asyncio.Semaphore(adapter.settings.concurrency))
        return lines

    def _start(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _send_deliver(self, vendor: str, chunk_ids: list[int]) -> None:
        try:
            with self._app.producer_pool.acquire(block=True) as producer:
                for chunk_id in chunk_ids:
                    self._app.send_task(
                        DELIVER, args=[chunk_id], queue=queue_of(vendor), producer=producer, ignore_result=True
                    )
        except (OperationalError, AttributeError):
            # kombu stumbles over its own missing connection when Redis dies at the wrong moment.
            raise BrokerError from None

    def stop(self) -> None:
        """No new request goes out from now on; what is under way ends, is recorded, and the rest is given back."""
        self._stopping.set()

    def close(self) -> None:
        """Close every connection and end the loop."""
        self._start(self._close_connections()).result(timeout=5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        self._loop.close()
        self._engine.dispose()

    async def _close_connections(self) -> None:
        for line in self.tools.lines.values():
            await line.exchange.transport.aclose()
        await self._redis.aclose()
