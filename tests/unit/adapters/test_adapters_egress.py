"""Through a proxy: every client of ours, real TLS, and a proxy that refuses in all the ways there are."""

import asyncio
import socket
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvloop
from pydantic import SecretStr

from adapters import wire
from adapters.callbacks import Callbacks, Letter, SendResult
from adapters.directory import HttpDirectory
from adapters.egress import DIRECT, Egress, Exceptions, Proxy, check_bundle
from adapters.identity_provider import IdentityProvider, Once, ProviderAwayError
from adapters.receivers import Rules
from adapters.transport import NotSentError, Transport
from domain.directory import DirectoryError
from domain.notices import Failure
from tests.proxy import OPENED, ConnectProxy
from tests.receiver import Authority
from tests.table_rows import each_row

NAME = "vendor.example"
PUBLIC = "93.184.216.34"
SECRETS = (SecretStr("whsec_" + b64encode(b"k" * 32).decode()),)
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def bundle(authority: Authority, tmp_path: Path) -> Path:
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    return tmp_path / "ca.pem"


class Vendor:
    """Answers `{}` to every request over a connection that it keeps."""

    def __init__(self) -> None:
        self.heads: list[str] = []
        self.connections = 0
        self.port = 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = [line[15:] for line in head.lower().split("\r\n") if line.startswith("content-length:")]
                await reader.readexactly(int(length[0]) if length else 0)
                self.heads.append(head)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        except (asyncio.IncompleteReadError, OSError):
            writer.transport.abort()

    @asynccontextmanager
    async def listening(self, context: ssl.SSLContext | None, host: str = "127.0.0.1") -> AsyncIterator["Vendor"]:
        server = await asyncio.start_server(self._serve, host, self.port, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()


@asynccontextmanager
async def behind_a_proxy(
    authority: Authority, answer: bytes | None = OPENED, *, secure: bool = False
) -> AsyncIterator[tuple[Vendor, ConnectProxy]]:
    async with (
        Vendor().listening(authority.server(NAME)) as vendor,
        ConnectProxy(vendor.port, answer).listening(authority.server("localhost") if secure else None) as proxy,
    ):
        yield vendor, proxy


def through(proxy: ConnectProxy, bundle: Path, *, secure: bool = False, user: str = "") -> Egress:
    scheme = "https" if secure else "http"
    return Egress(Proxy.parse(f"{scheme}://{user}localhost:{proxy.port}"), ca_bundle=bundle)


def post(name: str = NAME) -> httpx.Request:
    return httpx.Request("POST", f"https://{name}/people", json={"who": "jane-4711"})


async def no_name(host: str, port: int) -> list[str]:
    return [PUBLIC]


@pytest.mark.parametrize("secure", [False, True], ids=["http-proxy", "https-proxy"])
@pytest.mark.parametrize("loop", LOOPS)
def test_a_vendor_is_reached_by_tls_through_a_proxy_over_a_kept_connection(
    authority: Authority, bundle: Path, loop: str, secure: bool
) -> None:
    async def send_three() -> None:
        async with behind_a_proxy(authority, secure=secure) as (vendor, proxy):
            transport = Transport(10.0, through(proxy, bundle, secure=secure, user="ann:p%40ss%3A@"))
            for _ in range(3):
                assert (await transport.send(post())).json() == {}
            await transport.aclose()
        assert proxy.asked_for == [f"{NAME}:443"]
        assert vendor.connections == 1
        assert len(vendor.heads) == 3
        assert f"host: {NAME}\r\n" in vendor.heads[0].lower()
        expected = b64encode(b"ann:p@ss:").decode()
        assert f"Proxy-Authorization: Basic {expected}\r\n" in proxy.heads[0]
        assert "authorization" not in vendor.heads[0].lower()

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(send_three())


REFUSALS: dict[str, bytes | None] = {
    "407": b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\nwho are you",
    **{
        str(status): b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status
        for status in (301, 403, 429, 502, 503, 504)
    },
    "not HTTP": b"SSH-2.0-OpenSSH_9\r\n\r\n",
    "without end": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 40_000,
    "more than asked": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "not whole": b"HTTP/1.1 200",
    "hangs up": None,
}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("answer", REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_of_the_proxy_is_never_an_answer_of_the_vendor(
    authority: Authority, bundle: Path, answer: bytes | None, loop: str
) -> None:
    async def send() -> None:
        async with behind_a_proxy(authority, answer) as (vendor, proxy):
            transport = Transport(10.0, through(proxy, bundle))
            with pytest.raises(NotSentError):
                await transport.send(post())
        assert proxy.asked_for == [f"{NAME}:443"]
        assert vendor.heads == []

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(send())


async def test_nor_is_a_proxy_that_is_not_there_or_says_nothing(authority: Authority, bundle: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        nobody = Egress(Proxy.parse(f"http://127.0.0.1:{taken.getsockname()[1]}"), ca_bundle=bundle)
        with pytest.raises(NotSentError):
            await Transport(10.0, nobody).send(post())
    async with behind_a_proxy(authority, b"") as (vendor, proxy):
        for secure in (False, True):  # the second waits for TLS with a proxy that speaks none
            with pytest.raises(NotSentError):
                await Transport(0.3, through(proxy, bundle, secure=secure)).send(post())
    with pytest.raises(NotSentError):
        await Transport(10.0, Egress(Proxy.parse("http://proxy.invalid:3128"))).send(post())
    assert vendor.heads == []


@pytest.mark.parametrize("secure", [False, True], ids=["http-proxy", "https-proxy"])
async def test_whom_the_bundle_does_not_vouch_for_is_sent_nothing(authority: Authority, secure: bool) -> None:
    async with behind_a_proxy(authority, secure=secure) as (vendor, proxy):
        address = f"{'https' if secure else 'http'}://localhost:{proxy.port}"
        with pytest.raises(NotSentError):
            await Transport(10.0, Egress(Proxy.parse(address))).send(post())
    assert vendor.heads == []


async def test_a_certificate_of_another_name_is_not_believed_through_a_proxy(
    authority: Authority, bundle: Path
) -> None:
    async with behind_a_proxy(authority) as (vendor, proxy):
        with pytest.raises(NotSentError):
            await Transport(10.0, through(proxy, bundle)).send(post("other.example"))
    assert proxy.asked_for == ["other.example:443"]
    assert vendor.heads == []


async def tell(egress: Egress) -> None:
    callbacks = Callbacks(Rules(frozenset({"*"})), no_name, egress.trust, 10.0, egress)
    told = await callbacks.tell(f"https://{NAME}/hook", Letter({}, b"{}"))
    if told != SendResult(None, 200):
        assert told == SendResult(Failure.UNREACHABLE)
        raise ConnectionError


async def look_up(egress: Egress) -> None:
    transport = Transport(10.0, egress)
    try:
        await HttpDirectory(f"https://{NAME}/people", SECRETS, transport).look_up([])
    except DirectoryError as error:
        if "no connection" in error.problem:
            raise ConnectionError from None
    finally:
        await transport.aclose()


async def log_in(egress: Egress) -> None:
    provider = IdentityProvider(f"https://{NAME}", "us", SecretStr("s"), "https://us.example/cb", egress)
    try:
        await provider.address(Once("s", "n", "v"))
    except ProviderAwayError as error:
        if "did not answer" in str(error):
            raise ConnectionError from None


Client = Callable[[Egress], Coroutine[Any, Any, None]]


@pytest.mark.parametrize("secure", [False, True], ids=["http-proxy", "https-proxy"])
@pytest.mark.parametrize(("client", "place"), [(tell, PUBLIC), (look_up, NAME), (log_in, NAME)])
async def test_all_others_are_reached_through_it_too(
    authority: Authority, bundle: Path, client: Client, place: str, secure: bool
) -> None:
    """A receiver at the address that was vetted, with TLS for its name: the proxy finds no name for us."""
    async with behind_a_proxy(authority, secure=secure) as (vendor, proxy):
        await client(through(proxy, bundle, secure=secure, user="ann:hush@"))
    assert proxy.asked_for == [f"{place}:443"]
    assert "Proxy-Authorization: Basic" in proxy.heads[0]
    assert len(vendor.heads) == 1
    assert f"host: {NAME}\r\n" in vendor.heads[0].lower()


@pytest.mark.parametrize("client", [tell, look_up, log_in])
@pytest.mark.parametrize("answer", REFUSALS.values(), ids=REFUSALS)
async def test_a_refusal_of_the_proxy_is_no_answer_of_theirs(
    authority: Authority, bundle: Path, client: Client, answer: bytes | None
) -> None:
    async with behind_a_proxy(authority, answer) as (vendor, proxy):
        with pytest.raises(ConnectionError):
            await client(through(proxy, bundle))
    assert vendor.heads == []
    assert len(proxy.heads) == 1


async def test_what_a_receivers_name_leads_to_is_vetted_before_a_proxy_is_asked(
    authority: Authority, bundle: Path
) -> None:
    async def inside(host: str, port: int) -> list[str]:
        return [PUBLIC, "10.0.0.5"]

    async with behind_a_proxy(authority) as (vendor, proxy):
        egress = through(proxy, bundle)
        told = await Callbacks(Rules(frozenset({"*"})), inside, egress.trust, 10.0, egress).tell(
            f"https://{NAME}/", Letter({}, b"{}")
        )
    assert told == SendResult(Failure.NOT_PUBLIC)
    assert proxy.heads == vendor.heads == []


async def test_the_next_address_of_a_receiver_is_asked_for_where_the_proxy_refuses_one(
    authority: Authority, bundle: Path
) -> None:
    async def many(host: str, port: int) -> list[str]:
        return [f"2606:4700:4700::{number}" for number in range(1111, 1117)] + [PUBLIC]

    async with behind_a_proxy(authority, REFUSALS["502"]) as (_, proxy):
        egress = through(proxy, bundle)
        callbacks = Callbacks(Rules(frozenset({"*"})), many, egress.trust, 10.0, egress)
        assert await callbacks.tell(f"https://{NAME}/", Letter({}, b"{}")) == SendResult(Failure.UNREACHABLE)
    assert proxy.asked_for[:2] == ["[2606:4700:4700::1111]:443", f"{PUBLIC}:443"]
    assert len(proxy.asked_for) == 4


async def test_what_is_excepted_and_this_machine_are_reached_without_it(
    authority: Authority, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def at_home(host: str, port: int, *more: Any, **named: Any) -> Any:
        return real("127.0.0.1" if host == NAME else host, port, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", at_home)
    async with behind_a_proxy(authority) as (vendor, proxy), Vendor().listening(None) as plain:
        egress = Egress(through(proxy, bundle).proxy, Exceptions.parse([NAME]), bundle)
        transport = Transport(10.0, egress)
        assert (await transport.send(post(f"{NAME}:{vendor.port}"))).json() == {}
        assert (await transport.send(httpx.Request("GET", f"http://127.0.0.1:{plain.port}/"))).json() == {}
        await transport.aclose()
    assert (len(vendor.heads), len(plain.heads), proxy.heads) == (1, 1, [])


def test_nothing_shows_the_proxys_password() -> None:
    egress = Egress(Proxy.parse("https://ann:hunter2@proxy.corp:3128"))
    assert egress.proxy is not None
    shown = f"{egress!r} {egress.proxy} {egress.proxy.place} {Transport(1.0, egress)!r}"
    shown += repr(Callbacks(Rules(), egress=egress))
    for secret in ("hunter2", "ann", b64encode(b"ann:hunter2").decode()):
        assert secret not in shown
    assert "https://proxy.corp:3128" in shown


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("http://proxy", "proxy", 80),
        ("https://Proxy.corp/", "proxy.corp", 443),
        ("http://10.0.0.1:3128", "10.0.0.1", 3128),
        ("http://[fd00::1]:3128", "fd00::1", 3128),
        ("HTTP://ann:hush@proxy:8080", "proxy", 8080),
    ],
)
def test_a_proxy_is_named_by_an_address(address: str, host: str, port: int) -> None:
    proxy = Proxy.parse(address)
    assert (proxy.host, proxy.port) == (host, port)


@each_row(
    "address",
    [
        *(
            "proxy:3128",
            "proxy.corp",
            "socks5://ann:hunter2@proxy:1080",
            "http://",
            "http://ann:hunter2@:3128",
            "//proxy",
        ),
        *("http://ann:hunter2@proxy:0", "http://ann:hunter2@proxy:99999", "http://ann:hunter2@proxy/path"),
        *(
            "http://ann:hunter2@proxy?x=1",
            "http://ann:hunter2#x@proxy",
            "http://a%3Ann:hunter2@proxy",
            "http://pro xy",
            "http://pro..xy",
            f"http://{'x' * 64}.corp",
        ),
    ],
)
def test_what_is_no_proxy_is_refused_without_being_repeated(address: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - any of several
        Proxy.parse(address)
    assert "hunter2" not in str(refused.value)


@each_row(
    ("entry", "held", "not_held"),
    [
        ("crm.example", ["crm.example", "CRM.example", "crm.example."], ["a.crm.example", "xcrm.example", "example"]),
        (".corp", ["corp", "a.corp", "a.b.CORP"], ["xcorp", "corp.example"]),
        ("*.corp", ["a.corp"], ["xcorp", "a.corp.example"]),
        ("münchen.example", ["xn--mnchen-3ya.example", "münchen.example"], ["munchen.example"]),
        ("10.0.0.7", ["10.0.0.7", "::ffff:10.0.0.7"], ["10.0.0.8", "10.0.0.7.example"]),
        ("10.0.0.1/8", ["10.255.0.1"], ["11.0.0.1", "10.example"]),
        ("fd00::/8", ["fd12::1"], ["fe80::1", "2606:4700::1"]),
        ("[2001:db8::1]", ["2001:db8::1", "2001:db8:0::1"], ["2001:db8::2"]),
    ],
)
def test_exceptions_are_hosts_domains_addresses_and_networks(entry: str, held: list[str], not_held: list[str]) -> None:
    exceptions = Exceptions.parse([entry])
    assert [host for host in held if not exceptions.hold(host)] == []
    assert [host for host in not_held if exceptions.hold(host)] == []


@each_row("entry", ["", "*", ".", "crm.example:443", "https://crm.example", "10.0.0.0/99", "10.0.0.256", "a b"])
def test_what_is_no_exception_is_refused_with_its_place(entry: str) -> None:
    with pytest.raises(ValueError, match="entry 2 is no host"):
        Exceptions.parse(["crm.example", entry])


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "127.1.2.3", "::1"], ids=["name", "address", "another", "ipv6"]
)
def test_this_machine_is_never_reached_through_a_proxy(host: str) -> None:
    egress = Egress(Proxy.parse("http://proxy:3128"))
    assert egress.proxy_to(host) is None
    assert egress.proxy_to("10.0.0.1") == egress.proxy


def test_a_bundle_is_believed_besides_the_system(bundle: Path, authority: Authority) -> None:
    plain = {tuple(sorted(one.items(), key=str)) for one in map(_known, wire.trust().get_ca_certs())}
    both = {tuple(sorted(one.items(), key=str)) for one in map(_known, Egress(ca_bundle=bundle).trust.get_ca_certs())}
    assert len(both - plain) == 1
    assert plain <= both
    assert DIRECT.trust is wire.trust()


def _known(certificate: Any) -> dict[str, str]:
    return {"serial": certificate["serialNumber"], "issuer": str(certificate["issuer"])}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no certificate",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n"
        b"-----END PRIVATE KEY-----\n",
        b"\x30\x82\x01\x01",
    ],
    ids=["empty", "text", "damaged", "a key", "DER"],
)
def test_what_is_no_bundle_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ca.pem").write_bytes(content)
    with pytest.raises(ValueError, match="certificates in PEM"):
        check_bundle(tmp_path / "ca.pem")


def test_nor_is_one_that_cannot_be_read_a_bundle(tmp_path: Path, bundle: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.pem"):
        with pytest.raises(ValueError, match=r"cannot be read|in PEM"):
            check_bundle(path)
    assert check_bundle(bundle) == bundle
