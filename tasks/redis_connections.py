"""How all our clients connect to Redis: how long they wait, how they notice silence, which certificates they trust.

One module, so that Celery, its producers, the throttle, the web process, `consent doctor` and Flower behave alike.
"""

import socket
import ssl
from dataclasses import dataclass, field
from ipaddress import ip_address
from os import PathLike
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import MasterDownError, ReadOnlyError
from redis.retry import Retry

from tasks.bounded_answers import AsyncBoundedParser, BoundedParser

CONNECT_S = 3.0
ANSWER_S = 4.0
"""Redis answers within milliseconds, or something is wrong."""
HEALTH_S = 4.0
"""How often a listening connection checks that the other side is there. It is closed after the second check without an
answer."""
DEFAULT_PORT = 6379
SCHEMES = ("redis", "rediss", "unix")
FORM = "redis://user:password@host:port/number, or rediss://… over TLS"
PROBE_KEY = "consent:probe"
PROBE_MS = 10_000

_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_STRICT = {"ssl_cert_reqs": ("required", "CERT_REQUIRED"), "ssl_check_hostname": ("true", "True", "1")}
_MOVED = [ReadOnlyError, MasterDownError]
"""Errors of a server that is no longer a primary: its name may resolve to another one now, so reconnect."""


class RedisUrlError(ValueError):
    """The address of Redis cannot be used. The message says why, and quotes nothing of it."""


READING = {"parser_class": BoundedParser, "protocol": 2}
"""Options of connections that are used from threads."""


@dataclass(frozen=True)
class RedisAddress:
    """The address of Redis, our login there, and the certificates that we trust."""

    host: str = "localhost"
    port: int = DEFAULT_PORT
    database: int = 0
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    unix_socket: str | None = None
    tls: dict[str, Any] | None = None
    """redis-py's `ssl_…` arguments; None: not encrypted."""

    @classmethod
    def parse(cls, url: str, ca: str | PathLike[str] | None = None) -> "RedisAddress":
        """Parse an address; `ca`: a file of CA certificates for rediss://, None: the system's. Raises RedisUrlError."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise RedisUrlError(f"is not of the form {FORM}") from None
        if parts.scheme not in SCHEMES or port == 0:
            raise RedisUrlError(f"is not of the form {FORM}")
        given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        path = unquote(parts.path)
        is_socket = parts.scheme == "unix"
        number = given.pop("db", "") or given.pop("virtual_host", "") or ("" if is_socket else path.strip("/")) or "0"
        if not number.isdecimal():
            raise RedisUrlError(f"the database at its end is no number; it is of the form {FORM}")
        tls = _tls(given, ca) if parts.scheme == "rediss" else None
        if given:
            raise RedisUrlError(f"nothing can be set by {', '.join(sorted(given))} in it: leave that out")
        return cls(
            host or "localhost",
            port or DEFAULT_PORT,
            int(number),
            unquote(parts.username) if parts.username else None,
            unquote(parts.password) if parts.password else None,
            path if is_socket else None,
            tls,
        )

    @property
    def is_private(self) -> bool:
        """Whether nobody can listen in: it is encrypted, or does not leave this machine."""
        return self.tls is not None or self.unix_socket is not None or _is_loopback(self.host)

    @property
    def broker_url(self) -> str:
        """The address for Celery, without options."""
        login = f"{quote(self.user or '', safe='')}:{quote(self.password or '', safe='')}@"
        host = f"[{self.host}]" if ":" in self.host else self.host
        scheme = "redis" if self.tls is None else "rediss"
        return f"{scheme}://{login if self.user or self.password else ''}{host}:{self.port}/{self.database}"


def connect(url: str, ca: str | PathLike[str] | None = None) -> redis.Redis:
    """A client for use from threads. Raises RedisUrlError; it connects later."""
    retry = Retry(NoBackoff(), 1, (redis.ConnectionError,))
    options = _client_options(RedisAddress.parse(url, ca)) | {"retry": retry, "retry_on_error": [*_MOVED]}
    client = redis.Redis(**options)
    client.connection_pool.connection_kwargs |= READING
    return client


def connect_async(url: str, ca: str | PathLike[str] | None = None) -> AsyncRedis:
    """A client for an event loop. Raises RedisUrlError; it connects later."""
    retry = AsyncRetry(NoBackoff(), 1, (redis.ConnectionError,))
    client = AsyncRedis(**_client_options(RedisAddress.parse(url, ca)), retry=retry, retry_on_error=[*_MOVED])
    client.connection_pool.connection_kwargs |= {"parser_class": AsyncBoundedParser}
    return client


def broker_settings(url: str, ca: str | PathLike[str] | None = None, *, must_write: bool = False) -> dict[str, Any]:
    """Celery's settings for this Redis, for an app with `tasks.broker.Amqp`. With `must_write`, a connection only
    counts once Redis has accepted a write. Raises RedisUrlError."""
    address = RedisAddress.parse(url, ca)
    options: dict[str, Any] = {
        "socket_timeout": ANSWER_S,
        "socket_connect_timeout": CONNECT_S,
        "socket_keepalive": True,
        "socket_keepalive_options": keep_alive(),
        "health_check_interval": HEALTH_S,
        # A publisher's attempts to connect; consumers, and beat, try for ever.
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0.2,
        "interval_max": 0.5,
        "must_write": must_write,
    }
    if address.unix_socket is not None:
        options["unix_socket"] = address.unix_socket
    return {
        "broker_url": address.broker_url,
        "broker_use_ssl": address.tls,
        "broker_transport_options": options,
        "broker_connection_timeout": CONNECT_S,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,  # Redis may be away for as long as it likes
        "broker_channel_error_retry": True,
        "task_publish_retry": True,
        "task_publish_retry_policy": {"max_retries": 1, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.5},
    }


def keep_alive() -> dict[int, int]:
    """TCP options by which the kernel notices within about 15 s that the other machine is gone."""
    wished = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 3, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 15_000}
    return {getattr(socket, name): value for name, value in wished.items() if hasattr(socket, name)}


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _client_options(address: RedisAddress) -> dict[str, Any]:
    return {
        "host": address.host,
        "port": address.port,
        "db": address.database,
        "username": address.user,
        "password": address.password,
        "unix_socket_path": address.unix_socket,
        "protocol": 2,
        "socket_timeout": ANSWER_S,
        "socket_connect_timeout": CONNECT_S,
        "socket_keepalive": True,
        "socket_keepalive_options": keep_alive(),
        "health_check_interval": HEALTH_S,
        **({"ssl": True} | address.tls if address.tls is not None else {}),
    }


def _tls(given: dict[str, str], ca: str | PathLike[str] | None) -> dict[str, Any]:
    """What the address and the settings say about certificates; removed from `given`. Nothing can switch verification
    off."""
    for name, strict in _STRICT.items():
        if given.pop(name, strict[0]) not in strict:
            raise RedisUrlError(
                f"certificates are always verified, so {name} cannot be set like that: "
                "name the file of the CA that signed them in CONSENT_REDIS_CA"
            )
    files = {name: given.pop(name) for name in _FILES if name in given}
    if ca is not None:
        files["ssl_ca_certs"] = str(ca)
    try:
        ssl.create_default_context(cafile=files.get("ssl_ca_certs"))
    except OSError:  # not there, or not PEM
        raise RedisUrlError("the file of CA certificates (CONSENT_REDIS_CA) cannot be read as PEM") from None
    return {"ssl_cert_reqs": "required", "ssl_check_hostname": True, **files}
