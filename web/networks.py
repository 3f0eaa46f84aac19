"""The network that an address is counted by."""

from ipaddress import IPv6Address, ip_address, ip_network


def network_of(host: str) -> str:
    """The /64 of an IPv6 address, because one customer has all of it; anything else unchanged."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:  # the peer of a Unix socket has no address
        return host
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((address, 64), strict=False))
