"""Builds a worker process: one event loop, one route to each vendor, the ledger and the toolbox."""

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

import uvloop
from celery import Celery

from adapters import opendsr_callbacks
from adapters.contract import NotNowError
from adapters.directory import HttpDirectory
from adapters.sending import sending_until
from config.callbacks import callbacks_of
from config.log_copy import copy_folder
from config.opendsr_signer import SigningError, find_signer
from config.settings import Settings, SettingsError
from config.signing import newest_signing_key, own_public_keys
from config.stack import Stack, find_stack
from domain.directory import Answers
from domain.notices import Style
from domain.requests import Subject
from ledger import due
from ledger.delivery.chunks import release
from ledger.delivery.restored import TO_DO
from ledger.fitness import check_fitness
from ledger.sealing import MasterKeys
from ledger.session import connect
from tasks import redis_connections
from tasks.announcing import announce_all
from tasks.log import LogKeeper
from tasks.log_copy import LogCopy, LogSize
from tasks.look import Lookout, look
from tasks.notify import Courier, Format
from tasks.redis_connections import connect_async
from tasks.resolve import Resolver
from tasks.restored import check_at_start
from tasks.rewriting import Rewriting
from tasks.toolbox import Toolbox
from worker.answer_notes import AnswerNotes
from worker.clock import Clock
from worker.messages import Messages
from worker.refused import Refusals
from worker.routes import open_routes
from worker.stamping import stamping_of
from worker.turns import Turns

LEDGER_CONNECTIONS = 8
TRUSTED_S = 1.0
"""A connection that was used this recently is not tested again: a chunk would test it six times."""
T = TypeVar("T")

log = logging.getLogger(__name__)


def _formats(settings: Settings) -> dict[Style, Format]:
    """The formats for receivers that came with a request. Without a key, OpenDSR messages cannot be sent: they wait,
    and everything else goes on."""
    try:
        signer = find_signer(settings.opendsr, settings.data_dir)
    except SigningError as error:
        log.error("OpenDSR callbacks are not sent: %s", error)
        return {}
    return {Style.OPENDSR: partial(opendsr_callbacks.format_letter, signer=signer)} if signer is not None else {}


def _keys(variable: str, parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except ValueError as error:  # it gives the position of a key, never the key
        raise SettingsError(f"{variable}: {error}") from None


class Runtime:
    """One worker process's resources, made when its first task needs them and closed when it stops."""

    def __init__(self, settings: Settings, stack: Stack, app: Celery, holder: str) -> None:
        masters = _keys("CONSENT_MASTER_KEYS", MasterKeys.parse, stack.master_keys)
        self._engine = connect(
            stack.database_url,
            pool_size=LEDGER_CONNECTIONS,
            patience_s=settings.lease_s,
            trusted_s=TRUSTED_S,
            pooled=stack.pooled,
        )
        check_fitness(self._engine, masters)
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="vendors", daemon=True)
        self._thread.start()
        self._stopping = threading.Event()
        self._redis = connect_async(stack.redis_url, stack.redis_ca)
        adapters, egress, messages = settings.adapters(), settings.egress(), Messages(app)
        self.tools = Toolbox(
            engine=self._engine,
            masters=masters,
            routes=open_routes(adapters, self._redis, masters, egress, settings.lease_s),
            start=self._start,
            send_deliver=messages.deliver,
            hand_over=lambda vendor: messages.wake([vendor]),
            stopping=self._stopping.is_set,
            holder=holder,
            lease_s=settings.lease_s,
            verify_after_s=settings.verify_after_s,
            hold_after=settings.hold_after,
            probe_after_s=settings.probe_after_s,
            wake_courier=messages.wake_courier,
        )
        self.courier = Courier(
            engine=self._engine,
            masters=masters,
            start=self._start,
            callbacks=callbacks_of(settings),
            receivers=settings.webhooks.named(),
            stopping=self._stopping.is_set,
            formats=_formats(settings),
        )
        self.log_keeper = LogKeeper(
            self._engine,
            masters,
            partial(newest_signing_key, settings),
            settings.log_origin,
            LogCopy.at(copy_folder(settings), partial(own_public_keys, settings)),
            self._stopping.is_set,
            stamping_of(settings, egress, self._start),
        )
        self._rewrites = redis_connections.connect(stack.redis_url, stack.redis_ca)
        self.refusals = Refusals(self._engine, Rewriting(self._rewrites))
        self._directory = settings.resolver.directory(egress)
        self.resolver = (
            Resolver(
                self._engine, masters, self._look_up, messages.wake, self._stopping.is_set, settings.resolver.batch
            )
            if self._directory is not None
            else None
        )
        self.turns = Turns(self._redis, self._start, holder)
        self.lookout = Lookout(
            self._engine,
            self.turns.take,
            messages.send,
            resolves=self.resolver is not None,
            see_log=LogSize(self._engine, self.log_keeper.copy).see,
        )
        self.clock = Clock(
            lambda: look(self.lookout),
            take_turn=self.turns.take,
            note_served=self._note_served,
            note_answers=AnswerNotes(self._engine, self.tools.routes).note,
            stopping=self._stopping,
        )
        self._hosts = settings.webhooks.hosts()
        self._recipients = settings.recipients()

    @classmethod
    def open(cls, app: Celery, holder: str) -> "Runtime":
        """The runtime of this process's environment, announced in the ledger; `holder` is the worker's unique name.

        Raises SettingsError, NoStackError, ledger.failures.LedgerError where the ledger cannot be used, and
        ledger.sealing.UnsealError for keys of another ledger.
        """
        settings = Settings.load()
        runtime = cls(settings, find_stack(settings), app, holder)
        runtime.announce()
        return runtime

    def announce(self) -> None:
        """Record which vendors and receivers this worker knows, and release the leases of the last worker with this
        name, which is gone. Hold every vendor where the ledger was restored from a backup."""
        adapters = {name: route.adapter for name, route in self.tools.routes.items()}
        with self._engine.begin() as connection:
            announce_all(connection, adapters, self._recipients, self._hosts)
            release(connection, self.tools.holder)
        if check_at_start(self._engine, self.log_keeper.copy) is not None:
            log.warning("every vendor is held, because this ledger was restored from a backup: %s", TO_DO)

    def _look_up(self, people: Sequence[Subject], over: Callable[[], bool]) -> Answers:
        if isinstance(self._directory, HttpDirectory):
            return self._start(sending_until(over, self._directory.look_up(people))).result()
        if over():
            raise NotNowError(0.0)
        return self._directory.look_up(people) if self._directory is not None else [[] for _ in people]

    def _start(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _note_served(self) -> None:
        with self._engine.begin() as connection:
            due.note_served(connection, self.tools.routes.keys())

    def stop(self) -> None:
        """Send no new request from now on. What is under way ends and is recorded; the rest is put back."""
        self._stopping.set()

    def close(self) -> None:
        """Close every connection and the loop."""
        self.clock.join(timeout_s=5)
        self.refusals.close()
        self._rewrites.close()
        self._start(self._close_connections()).result(timeout=5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        self._loop.close()
        self._engine.dispose()

    async def _close_connections(self) -> None:
        for route in self.tools.routes.values():
            await route.exchange.transport.aclose()
        if isinstance(self._directory, HttpDirectory):
            await self._directory.transport.aclose()
        await self._redis.aclose()
