"""Runs the process that takes in, until SIGTERM, whatever happens to Redis and PostgreSQL."""

import logging
import signal
import threading
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from types import FrameType

from redis import Redis, RedisError
from redis.exceptions import OutOfMemoryError

from config.collector import freeze_what_exists
from config.logging import set_up_logging
from intake.exit_codes import CommandError, Ending, note
from intake.stack import BAD_KEYS, Surroundings, guards_of, master_keys, surroundings
from intake.take_in.inbox import LIVES_S, Inbox, runs_here
from intake.take_in.rounds import AwayError, Rounds
from ledger.fitness import check_fitness
from ledger.master_keys import why_not_these
from ledger.sealing import UnsealError
from tasks.known import Lately
from tasks.producers import Intake
from tasks.queues import BrokerError
from tasks.redis_check import is_cluster
from tasks.redis_connections import connect
from tasks.redis_faults import CLUSTER, say_fault
from tasks.rewriting import Rewriting
from tasks.sealed import ProducerKeys
from tasks.sending import sender, wake
from tasks.submit import Wake

LEDGER_CONNECTIONS = 2
PATIENCE_S, TRUSTED_S = 60.0, 1.0
WAIT_S = 2.0
"""How long one wait for new messages lasts, well within a client's time-out. It ends as soon as there is a message."""
IDLE_S = 10.0
AGAIN_S = 5.0
"""When to retry after Redis or PostgreSQL was away, or a master key missing."""
LOOKS_AFTER_S = 15.0
"""How often to look for processes that are gone. With LIVES_S, their messages are taken over within a minute."""
GATHERS_S = 60.0
NO_REDIS = "Redis cannot be used"
FULL = f"{NO_REDIS}: {say_fault(OutOfMemoryError())}"
STUCK_S = 300.0
"""A process whose round takes this long is taken for dead: others take over its messages."""

log = logging.getLogger(__name__)


class _StoppedError(BaseException):
    """Raised by the signal handler where the process only waits."""


def run() -> Ending:
    """Take in until SIGTERM or Ctrl-C. Raises CommandError."""
    with (
        surroundings(LEDGER_CONNECTIONS, PATIENCE_S, TRUSTED_S) as here,
        sender(here.stack.redis_url, here.stack.redis_ca) as app,
    ):

        def wake_workers(vendors: Sequence[str]) -> None:
            try:
                wake(app, vendors)
            except BrokerError:
                log.debug("workers are not woken: they look by themselves")

        set_up_logging(here.settings.log_level)
        with connect(here.stack.redis_url, here.stack.redis_ca) as redis:
            _check_services(here, redis)
            Process(redis, intake_of(here, wake_workers)).run()
    return Ending.DONE


def _check_services(here: Surroundings, redis: Redis) -> None:
    """Return where this process can work, or where waiting will help. Raises CommandError, and LedgerError."""
    try:
        check_fitness(here.engine, master_keys(here))
    except UnsealError as error:
        raise CommandError(f"{BAD_KEYS}{why_not_these(error)}", Ending.UNUSABLE) from None
    with suppress(RedisError):  # a Redis that is away is waited for
        if is_cluster(redis):
            raise CommandError(f"cannot work with Redis at {here.redis}: {CLUSTER}", Ending.UNREACHABLE)


def check() -> Ending:
    """Return where such a process runs on this host and is healthy. Raises CommandError."""
    with surroundings() as here, connect(here.stack.redis_url, here.stack.redis_ca) as redis:
        try:
            if runs_here(redis):
                return Ending.DONE
        except RedisError:
            raise CommandError(f"Redis at {here.redis} cannot be used", Ending.UNREACHABLE) from None
    note("nothing takes in what producers push, on this host: run `consent take-in`")
    return Ending.EXCEPTIONS


def intake_of(here: Surroundings, waking: Wake) -> Intake:
    """What taking in needs, for this stack. Raises CommandError."""
    masters = master_keys(here)
    try:
        keys = ProducerKeys.parse(here.stack.producer_keys)
    except ValueError as error:
        raise CommandError(f"these settings cannot be used:\nCONSENT_PRODUCER_KEYS: {error}", Ending.UNUSABLE) from None
    return Intake(here.engine, masters, keys, waking, guards_of(here.settings), Lately(here.engine, masters))


class Process:
    """Runs rounds for ever, and what has to be done between them."""

    def __init__(self, redis: Redis, intake: Intake) -> None:
        self._inbox, self._rewriting = Inbox(redis), Rewriting(redis)
        self._rounds = Rounds(self._inbox, intake, self._rewriting.want)
        self._stopping = threading.Event()
        self._waits = False
        self._looks_at = self._gathers_at = 0.0
        self._turned_at = monotonic()
        self._trouble = ""

    def run(self) -> None:
        """Run until a signal; then give back what was taken and is not done."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        threading.Thread(target=self._stay_alive, name="alive", daemon=True).start()
        freeze_what_exists()
        log.info("ready: takes in what producers push")
        while not self._stopping.is_set():
            try:
                self._turn()
            except _StoppedError:
                break
        self._leave()

    def _turn(self) -> None:
        self._turned_at = monotonic()
        try:
            self._look_after()
            is_rest = not self._rounds.run()
            if is_rest:
                self._rewriting.see_to_it()
                self._wait()
        except AwayError as error:
            self._put_up_with(f"PostgreSQL or a key cannot be used: {error}")
        except RedisError as error:
            self._put_up_with(f"{NO_REDIS}: {say_fault(error)}")
        else:
            # Messages are also taken from a full Redis. Only a wait shows that it has room again.
            if is_rest or self._trouble != FULL:
                self._all_is_well()

    def _all_is_well(self) -> None:
        if self._trouble:
            log.info("messages of producers are taken in again")
        self._trouble = ""

    def _put_up_with(self, trouble: str) -> None:
        if trouble != self._trouble:  # one line when it begins, not one every few seconds
            log.warning("messages of producers wait: %s", trouble)
        self._trouble = trouble
        self._stopping.wait(AGAIN_S)

    def _look_after(self) -> None:
        now = monotonic()
        if now >= self._looks_at:
            self._looks_at = now + LOOKS_AFTER_S
            if adopted := self._inbox.adopt():
                log.warning("%d messages of a process that is gone are taken up again", adopted)
                self._rounds.look_soon()
        if now >= self._gathers_at:
            self._gathers_at = now + GATHERS_S
            self._inbox.gather()

    def _wait(self) -> None:
        """Wait until there is a message, or something to check."""
        until = monotonic() + min(IDLE_S, self._rounds.rests_s())
        came = False
        try:
            self._waits = True
            while not (came or self._stopping.is_set()) and (left := until - monotonic()) > 0:
                came = self._inbox.wait(max(0.1, min(left, WAIT_S)))  # 0 would wait for ever
        finally:
            self._waits = False

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping.set()
        if self._waits:
            raise _StoppedError

    def _stay_alive(self) -> None:
        while not self._stopping.is_set():
            try:
                if monotonic() - self._turned_at < STUCK_S:
                    self._inbox.stay_alive()
            except RedisError:
                log.debug("no sign of life: Redis is away")
            self._stopping.wait(LIVES_S / 3)

    def _leave(self) -> None:
        try:
            self._inbox.leave()
        except RedisError as error:
            log.warning("what was taken is not given back (%s): others take it up", type(error).__name__)
