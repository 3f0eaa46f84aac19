"""Refuses a Redis in cluster mode, which none of our processes can use."""

from contextlib import suppress
from os import PathLike

from redis.exceptions import RedisError

from tasks.redis_check import is_cluster
from tasks.redis_connections import connect
from tasks.redis_faults import CLUSTER


def refuse_cluster(redis_url: str, redis_ca: str | PathLike[str] | None) -> None:
    """End this process where Redis runs in cluster mode: waiting does not help. Raises SystemExit."""
    with connect(redis_url, redis_ca) as redis, suppress(RedisError):  # a Redis that is away is waited for
        if is_cluster(redis):
            raise SystemExit(f"cannot work with this Redis: {CLUSTER}")
