"""Parses answers of Redis in memory bounded by our largest message: anyone who can write to a key can write half a
gigabyte there, and its size is only known as it arrives. A gigantic value passes in portions, and is not kept."""

from asyncio import IncompleteReadError
from typing import Any

from redis._parsers import _AsyncRESP2Parser, _RESP2Parser
from redis._parsers.socket import SERVER_CLOSED_CONNECTION_ERROR, SocketBuffer
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse

LARGEST_ANSWER = 16_000_000
"""Bytes of one value that are read from Redis: more than any of our messages has."""
TOO_LARGE = b"too large"
"""Replaces a value that was larger, and was not kept. It is refused like any item that is no message."""
PORTION = 65_536
NOT_REDIS = "not an answer as Redis gives them"


class _BoundedBuffer(SocketBuffer):
    """The buffer of answers that are read from threads."""

    def read(self, length: int, *args: Any, **more: Any) -> bytes:
        if length <= LARGEST_ANSWER:
            return super().read(length, *args, **more)
        left = length + len(b"\r\n")
        while left:
            came = self._buffer.read(min(left, PORTION))
            left -= len(came)
            if not came:
                self.purge()
                self._read_from_socket(*args, **more)
        return TOO_LARGE


class BoundedParser(_RESP2Parser):
    """The parser of connections that are used from threads."""

    def on_connect(self, connection: Any) -> None:
        """Called by a connection when it is made."""
        super().on_connect(connection)  # type: ignore[no-untyped-call] # of redis-py
        self._buffer = _BoundedBuffer(connection._sock, self.socket_read_size, connection.socket_timeout)

    def read_response(self, *args: Any, **more: Any) -> Any:
        """The next answer. Raises redis.RedisError, also where it is none."""
        try:
            return super().read_response(*args, **more)
        except (ValueError, RecursionError):
            raise InvalidResponse(NOT_REDIS) from None


class AsyncBoundedParser(_AsyncRESP2Parser):
    """The parser of connections that are used in an event loop."""

    async def read_response(self, *args: Any, **more: Any) -> Any:
        """The next answer. Raises redis.RedisError, also where it is none."""
        try:
            return await super().read_response(*args, **more)
        except (ValueError, RecursionError):
            raise InvalidResponse(NOT_REDIS) from None

    async def _read(self, length: int) -> bytes:
        if length <= LARGEST_ANSWER:
            return await super()._read(length)
        stream, left = self._stream, length + len(b"\r\n") - len(self._buffer[self._pos :])
        if stream is None:
            raise RedisConnectionError(SERVER_CLOSED_CONNECTION_ERROR)
        try:
            while left > 0:
                left -= len(await stream.readexactly(min(left, PORTION)))
        except IncompleteReadError:
            raise RedisConnectionError(SERVER_CLOSED_CONNECTION_ERROR) from None
        self._pos += length + len(b"\r\n")
        return TOO_LARGE
