"""How outgoing connections are made: which hosts through a proxy, and which certificate authorities are trusted."""

import re
import ssl
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path

import httpx

from adapters import wire
from adapters.addresses import is_loopback

_NAME = re.compile(r"(?=.*[a-z_-])[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Proxy:
    """An HTTP proxy used by CONNECT. Its user and password are never shown."""

    scheme: str
    host: str
    port: int
    authorization: bytes | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, address: str) -> "Proxy":
        """Parse `http[s]://[user:password@]host[:port]`. Raises ValueError, which quotes nothing of the address."""
        try:
            url = httpx.URL(address)
        except httpx.InvalidURL:
            raise ValueError("is not an address, such as http://proxy.example:3128") from None
        if url.scheme not in _PORTS:
            raise ValueError("must begin with http:// or https://")
        if url.raw_path not in (b"", b"/") or url.fragment:
            raise ValueError(
                "must be user, password, host and port only; write / ? # @ of a password as %2F %3F %23 %40"
            )
        host = url.raw_host.decode("ascii").lower()
        port = _PORTS[url.scheme] if url.port is None else url.port
        labels = host.removesuffix(".").split(".")
        if not all(0 < len(label) <= 63 for label in labels) or "%" in host or not 1 <= port <= 65_535:
            raise ValueError("must name a host, and a port from 1 to 65535 or none")
        if ":" in url.username:
            raise ValueError("has a user with a colon in it, which no proxy can be told")
        said = f"{url.username}:{url.password}".encode() if url.userinfo else None
        authorization = b"Basic " + b64encode(said) if said is not None else None
        return cls(url.scheme, host, port, authorization)

    @property
    def place(self) -> str:
        """Its address, for an operator's eyes."""
        return f"{self.scheme}://{authority(self.host, self.port)}"


@dataclass(frozen=True)
class Exceptions:
    """Hosts that are reached without the proxy, compared as written in addresses: no name is resolved for this."""

    names: frozenset[str] = frozenset()
    domains: tuple[str, ...] = ()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def parse(cls, entries: Iterable[str]) -> "Exceptions":
        """Parse hosts (`crm.example`), domains with all below them (`.corp`, `*.corp`), addresses and CIDRs
        (`10.0.0.0/8`, `fd00::/8`). Raises ValueError."""
        names: set[str] = set()
        domains: list[str] = []
        networks: list[IPv4Network | IPv6Network] = []
        for place, entry in enumerate(entries, start=1):
            written = entry.strip().lower().rstrip(".")
            try:
                networks.append(ip_network(written.strip("[]"), strict=False))
                continue
            except ValueError:
                pass  # a name
            name = _in_ascii(written.removeprefix("*").removeprefix("."))
            if name is None:
                raise ValueError(
                    f"entry {place} is no host (crm.example), domain (.corp), address or CIDR (10.0.0.0/8); no ports"
                )
            if written.startswith((".", "*.")):
                domains.append(name)
            else:
                names.add(name)
        return cls(frozenset(names), tuple(domains), tuple(networks))

    def hold(self, host: str) -> bool:
        """Whether this host, a name or an address without brackets, is an exception."""
        try:
            address = ip_address(host)
        except ValueError:
            name = _in_ascii(host.lower().rstrip("."))
            return name is not None and (
                name in self.names or any(name == domain or name.endswith(f".{domain}") for domain in self.domains)
            )
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self.networks)


def _in_ascii(name: str) -> str | None:
    try:
        written = httpx.URL(scheme="https", host=name).raw_host.decode("ascii")
    except httpx.InvalidURL:
        return None
    return written if _NAME.fullmatch(written) else None


@dataclass(frozen=True)
class Egress:
    """How we reach everything that we call: vendors, receivers, the directory, the identity provider."""

    proxy: Proxy | None = None
    exceptions: Exceptions = Exceptions()
    ca_bundle: Path | None = None
    """Authorities to trust besides the system's, in a PEM file."""

    @property
    def trust(self) -> ssl.SSLContext:
        """The trusted authorities for TLS, also to the proxy. Raises OSError where the bundle is missing."""
        return wire.trust() if self.ca_bundle is None else wire.trust(self.ca_bundle)

    def proxy_to(self, host: str) -> Proxy | None:
        """The proxy for this host, a name or an address without brackets; None for a direct connection, as always to
        this machine."""
        if self.proxy is None or is_loopback(host) or self.exceptions.hold(host):
            return None
        return self.proxy


DIRECT = Egress()
"""No proxy, and the system's authorities."""


def check_bundle(path: Path) -> Path:
    """Return the path. Raises ValueError unless it is a file of certificates in PEM."""
    looking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        looking.load_verify_locations(path)
    except ssl.SSLError:  # a subclass of OSError
        raise ValueError("must be a file of certificates in PEM: it has none, or a damaged one") from None
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    if not looking.cert_store_stats()["x509"]:
        raise ValueError("must be a file of certificates in PEM: it has none")
    return path


def authority(host: str, port: int) -> str:
    """Host and port as in a request line."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
