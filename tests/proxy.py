"""A forward proxy on loopback that opens ways by CONNECT, and may be told to refuse."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

OPENED = b"HTTP/1.1 200 Connection established\r\nVia: a test\r\n\r\n"


@dataclass
class ConnectProxy:
    """Every way leads to `leads_to`, a port of loopback. `answer`: what CONNECT gets; None hangs up, b"" is silence."""

    leads_to: int = 0
    answer: bytes | None = OPENED
    heads: list[str] = field(default_factory=list)
    port: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def asked_for(self) -> list[str]:
        """The places that ways were asked for to, in order."""
        return [head.split(" ")[1] for head in self.heads]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            if self.answer is not None:
                writer.write(self.answer)
                await writer.drain()
                if self.answer == OPENED:
                    there, away = await asyncio.open_connection("127.0.0.1", self.leads_to)
                    async with asyncio.TaskGroup() as both:
                        both.create_task(_carry(reader, away))
                        both.create_task(_carry(there, writer))
                elif not self.answer:
                    await reader.read()
        self._open.discard(writer)
        writer.transport.abort()

    def cut(self) -> None:
        """End every way that is open."""
        for writer in self._open:
            writer.transport.abort()

    @asynccontextmanager
    async def listening(self, context: ssl.SSLContext | None = None) -> AsyncIterator["ConnectProxy"]:
        """Until the caller leaves; at the port where it was before, if it was."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
    writer.close()
