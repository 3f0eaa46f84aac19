"""Redis servers with settings of their own, and a proxy between one and its clients that can go silent."""

import asyncio
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import redis

from local.redis_server import _redis_program
from tests.ports import free_port

STARTS_S = 120.0


@dataclass
class Server:
    """A redis-server on a port of its own, that can be ended and started again."""

    folder: Path
    port: int
    settings: Mapping[str, str]
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Where it is, without a password."""
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self, **more: str) -> redis.Redis:
        """A client of it."""
        return redis.Redis(port=self.port, **more)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = {"port": str(self.port), "bind": "127.0.0.1", "save": '""', "dir": str(self.folder), **self.settings}
        self.process = subprocess.Popen(
            [_redis_program(self.folder), "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        assert self.process.stdin is not None
        self.process.stdin.write("".join(f"{name} {value}\n" for name, value in settings.items()).encode())
        self.process.stdin.close()
        deadline = time.monotonic() + STARTS_S
        while time.monotonic() < deadline:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1):
                    return
            except OSError:
                assert self.process.poll() is None
                time.sleep(0.02)
        raise AssertionError("it did not start")

    def start_again(self) -> None:
        """Start it unless it runs."""
        if self.process is None or self.process.poll() is not None:
            self.start()

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@contextmanager
def redis_server(folder: Path, **settings: str) -> Iterator[Server]:
    """A server with these settings (`_` for `-`), ended on leaving."""
    server = Server(folder, free_port(), {name.replace("_", "-"): value for name, value in settings.items()})
    server.start()
    try:
        yield server
    finally:
        server.stop()


class Proxy:
    """A TCP proxy to a port of this machine, over TLS for its clients where it is given a context.

    Between `swallow` and `mend` no byte passes, and no connection is closed; those that were open then stay dead.
    """

    def __init__(self, to_port: int, tls: ssl.SSLContext | None = None) -> None:
        self._to, self._tls, self._silent = to_port, tls, False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.port = 0
        self._dead: set[asyncio.StreamWriter] = set()
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    def __enter__(self) -> "Proxy":
        self._thread.start()
        serving = asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self._server = asyncio.run_coroutine_threadsafe(serving, self._loop).result(5)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
            if sys.version_info >= (3, 13):  # there, a connection that is still open fails as it is collected
                self._server.abort_clients()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def swallow(self) -> None:
        """Let nothing through from now on."""
        self._silent = True
        self._dead |= self._open

    def lead_to(self, port: int) -> None:
        """Lead new connections to another port, as a name does that was given another address."""
        self._to = port

    def mend(self) -> None:
        """Serve new connections again."""
        self._silent = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        if self._silent:
            self._dead.add(writer)
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.close()
        else:
            forth = asyncio.create_task(self._pour(writer, reader, back))
            home = asyncio.create_task(self._pour(writer, there, writer))
            try:
                await asyncio.wait({forth, home}, return_when=asyncio.FIRST_COMPLETED)
                if writer in self._dead:
                    await forth  # nobody but the client closes it
            finally:
                for end in (forth, home, writer, back):
                    end.cancel() if isinstance(end, asyncio.Task) else end.close()
        finally:
            self._open.discard(writer)
            self._dead.discard(writer)

    async def _pour(
        self, connection: asyncio.StreamWriter, source: asyncio.StreamReader, sink: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                if connection in self._dead:
                    continue  # taken, and never handed on
                sink.write(data)
                await sink.drain()


GREETINGS = {b"HELLO": b"%1\r\n$5\r\nproto\r\n:3\r\n", b"CLIENT": b"+OK\r\n", b"PING": b"+PONG\r\n"}


@contextmanager
def saying(answer: bytes) -> Iterator[str]:
    """A Redis that greets, and answers everything else by this line."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=talk, args=[connection], daemon=True).start()

        def talk(connection: socket.socket) -> None:
            with connection, suppress(ConnectionError):
                while data := connection.recv(65_536):
                    for name in re.findall(rb"\*\d+\r\n\$\d+\r\n(\w+)", data):
                        connection.sendall(GREETINGS.get(name, answer + b"\r\n"))

        threading.Thread(target=serve, daemon=True).start()
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        server.shutdown(socket.SHUT_RDWR)
