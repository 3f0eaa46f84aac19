"""Which addresses notices may be sent to: what the operator allowed, and never this network's inside."""

from collections.abc import Set
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import httpx

from adapters.addresses import is_loopback

ANY_HOST = "*"
LONGEST_URL = 2048


class AddressError(ValueError):
    """Nothing may be sent to this address. The message says why, and quotes nothing of it."""


@dataclass(frozen=True)
class Rules:
    """What an operator allows.

    `hosts`: names, which allow port 443, or `name:port`; `*` is every public host at port 443. `loopback`: this machine
    is allowed, also by plain http; for tests and demonstrations only.
    """

    hosts: Set[str] = frozenset()
    loopback: bool = False

    def check(self, url: str) -> httpx.URL:
        """Return the address where its text may be sent to. Raises AddressError."""
        parsed = _parsed(url)
        host = name_of(parsed)
        if self.loopback and is_loopback(host) and parsed.scheme in ("http", "https"):
            return parsed.copy_with(fragment=None)
        if parsed.scheme != "https":
            raise AddressError("is not https")
        if not self.hosts & _names(host, parsed.port or 443):
            raise AddressError("its host is not allowed here: CONSENT_WEBHOOKS__ALLOWED_HOSTS")
        if _is_ip(host) and not is_public(host):  # sending would find that too, but the submitter learns of it now
            raise AddressError("is an address that is not public")
        return parsed.copy_with(fragment=None)

    def vet(self, address: str) -> None:
        """Raise AddressError unless a connection may be made to this IP address."""
        if not is_public(address) and not (self.loopback and is_loopback(address)):
            raise AddressError("its name leads to an address that is not public")


def _parsed(url: str) -> httpx.URL:
    if len(url) > LONGEST_URL:
        raise AddressError(f"is longer than {LONGEST_URL:,} characters")
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise AddressError("is not an address") from None
    if parsed.userinfo:
        raise AddressError("holds a user or password; receivers check signatures instead")
    if not parsed.raw_host or b"%" in parsed.raw_host:  # httpx percent-encodes a space in a host
        raise AddressError("names no host")
    return parsed


def place_of(url: str) -> str:
    """The `host:port` of an address, in the form of `Rules.hosts`. Raises AddressError."""
    parsed = _parsed(url)
    return f"{name_of(parsed)}:{parsed.port or 443}"


def name_of(url: httpx.URL) -> str:
    """The host of an address as resolvers and certificates have it: in ASCII and lower case, without brackets."""
    return url.raw_host.decode("ascii").lower()


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _names(host: str, port: int) -> set[str]:
    at_port = {f"{host}:{port}"}
    return at_port | {host, ANY_HOST} if port == 443 else at_port


_SPECIAL = tuple(
    map(
        ip_network,
        (
            # https://www.iana.org/assignments/iana-ipv4-special-registry, and multicast and reserved space
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16"),
            *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
            # https://www.iana.org/assignments/iana-ipv6-special-registry: the parts of 2000::/3
            *("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
        ),
    )
)
_GLOBAL_UNICAST = ip_network("2000::/3")
"""All of IPv6 that IANA has allocated. Loopback, mapped and translated IPv4, link-local and multicast are outside of
it."""


def is_public(address: str) -> bool:
    """Whether an IP address is an ordinary one of the public internet. IPv6 addresses that contain an IPv4 address
    (mapped, 6to4, Teredo, NAT64) are not: they may lead anywhere."""
    try:
        parsed: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and (parsed.scope_id or parsed not in _GLOBAL_UNICAST):
        return False
    return parsed.is_global and not any(parsed in network for network in _SPECIAL)
