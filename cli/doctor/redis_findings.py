"""What `consent doctor` says about Redis, and about the clocks of the three machines."""

from datetime import UTC, datetime, timedelta

from redis.exceptions import RedisError

from cli.doctor.findings import Finding
from intake.stack import Surroundings
from intake.take_in.inbox import NOBODY_TAKES_IN, waiting
from ledger.clock import time_by
from ledger.failures import LedgerError, as_ledger_errors
from tasks.redis_check import clock, trouble, worries
from tasks.redis_connections import RedisAddress, connect
from tasks.redis_faults import say_fault
from tasks.sealed import ProducerKeys

CLOCKS_MAY_DIFFER = timedelta(seconds=2)


def redis_finding(here: Surroundings) -> Finding:
    """Whether Redis can be used: it allows all our commands, and has accepted a write."""
    with connect(here.stack.redis_url, here.stack.redis_ca) as client:
        wrong = trouble(client)
    if wrong is not None:
        return Finding("redis", f"{here.redis}: {wrong}")
    says = "reachable, and takes what we write"
    if not RedisAddress.parse(here.stack.redis_url, here.stack.redis_ca).is_private:
        says += "; not encrypted on the way there: use rediss://"
    return Finding("redis", f"{here.redis}: {says}", is_good=True)


def take_in_finding(here: Surroundings) -> Finding | None:
    """Whether a process takes in what Celery producers push; None where there is none and there are no producers."""
    try:
        with connect(here.stack.redis_url, here.stack.redis_ca) as client:
            messages, processes = waiting(client)
    except RedisError:
        return None  # another line says so
    if processes:
        return Finding("take-in", f"{processes:,} at it; {messages:,} messages of producers wait", is_good=True)
    if messages:
        return Finding("take-in", NOBODY_TAKES_IN.format(messages))
    if ProducerKeys.parse(here.stack.producer_keys).public is None:
        return None
    says = "nobody takes in what producers push, and nothing waits; run `consent take-in` if there are producers"
    return Finding("take-in", says, is_good=True)


def redis_worries(here: Surroundings) -> list[Finding]:
    """Faults that will stop work one day, and whether the clocks agree."""
    try:
        with connect(here.stack.redis_url, here.stack.redis_ca) as client:
            found = [Finding("redis", worry) for worry in worries(client)]
            redis_ahead = clock(client) - datetime.now(UTC)
    except RedisError as error:
        return [Finding("redis", f"{here.redis}: {say_fault(error)}")]
    ahead = {"Redis": redis_ahead}
    try:
        with as_ledger_errors(), here.engine.connect() as connection:
            ahead["PostgreSQL"] = time_by(connection) - datetime.now(UTC)
    except LedgerError:
        pass  # another line says so
    return [*found, *(_clock_off(name, by) for name, by in ahead.items() if abs(by) > CLOCKS_MAY_DIFFER)]


def _clock_off(name: str, by: timedelta) -> Finding:
    side = "ahead of" if by > timedelta() else "behind"
    says = f"the clock of {name} is {abs(by.total_seconds()):.0f} s {side} this machine's: have all machines keep time"
    return Finding("clocks", says)
