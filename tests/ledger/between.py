"""What may be between us and PostgreSQL: a pooler in transaction mode with PgBouncer's rules, and a network that goes
silent. Both in threads of this process."""

import os
import re
import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from queue import Queue

import psycopg
from sqlalchemy import make_url

SESSION_STATE = re.compile(
    rb"pg_(try_)?advisory_(un)?lock(_shared)?\(|^\s*(SET (?!LOCAL|TRANSACTION)|LISTEN|PREPARE|DISCARD)", re.IGNORECASE
)


@dataclass
class Link:
    """A network of one port that can be made to drop everything silently, in both directions."""

    target: str
    """A unix socket."""
    port: int = 0
    silent: threading.Event = field(default_factory=threading.Event)
    carried: int = 0
    """Connections that were made."""

    def serve(self, client: socket.socket) -> None:
        self.carried += 1
        with closing(client), socket.socket(socket.AF_UNIX) as server:
            server.connect(self.target)
            ways = {client: server, server: client}
            while True:
                ready, _, _ = select.select(list(ways), [], [], 0.1)
                for source in ready:
                    data = source.recv(65_536)
                    if not data:
                        return
                    if not self.silent.is_set():
                        ways[source].sendall(data)


@dataclass
class Pooler:
    """Each transaction uses another connection of the server. What would outlast a transaction is noted in `broken`,
    and startup options are refused, or dropped."""

    dsn: str
    port: int = 0
    drops_options: bool = False
    broken: list[str] = field(default_factory=list)
    used: set[int] = field(default_factory=set)
    """The processes of the server that served somebody."""
    _free: "Queue[psycopg.Connection]" = field(default_factory=Queue)

    def fill(self, connections: int) -> None:
        for _ in range(connections):
            self._free.put(psycopg.connect(self.dsn, autocommit=True))

    def empty(self) -> None:
        while not self._free.empty():
            self._free.get().close()

    def serve(self, client: socket.socket) -> None:
        with closing(client):
            options = _startup(client)
            if options is None:
                return
            if b"options" in options and not self.drops_options:
                client.sendall(_error(b"unsupported startup parameter: options"))
                return
            server = self._free.get()
            try:
                said = {name: server.info.parameter_status(name) or "" for name in REPORTED}
            finally:
                self._free.put(server)
            told = b"".join(_message(b"S", f"{name}\0{value}\0".encode()) for name, value in said.items())
            key = _message(b"K", struct.pack("!ii", 0, 0))
            client.sendall(_message(b"R", struct.pack("!i", 0)) + told + key + READY)
            while self._transaction(client):
                pass

    def _transaction(self, client: socket.socket) -> bool:
        """Whether the client may want another one."""
        first = _read(client)
        if first is None or first[0] == b"X":
            return False
        server, whole = self._free.get(), False
        try:
            self.used.add(server.info.backend_pid)
            with socket.socket(fileno=os.dup(server.fileno())) as wire:
                wire.settimeout(None)
                self._pass(first, wire)
                while True:
                    ready, _, _ = select.select([client, wire], [], [])
                    if wire in ready:
                        answer = _read(wire)
                        if answer is None:
                            return False
                        whole = answer == (b"Z", b"I")
                        client.sendall(_message(*answer))
                        if whole:
                            return True
                    elif client in ready:
                        asked = _read(client)
                        if asked is None:
                            return False
                        self._pass(asked, wire)
        finally:
            if not whole:  # the client went away in the middle
                server.close()
                server = psycopg.connect(self.dsn, autocommit=True)
            self._free.put(server)

    def _pass(self, message: tuple[bytes, bytes], wire: socket.socket) -> None:
        kind, body = message
        if kind == b"P" and not body.startswith(b"\0"):
            self.broken.append("a prepared statement")
        text = body.split(b"\0")[1 if kind == b"P" else 0] if kind in b"PQ" else b""
        if SESSION_STATE.search(text):
            self.broken.append(text.decode())
        wire.sendall(_message(kind, body))


REPORTED = ("server_version", "server_encoding", "client_encoding", "integer_datetimes", "standard_conforming_strings")


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


READY = _message(b"Z", b"I")


def _error(text: bytes) -> bytes:
    return _message(b"E", b"SFATAL\0VFATAL\0C08P01\0M" + text + b"\0\0")


def _exactly(wire: socket.socket, size: int) -> bytes | None:
    data = b""
    while len(data) < size:
        piece = wire.recv(size - len(data))
        if not piece:
            return None
        data += piece
    return data


def _read(wire: socket.socket) -> tuple[bytes, bytes] | None:
    head = _exactly(wire, 5)
    if head is None:
        return None
    body = _exactly(wire, struct.unpack("!i", head[1:])[0] - 4)
    return None if body is None else (head[:1], body)


def _startup(client: socket.socket) -> bytes | None:
    while (head := _exactly(client, 8)) is not None:
        size, code = struct.unpack("!ii", head)
        body = _exactly(client, size - 8)
        if code in (80_877_103, 80_877_104):  # TLS or GSS: not here
            client.sendall(b"N")
            continue
        return body if code == 196_608 else None
    return None


@contextmanager
def _served(one: Link | Pooler) -> Iterator[None]:
    clients: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        one.port = listening.getsockname()[1]

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listening.accept()
                    clients.append(client)
                    threading.Thread(target=serve, args=(client,), daemon=True).start()

        def serve(client: socket.socket) -> None:
            with suppress(OSError, ValueError):
                one.serve(client)

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            accepting.join(timeout=60)
            for client in clients:
                with suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)


@contextmanager
def link(url: str) -> Iterator[Link]:
    """A way to the database at `url` that can fall silent."""
    where = make_url(url).query
    found = Link(f"{where['host']}/.s.PGSQL.{where['port']}")
    with _served(found):
        yield found


@contextmanager
def pooler(url: str, *, connections: int = 4, drops_options: bool = False) -> Iterator[Pooler]:
    """A pooler before the database at `url`; at its port no password is asked for."""
    found = Pooler(url.replace("+psycopg", ""), drops_options=drops_options)
    found.fill(connections)
    try:
        with _served(found):
            yield found
    finally:
        found.empty()
