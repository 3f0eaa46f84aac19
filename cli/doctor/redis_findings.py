"""What `consent doctor` says about Redis, and about the clocks of the three machines."""

from datetime import UTC, datetime, timedelta

from redis.exceptions import RedisError

from cli.doctor.findings import Finding, parted
from domain.counted import counted
from intake.stack import Surroundings
from intake.take_in.inbox import say_nobody_takes_in, waiting
from ledger.clock import time_by
from ledger.failures import LedgerError, as_ledger_errors
from tasks.redis_check import clock, trouble, worries
from tasks.redis_connections import RedisAddress, connect
from tasks.redis_faults import AWAY, say_fault
from tasks.sealed import ProducerKeys

LET_US = "let the user of CONSENT_REDIS_URL do this (docs/operations.md, Redis)"
TO_DO = {
    AWAY: "see that Redis runs, and that CONSENT_REDIS_URL leads there; `consent up` starts an embedded one",
    "it is still loading its data": "try again in a moment",
    "too few replicas follow it, so it takes nothing": "bring its replicas back, or lower min-replicas-to-write",
}
"""Where the words for a fault of Redis name nothing to do."""
CLOCKS_MAY_DIFFER = timedelta(seconds=2)


def redis_finding(here: Surroundings) -> Finding:
    """Whether Redis can be used: it allows all our commands, and has accepted a write."""
    with connect(here.stack.redis_url, here.stack.redis_ca) as client:
        wrong = trouble(client)
    if wrong is not None:
        says, do = parted(wrong, TO_DO.get(wrong, LET_US))
        return Finding("redis", f"{here.redis}: {says}", do=do)
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
        waiting_now = counted(messages, "message of producers waits", "messages of producers wait")
        return Finding("take-in", f"{processes:,} at it; {waiting_now}", is_good=True)
    if messages:
        says, do = parted(say_nobody_takes_in(messages), "")
        return Finding("take-in", says, do=do)
    if ProducerKeys.parse(here.stack.producer_keys).public is None:
        return None
    says = "nobody takes in what producers push, and nothing waits; run `consent take-in` if there are producers"
    return Finding("take-in", says, is_good=True)


def redis_worries(here: Surroundings) -> list[Finding]:
    """Faults that will stop work one day, and whether the clocks agree."""
    try:
        with connect(here.stack.redis_url, here.stack.redis_ca) as client:
            found = [Finding("redis", says, do=do) for says, do in (parted(worry, LET_US) for worry in worries(client))]
            redis_ahead = clock(client) - datetime.now(UTC)
    except RedisError as error:
        says, do = parted(say_fault(error), TO_DO.get(say_fault(error), LET_US))
        return [Finding("redis", f"{here.redis}: {says}", do=do)]
    ahead = {"Redis": redis_ahead}
    try:
        with as_ledger_errors(), here.engine.connect() as connection:
            ahead["PostgreSQL"] = time_by(connection) - datetime.now(UTC)
    except LedgerError:
        pass  # another line says so
    return [*found, *(_clock_off(name, by) for name, by in ahead.items() if abs(by) > CLOCKS_MAY_DIFFER)]


def _clock_off(name: str, by: timedelta) -> Finding:
    side = "ahead of" if by > timedelta() else "behind"
    says = f"the clock of {name} is {abs(by.total_seconds()):.0f} s {side} this machine's"
    return Finding("clocks", says, do="have all machines keep time")
