"""Waits until the parts of a stack can be used."""

import http.client
import time
from collections.abc import Callable

from config.stack import Stack
from local.services import ServiceError
from tasks.broker import Transport
from tasks.redis_check import trouble
from tasks.redis_connections import RedisUrlError
from tasks.redis_connections import connect as connect_redis
from tasks.redis_faults import CLUSTER
from tasks.sending import sender

TICK_S = 0.1
WORKERS_START_S = WEB_STARTS_S = 60.0
Say = Callable[[str], None]
Keep = Callable[[], None]
"""Restarts what has died; to be called about ten times a second, by one thread."""


def await_redis(found: Stack, say: Say) -> None:
    """Wait until Redis can be used, saying why it cannot. Raises ServiceError."""
    deadline, told = time.monotonic() + WORKERS_START_S, ""
    try:
        with connect_redis(found.redis_url, found.redis_ca) as client:
            while (wrong := trouble(client)) is not None:
                if wrong == CLUSTER or time.monotonic() > deadline:
                    raise ServiceError(f"cannot use Redis: {wrong}")
                if wrong != told:
                    say(f"waiting for Redis: {wrong}")
                told = wrong
                time.sleep(TICK_S)
    except RedisUrlError as error:
        raise ServiceError(f"CONSENT_REDIS_URL: {error}") from None


def await_workers(found: Stack, expected: int, keep: Keep) -> None:
    """Wait until so many workers answer. Raises ServiceError."""
    deadline = time.monotonic() + WORKERS_START_S
    with sender(found.redis_url, found.redis_ca) as app:
        while time.monotonic() < deadline:
            keep()
            try:
                if len(app.control.ping(timeout=0.3, limit=expected)) >= expected:
                    return
            except Transport.connection_errors:
                time.sleep(TICK_S)  # it waits for a Redis that cannot be used just now
    raise ServiceError("the workers did not start; see the worker logs in the data folder")


def await_web(port: int, keep: Keep) -> None:
    """Wait until the web process is ready on this port of this machine. Raises ServiceError."""
    deadline = time.monotonic() + WEB_STARTS_S
    while time.monotonic() < deadline:
        keep()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except (OSError, http.client.HTTPException):
            time.sleep(TICK_S)
        finally:
            connection.close()
    raise ServiceError("the web process did not start; see web.log in the data folder")
