"""The app served by uvicorn as `consent web` runs it, in a thread of this process.

uvicorn looks every tenth of a second whether it should end, and then waits for another tenth: of most tests over HTTP
the greater part.
"""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn
from starlette.applications import Starlette

from web.server import served

PATIENCE_S = 60.0


class PromptServer(uvicorn.Server):
    """Ends at once when it is told to. Until then, and with what is still under way, it is uvicorn's own."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.serves = threading.Event()

    async def main_loop(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        while not self._over.is_set():
            await self.on_tick(0)  # makes the date of every answer
            self.serves.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), 1)

    def end(self) -> None:
        """From another thread."""
        self._loop.call_soon_threadsafe(self._over.set)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        state = self.server_state
        for server in self.servers:
            server.close()
        for connection in list(state.connections):
            connection.shutdown()
        await asyncio.sleep(0)  # in which those that were idle are closed
        if state.connections or state.tasks:
            await super().shutdown(sockets)
        else:
            await self.lifespan.shutdown()


@contextmanager
def serving(app: Starlette) -> Iterator[str]:
    """Where it is served."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = PromptServer(served(app, *listening.getsockname()))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        assert server.serves.wait(PATIENCE_S)
        try:
            yield "http://{}:{}".format(*listening.getsockname())
        finally:
            server.end()
            thread.join(PATIENCE_S)
            assert not thread.is_alive()
