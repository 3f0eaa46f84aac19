"""Send receivers every change of a request's status. Nothing waits for it."""

import logging
import random
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime

from adapters.callbacks import Letter, Receiver, SendResult
from adapters.clock import monotonic
from adapters.contract import NotNowError
from adapters.sending import sending_until
from adapters.standard_webhooks import format_letter
from domain.notices import Failure, Notice, Style
from domain.retry import GiveUp, RetryPolicy
from ledger.notices import outbox
from ledger.notices.outbox import Claimed
from ledger.sealing import MasterKeys
from ledger.session import Connection, Engine
from tasks.receivers import Sends
from tasks.toolbox import Start

log = logging.getLogger(__name__)

POLICY = RetryPolicy(max_attempts=1_000, max_age_s=3 * 86_400, base_s=5.0, cap_s=3_600.0)
"""Three days, bounded by age alone: first within seconds, later about every half hour."""
LEASE_S = 60.0
"""A message whose worker is silent for this long is sent again. It is several times what one attempt may take."""
TURN_S = 5.0
"""How long one call keeps claiming messages. The rest is left to the next call."""
MOST_UNDER_WAY = 256
"""Messages that one call sends at the same time, to all hosts together."""
TICK_S = 0.25
"""How soon a process that stops is noticed."""

Format = Callable[[Notice, str], Letter]
"""Makes headers and body of a notice for an address, in one style."""


@dataclass(frozen=True)
class Courier:
    """What sending notices needs."""

    engine: Engine
    masters: MasterKeys
    start: Start = field(repr=False)
    callbacks: Sends
    receivers: Mapping[str, Receiver]
    """The operator's receivers by name."""
    stopping: Callable[[], bool] = field(repr=False)
    formats: Mapping[Style, Format] = field(default_factory=dict, repr=False)
    """By style, the format for receivers that came with a request."""


def notify(courier: Courier) -> int:
    """Send what is due until nothing is, for some seconds at most; returns the number of attempts.

    Any number may run at once. A message is sent at least once, always with the same id: a worker that dies between
    sending and recording leaves it to be sent again. Each result is recorded as it arrives and the next message is
    claimed then, so nobody waits for a slow receiver.
    """
    attempts = 0
    enough = time.monotonic() + TURN_S
    under_way: dict[Future[SendResult | None], Claimed] = {}
    faults: list[BaseException] = []
    look = True
    while look or under_way:
        if look and not courier.stopping() and time.monotonic() < enough and len(under_way) < MOST_UNDER_WAY:
            asked = monotonic()
            with courier.engine.begin() as connection:
                claimed = outbox.claim(
                    connection,
                    courier.masters,
                    lease_s=LEASE_S,
                    receivers=courier.receivers.keys(),
                    styles=courier.formats.keys(),
                )
            under_way |= {courier.start(_tell_in_time(message, courier, asked)): message for message in claimed}
        ended = wait(under_way, TICK_S, FIRST_COMPLETED).done
        faults += _record_all({telling: under_way.pop(telling) for telling in ended}, courier)
        attempts += len(ended)
        look = bool(ended)
        if courier.stopping():
            for telling in under_way:
                telling.cancel()
    for fault in faults:  # our own faults; the message waits until its lease is over
        raise fault
    return attempts


def _record_all(ended: Mapping["Future[SendResult | None]", Claimed], courier: Courier) -> list[BaseException]:
    """Record each result, our own faults among them."""
    if not ended:
        return []
    faults = []
    with courier.engine.begin() as connection:
        for telling, message in ended.items():
            if telling.cancelled():  # cut off because this process stops
                record(connection, message, None)
            elif (fault := telling.exception()) is not None:
                faults.append(fault)
            else:
                record(connection, message, telling.result())
    return faults


async def _tell_in_time(message: Claimed, courier: Courier, asked: float) -> SendResult | None:
    """The result; None where the lease, asked for at `asked`, was nearly over before anything was sent, because this
    process was frozen."""
    try:
        return await sending_until(lambda: monotonic() - asked > LEASE_S / 2, _tell(message, courier))
    except NotNowError:
        return None


async def _tell(message: Claimed, courier: Courier) -> SendResult:
    if message.sealed is not None:
        return SendResult(message.sealed)
    if message.receiver is None:
        own_format = courier.formats.get(message.style)
        if own_format is None or message.url is None:
            return SendResult(Failure.SWITCHED_OFF)
        return await courier.callbacks.tell(message.url, own_format(message.notice, message.url))
    receiver = courier.receivers.get(message.receiver)
    if receiver is None:  # other workers have newer settings
        return SendResult(Failure.SWITCHED_OFF)
    letter = format_letter(message.notice, receiver.secrets, datetime.now(UTC))
    return await courier.callbacks.tell(receiver.url, letter)


FINAL = frozenset({Failure.GONE, Failure.FORGOTTEN})
"""Failures that retrying does not change. All others may go away within three days."""


def record(connection: Connection, message: Claimed, result: SendResult | None) -> None:
    """Record an attempt, and when the next one is due."""
    if result is None:
        outbox.put_back(connection, message, 0.0, None, None)
        return
    if result.failure is None:
        assert result.answer is not None  # noqa: S101 - only an answer is a success
        outbox.delivered(connection, message, result.answer)
        return
    what = (message.notice.status, message.notice.request_id, message.receiver or message.host, result.failure)
    then = POLICY.decide(
        attempts=message.attempts,
        age_s=message.age_s,
        jitter=random.random(),  # noqa: S311 - spreads load, guards nothing
        retry_after_s=result.retry_after_s,
    )
    if isinstance(then, GiveUp) or result.failure in FINAL:
        outbox.give_up(connection, message, result.failure, result.answer)
        log.warning("given up: telling the status %s of request %s to %s: %s", *what)
    else:
        outbox.put_back(connection, message, then.delay_s, result.failure, result.answer)
        log.info("telling the status %s of request %s to %s: %s; again in %.0f s", *what, then.delay_s)
