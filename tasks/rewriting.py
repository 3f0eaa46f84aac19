"""Has Redis rewrite its append-only file after a readable message was removed from a list."""

import logging
from collections.abc import Callable
from time import monotonic

from redis import Redis, RedisError, ResponseError
from redis.exceptions import MasterDownError, NoPermissionError

NOT_OFTENER_S = 300.0
AGAIN_S = 5.0
"""Delay after a failed attempt: another rewrite was under way, or Redis was away."""
PASSING = ("progress", "BUSY")
"""In answers that pass soon. A rewrite under way began before the message was removed, so another one is needed."""
FORBIDDEN = ("NOPERM", "unknown command")
BY_HAND = "run BGREWRITEAOF, or see to it that the file is gone (docs/producers.md)"

log = logging.getLogger(__name__)


class Rewriting:
    """Has the file rewritten soon after it is wanted, but not often: it costs Redis work."""

    def __init__(self, redis: Redis, now: Callable[[], float] = monotonic) -> None:
        self._redis, self._now = redis, now
        self._wanted, self._not_before = False, float("-inf")

    @property
    def is_wanted(self) -> bool:
        """Whether a rewrite is still to be done."""
        return self._wanted

    def want(self) -> None:
        """Note that something readable has left Redis, and is still in its file."""
        self._wanted = True

    def see_to_it(self) -> None:
        """Rewrite the file where that is wanted. Never raises: a failure is retried, or logged."""
        if not self._wanted or self._now() < self._not_before:
            return
        self._not_before = self._now() + NOT_OFTENER_S
        self._wanted = False  # before it begins: what is wanted meanwhile needs another rewrite
        try:
            if self._redis.info("persistence").get("aof_enabled"):
                self._redis.bgrewriteaof()
                log.warning("a message was refused that may have been readable: Redis writes its file anew without it")
        except ResponseError as error:
            self._was_refused(error)
        except RedisError:
            self._again()

    def _was_refused(self, error: ResponseError) -> None:
        if isinstance(error, MasterDownError) or any(word in str(error) for word in PASSING):
            self._again()
            return
        log.error("a message that may have been readable is still in the file of Redis: %s", BY_HAND)
        # Who may not do it never may. All else may pass: it is tried again, and told again, after a while.
        self._wanted = not (isinstance(error, NoPermissionError) or any(word in str(error) for word in FORBIDDEN))

    def _again(self) -> None:
        self._wanted, self._not_before = True, self._now() + AGAIN_S
