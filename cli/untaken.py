"""Whether requests of Celery producers wait, and no process takes them in."""

from os import PathLike

from redis.exceptions import RedisError

from cli.moment import OPEN
from intake.take_in.inbox import say_nobody_takes_in, waiting
from ledger.desk.status import Status
from tasks.redis_connections import connect


def say_untaken(status: Status, redis_url: str, ca: str | PathLike[str] | None) -> str | None:
    """The sentence for it, with the status of a request that has not ended: more may follow. None where nothing waits,
    or Redis does not answer; the status is known without it."""
    if status.status not in OPEN:
        return None
    try:
        with connect(redis_url, ca) as client:
            messages, processes = waiting(client)
    except RedisError:
        return None
    return say_nobody_takes_in(messages) if messages and not processes else None
