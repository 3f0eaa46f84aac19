"""The body of an upload as a file that a thread reads while it arrives: nothing on disk, a few pieces in memory."""

import asyncio
import io
from collections.abc import AsyncIterator
from concurrent.futures import CancelledError, Future

from starlette.requests import ClientDisconnect, Request
from typing_extensions import Buffer

from web.bodies import allowance_of

BLOCK_BYTES = 262_144
WITHIN_S = 3600.0
BETWEEN_S = 10.0
LEAST_BYTES_PER_S = 32_000
"""Within every ten seconds of waiting."""


def allow_file(request: Request, most: int) -> None:
    """Let the body be a file of up to so many bytes, which may take its time."""
    allowance = allowance_of(request)
    allowance.most, allowance.within_s, allowance.between_s = most, WITHIN_S, BETWEEN_S
    allowance.least_per_s = LEAST_BYTES_PER_S


class UploadCutError(Exception):
    """The client disconnected, or we are stopping, before the body was complete; nothing of it may be recorded."""


class _Pipe(io.RawIOBase):
    """Asks the event loop for the next piece when the thread needs one, so the client can send no faster than the
    ledger records. What the server has read ahead (64 kB) bridges the time between the two."""

    def __init__(self, pieces: AsyncIterator[bytes], loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._pieces, self._loop = pieces, loop
        self._rest = memoryview(b"")
        self._asked: Future[bytes] | None = None
        self._cut = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Raises UploadCutError, and Problem where the body is too large or too slow."""
        if not self._rest:
            self._rest = memoryview(self._next())
        into = memoryview(buffer).cast("B")
        size = min(len(into), len(self._rest))
        into[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def _next(self) -> bytes:
        if self._cut:
            raise UploadCutError
        self._asked = asyncio.run_coroutine_threadsafe(self._piece(), self._loop)
        try:
            return self._asked.result()
        except (ClientDisconnect, CancelledError):
            raise UploadCutError from None

    async def _piece(self) -> bytes:
        return await anext(self._pieces, b"")

    def cut(self) -> None:
        """Called in the event loop: the reading thread gets UploadCutError."""
        self._cut = True
        if self._asked is not None:
            self._asked.cancel()


class Upload:
    """The body of a request, for a thread to read. `cut` it when nobody waits for the answer any more."""

    def __init__(self, request: Request) -> None:
        self._pipe = _Pipe(_pieces(request), asyncio.get_running_loop())
        self.file = io.BufferedReader(self._pipe, BLOCK_BYTES)

    def cut(self) -> None:
        """Make the reading thread stop."""
        self._pipe.cut()


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    async for piece in request.stream():
        if piece:
            yield piece
