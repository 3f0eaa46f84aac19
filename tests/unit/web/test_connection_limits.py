"""How many connections one address may have, and the id of an HTTP request."""

import re
from dataclasses import dataclass

import pytest

from web import connection_limits, http_request_id
from web.connection_limits import Callers
from web.server import is_loopback


@dataclass(eq=False)
class Caller:
    is_idle: bool = True
    hung_up: bool = False

    def hang_up(self) -> None:
        self.hung_up = True


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_limits, "MOST_PER_ADDRESS", 3)


def test_the_oldest_idle_connection_of_an_address_gives_way() -> None:
    crowd, held = Callers(), [Caller(), Caller(), Caller()]
    held[0].is_idle = False
    assert all(crowd.came("a", one) for one in held)
    assert crowd.came("b", other := Caller())
    assert crowd.came("a", Caller())
    assert [one.hung_up for one in (*held, other)] == [False, True, False, False]


def test_an_address_whose_connections_are_all_busy_gets_no_more() -> None:
    crowd, held = Callers(), [Caller(is_idle=False) for _ in range(3)]
    for one in held:
        crowd.came("a", one)
    newcomer = Caller()
    assert not crowd.came("a", newcomer)
    assert crowd.came("b", Caller(is_idle=False))
    crowd.went("a", newcomer)
    crowd.went("a", held[0])
    assert crowd.came("a", Caller())
    assert not any(one.hung_up for one in held)


def test_a_proxy_bounds_its_own_callers() -> None:
    crowd, held = Callers(bounded=False), [Caller() for _ in range(20)]
    assert all(crowd.came("proxy", one) for one in held)
    assert not any(one.hung_up for one in held)


def test_nothing_is_kept_of_who_has_gone() -> None:
    crowd, one = Callers(), Caller()
    crowd.came("a", one)
    crowd.went("a", one)
    crowd.went("a", one)
    assert crowd._open == {}


@pytest.mark.parametrize("given", [b"abc-123", b"0af7651916cd43dd8448eb211c80319c", b"a", b"x" * 64, b"1_A"])
def test_a_harmless_name_of_a_request_is_kept(given: bytes) -> None:
    assert http_request_id.begin(given) == given.decode()
    assert http_request_id.current() == given.decode()


@pytest.mark.parametrize(
    "given",
    [
        None,
        b"",
        b"x" * 65,
        b"jane@private.example",
        b"+821012345678",
        b"821012345678",
        b"a b",
        b"a\nlevel=ERROR",
        b"a\r\nSet-Cookie: x",
        b"a;b",
        b'a"b',
        b"a/../b",
        b"\xff\xfe",
        "ä".encode(),
        "ä".encode("latin1"),
        b"a\x1b[31m",
        b"a\0",
    ],
)
def test_any_other_is_replaced(given: bytes | None) -> None:
    name = http_request_id.begin(given)
    assert re.fullmatch("[0-9a-f]{32}", name)
    assert http_request_id.begin(given) != name


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost", "LOCALHOST", "localhost."])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "", "192.168.1.4", "10.0.0.1", "fe80::1", "web.example", "localhost.example", "*"]
)
def test_elsewhere(host: str) -> None:
    assert not is_loopback(host)
