"""Whom an address stands for where tries are counted."""

from ipaddress import IPv6Address, ip_address, ip_network


def network_of(host: str) -> str:
    """Of an IPv6 address the /64, for one customer has all of it; anything else as it is."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:  # the peer of a Unix socket has none
        return host
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((address, 64), strict=False))
