"""Logging in to the ledger: no server that answers there learns the password."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import make_url

from ledger.address import is_open_to_readers
from ledger.directory import DatabaseDirectory
from ledger.driver_options import login_rules
from ledger.failures import LedgerError, as_ledger_errors
from ledger.session import connect

SECRET = "hunter2-hunter2"
ENCRYPT, CLEARTEXT = (80877103, 80877104), struct.pack("!cii", b"R", 8, 3)
STATEMENT = "SELECT unnest(CAST(:refs AS integer[])) AS ref"


@contextmanager
def stranger() -> Iterator[tuple[int, bytearray]]:
    """Listens where PostgreSQL was, and asks for the password in clear; returns what it was sent."""
    heard = bytearray()

    def listen(server: socket.socket) -> None:
        while True:
            try:
                caller, _ = server.accept()
            except OSError:
                return
            with caller:
                caller.settimeout(10)
                while (said := caller.recv(65_536)) and struct.unpack("!i", said[4:8])[0] in ENCRYPT:
                    caller.sendall(b"N")
                caller.sendall(CLEARTEXT)
                while more := caller.recv(65_536):
                    heard.extend(more)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=listen, args=[server])
        thread.start()
        yield server.getsockname()[1], heard
        server.shutdown(socket.SHUT_RDWR)
    thread.join(15)
    assert not thread.is_alive()


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGREQUIREAUTH", "PGSSLMODE"):
        monkeypatch.delenv(name, raising=False)


def test_a_stranger_who_asks_for_the_password_of_the_ledger_is_not_told() -> None:
    with stranger() as (port, heard):
        engine = connect(f"postgresql://consent:{SECRET}@127.0.0.1:{port}/consent")
        with pytest.raises(LedgerError, match="in clear") as told, as_ledger_errors():
            engine.connect()
        engine.dispose()
    assert heard == b""
    assert SECRET not in str(told.value)


def test_nor_the_one_of_the_directory() -> None:
    with stranger() as (port, heard):
        directory = DatabaseDirectory(f"postgresql://us:{SECRET}@127.0.0.1:{port}/crm", STATEMENT, 5.0)
        with pytest.raises(Exception, match="no connection can be made"):
            directory.look_up([])
    assert heard == b""


@pytest.mark.parametrize(
    ("address", "rules"),
    [
        ("postgresql://u:p@db/x", {"require_auth": "!password"}),
        ("postgresql://u:p@db/x?sslmode=require", {"require_auth": "!password"}),
        ("postgresql://u:p@db/x?sslmode=verify-full", {}),
        ("postgresql://u:p@db/x?require_auth=scram-sha-256", {}),
        ("postgresql://u:p@/x?host=/run/postgresql", {"require_auth": "!password"}),
    ],
)
def test_an_address_may_say_it_itself(address: str, rules: dict[str, str]) -> None:
    assert login_rules(make_url(address).query) == rules


@pytest.mark.parametrize(
    ("address", "is_open"),
    [
        ("postgresql://u:p@db.example:5432/x", True),
        ("postgresql://u:p@db.example/x?sslmode=require", True),
        ("postgresql://u:p@/x?host=db.example", True),
        ("postgresql://u:p@/x?host=127.0.0.1&host=db.example", True),
        ("postgresql://u:p@db.example/x?sslmode=verify-full", False),
        ("postgresql://u:p@db.example/x?sslmode=verify-ca", False),
        ("postgresql://u:p@127.0.0.1/x", False),
        ("postgresql://u:p@localhost/x", False),
        ("postgresql://u:p@[::1]:5432/x", False),
        ("postgresql://u:p@/x?host=/run/postgresql", False),
        ("postgresql:///x", False),
    ],
)
def test_a_way_that_others_can_read(address: str, *, is_open: bool) -> None:
    assert is_open_to_readers(address) is is_open
