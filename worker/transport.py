"""Kombu's Redis transport with a sieve: messages that are not for us are removed, and the worker goes on.

Kombu decodes whatever it pops, and an error there is raised through the worker's event loop and ends it. A channel
chooses the class of its client (`_get_client`), so this one's clients filter the answers of BRPOP and the messages of
channels. For kombu a refused message is an empty poll.
"""

import logging
from collections.abc import Callable
from functools import partial
from queue import Empty
from typing import Any

from kombu.transport import virtual
from redis import Redis, RedisError, ResponseError
from redis.client import PubSub

from tasks.broker import WRONG_TYPE, Amqp, BrokerConnection, Channel, TlsTransport, Transport
from tasks.queues import is_ours
from worker.sieve import Sieve

PIDBOX = b".celery.pidbox"

log = logging.getLogger(__name__)


class SiftingClient(Redis):
    """A client whose BRPOP returns nothing where a message is refused."""

    def __init__(self, *args: Any, sieve: Sieve, priority_separator: str, **more: Any) -> None:
        super().__init__(*args, **more)
        self._sieve, self._separator = sieve, priority_separator

    def pubsub(self, **more: Any) -> "SiftingPubSub":
        """Channels of remote control and of events."""
        return SiftingPubSub(self.connection_pool, sieve=self._sieve, **more)

    def parse_response(self, connection: Any, command_name: Any, **options: Any) -> Any:
        """The answer to a command. Raises as Redis does."""
        answer = super().parse_response(connection, command_name, **options)
        if command_name != "BRPOP" or not answer:
            return answer
        key, item = answer
        queue = key.decode(errors="replace").rsplit(self._separator, 1)[0]
        if not is_ours(queue):  # replies to somebody who asked the workers
            return answer if self._sieve.is_reply(item) else None
        sifted = self._sieve.task(queue, item)
        return None if sifted is None else (key, sifted)


class SiftingPubSub(PubSub):
    """Channels without the messages that kombu cannot read."""

    def __init__(self, *args: Any, sieve: Sieve, **more: Any) -> None:
        super().__init__(*args, **more)
        self._sieve = sieve

    def parse_response(self, *args: Any, **more: Any) -> Any:
        """The next message, or None."""
        came = super().parse_response(*args, **more)
        if isinstance(came, list | tuple) and came[0] in (b"message", b"pmessage"):
            is_sound = self._sieve.is_command if came[-2].endswith(PIDBOX) else self._sieve.is_reply
            return came if is_sound(came[-1]) else None
        return came


class UnkeptQoS(virtual.QoS):
    """Messages under way, kept in this process only.

    Kombu would also keep them in Redis, and read there what anybody may have written. Our messages only wake workers:
    what is lost with a worker falls due again in the ledger.
    """

    def restore_unacked(self) -> list[Any]:
        """Give back what a stopping worker had not begun. kombu would write to a file what it cannot give back."""
        self._flush()
        while self._delivered:
            _, message = self._delivered.popitem()
            try:
                self.channel._restore(message)
            except (*self.channel.connection_errors, RedisError) as error:
                log.info("messages under way are not given back to Redis (%s)", type(error).__name__)
                break
        self._delivered.clear()
        return []


class SiftingChannel(Channel):
    """A channel that filters, where its transport options have a `sieve`."""

    sieve: Sieve | None = None
    from_transport_options = (*Channel.from_transport_options, "sieve")  # type: ignore[assignment] # longer than that of Kombu

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        if not self.ack_emulation:
            self.QoS = UnkeptQoS  # type: ignore[assignment] # not that of Kombu

    def _get_client(self) -> Callable[..., Redis]:
        plain: Callable[..., Redis] = super()._get_client()
        return plain if self.sieve is None else partial(SiftingClient, sieve=self.sieve, priority_separator=self.sep)

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)
        except ResponseError as error:
            if WRONG_TYPE not in str(error):
                raise
        self._clear_the_way()
        raise Empty

    def _clear_the_way(self) -> None:
        """Delete a key that is no list where a queue should be: nothing can be pushed to it or popped."""
        with self.conn_or_acquire() as client:
            for queue in self.active_queues:
                for key in {self._q_for_pri(queue, priority) for priority in self.priority_steps}:
                    if client.type(key) not in (b"list", b"none") and client.delete(key) and self.sieve:
                        self.sieve.in_the_way(queue)


class SiftingTransport(Transport):
    """The transport of our workers."""

    Channel = SiftingChannel


class SiftingTlsTransport(TlsTransport):
    """The same over TLS."""

    Channel = SiftingChannel


class SiftingConnection(BrokerConnection):
    """A connection over this transport."""

    resolve_aliases: Any = BrokerConnection.resolve_aliases | {SiftingTransport: "redis", SiftingTlsTransport: "rediss"}
    plain, over_tls = SiftingTransport, SiftingTlsTransport


class SiftingAmqp(Amqp):
    """Creates our app's connections."""

    Connection = SiftingConnection
