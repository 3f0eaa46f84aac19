"""Kombu's Redis transport, changed to wait in cases where it would end the process.

Kombu takes an error that Redis *answers* (it became a replica, its memory is full, our ACL changed, it is loading) for
a mistake in the command, and ends the worker. For us it means that Redis cannot be used now, as if it were away.
Connections are dropped and made again until they work, so that a name that resolves to another server now is resolved
again. docs/decisions/0028.
"""

from contextlib import suppress
from time import monotonic
from typing import Any
from urllib.parse import quote

import redis
from celery.app.amqp import AMQP
from kombu.connection import Connection
from kombu.transport import redis as kombu_redis
from kombu.utils.collections import HashedSeq
from kombu.utils.json import dumps
from redis import exceptions

from tasks import full_redis
from tasks.queues import OUR_QUEUES
from tasks.redis_connections import HEALTH_S, READING
from tasks.redis_faults import say_fault

WRONG_TYPE = "WRONGTYPE"
"""In what Redis answers about a key that holds another sort of value than the command is for."""
PAUSES = {"interval_start": 0.5, "interval_step": 1.0, "interval_max": 5.0}
"""Seconds between two attempts to connect, so work resumes this soon after Redis is back."""
ANSWERED_ERRORS = (exceptions.ResponseError, exceptions.InvalidResponse, exceptions.LockError, exceptions.WatchError)
_TCP_ONLY = ("host", "port", "socket_connect_timeout", "socket_keepalive", "socket_keepalive_options")


class UnusableError(exceptions.ConnectionError):
    """Redis cannot be used now. The message says why, in our words."""


class Channel(kombu_redis.Channel):
    """A channel that can also use a Unix socket, by the transport option `unix_socket`.

    With `must_write`, as in workers and beat, it also works while the memory of Redis is full.
    """

    unix_socket: str | None = None
    must_write: bool = False
    from_transport_options = (  # type: ignore[assignment] # longer than that of Kombu
        *kombu_redis.Channel.from_transport_options,
        "unix_socket",
        "must_write",
    )

    def _put(self, queue: str, message: Any, **more: Any) -> None:
        try:
            super()._put(queue, message, **more)
        except exceptions.OutOfMemoryError:
            if not (self.must_write and queue.startswith(OUR_QUEUES)):
                raise
            with self.conn_or_acquire() as client:
                full_redis.push(client, self._q_for_pri(queue, 0), dumps(message))

    def _queue_bind(self, *args: Any) -> None:
        try:
            super()._queue_bind(*args)
        except (exceptions.OutOfMemoryError, exceptions.ExecAbortError):
            if not self.must_write:
                raise
            # Our messages go to queues by name, and broadcasts use channels: nothing reads this table.
        except exceptions.ResponseError as error:
            if WRONG_TYPE not in str(error):
                raise
            self._clear_the_table(*args)

    def _clear_the_table(self, exchange: str, *args: Any) -> None:
        """Write a table of bindings anew where its key holds something else. Producers cannot, and need not."""
        if self.must_write:
            with self.conn_or_acquire() as client:
                client.delete(self.keyprefix_queue % (exchange,), self.keyprefix_binding_permanent % (exchange,))
            super()._queue_bind(exchange, *args)

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        if self.connection is None or self.connection.client is None:
            # Kombu goes on with a channel whose connection it has closed, after declaring a queue or while it ends.
            raise UnusableError("its connection was closed meanwhile")
        if self.unix_socket is None:
            return dict(super()._connparams(asynchronous)) | READING
        self.connection_class = redis.UnixDomainSocketConnection  # type: ignore[assignment] # not that of Kombu
        found = super()._connparams(asynchronous)
        return (
            {name: value for name, value in found.items() if name not in _TCP_ONLY}
            | READING
            | {"path": self.unix_socket}
        )


class Poller(kombu_redis.MultiChannelPoller):
    """Notices a dead listening connection where no event loop has timers for it: in Flower, and while a command waits
    for the workers' answers."""

    _looked_at = 0.0

    def get(self, callback: Any, timeout: float | None = None) -> None:
        """Read one event. Waits no longer than until the next check of the connections."""
        if monotonic() - self._looked_at >= HEALTH_S:
            self._looked_at = monotonic()
            self.maybe_check_subclient_health()
        super().get(callback, HEALTH_S if timeout is None else min(timeout, HEALTH_S))


class Transport(kombu_redis.Transport):
    """The transport. Answers of Redis never end the process, and a connection counts only if it works."""

    Channel = Channel
    connection_errors = kombu_redis.Transport.connection_errors + ANSWERED_ERRORS
    channel_errors = tuple(
        error for error in kombu_redis.Transport.channel_errors if not issubclass(error, ANSWERED_ERRORS)
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cycle: Any = Poller()

    def establish_connection(self) -> Any:
        """Connect and, where the app `must_write`, write a key. Raises UnusableError."""
        try:
            connection = super().establish_connection()
            if self.client is not None and self.client.transport_options.get("must_write"):
                full_redis.probe(self._avail_channels[-1].client)
        except (exceptions.RedisError, OSError) as error:
            with suppress(*self.connection_errors):
                self.close_connection(self)
            raise UnusableError(say_fault(error)) from None
        return connection


class TlsTransport(Transport):
    """The same over TLS."""


class BrokerConnection(Connection):
    """A connection over our transport. The copies that pools make are of this class too."""

    resolve_aliases: Any = Connection.resolve_aliases | {Transport: "redis", TlsTransport: "rediss"}
    """How it is displayed."""

    plain: type[Transport] = Transport
    over_tls: type[Transport] = TlsTransport

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        ours = self.over_tls if kwargs.get("ssl") else self.plain
        super().__init__(*args, **kwargs | {"transport": ours})
        self.transport_cls = ours  # for an address with a `+`, as of a Unix socket, kombu chooses its own

    def as_uri(self, include_password: Any = False, mask: Any = "**", *more: Any, **named: Any) -> str:
        """Its address for display and for Flower. It cannot be used to connect: for `redis+socket://` Kombu would
        choose its own transport."""
        path = (self.transport_options or {}).get("unix_socket")
        if path is None:
            return str(super().as_uri(include_password, mask, *more, **named))
        password = quote(self.password or "", safe="") if include_password else mask
        return f"redis+socket://{quote(self.userid or '')}:{password}@{quote(path)}?virtual_host={self.virtual_host}"

    def __eqhash__(self) -> HashedSeq:
        """What pools compare connections by. It includes the trusted CA."""
        return HashedSeq(*super().__eqhash__(), repr(self.ssl))

    def ensure_connection(self, *args: Any, **kwargs: Any) -> Any:
        """Connect, and retry with our PAUSES unless others are given."""
        return super().ensure_connection(*args, **PAUSES | kwargs)


class Amqp(AMQP):  # type: ignore[misc]  # Celery is untyped
    """Creates the connections of our apps: `Celery(amqp=Amqp)`."""

    Connection = BrokerConnection
