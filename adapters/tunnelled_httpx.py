"""httpx's transport with our way out: direct, or through the proxy."""

import ssl

import httpx

from adapters.egress import Egress


def httpx_transport(egress: Egress, trusted: ssl.SSLContext, *hosts: str) -> httpx.AsyncHTTPTransport:
    """A transport for one request. `hosts`: by what the other side is known, a name, an address or both; it is reached
    without the proxy where one of them is excepted. A proxy that lets nothing through is an httpx.ConnectError."""
    proxies = [egress.proxy_to(host) for host in hosts]
    transport = httpx.AsyncHTTPTransport(verify=trusted, trust_env=False)
    proxy = proxies[0]
    if proxy is not None and None not in proxies:
        from adapters.httpcore_tunnel import pool_through  # noqa: PLC0415 - few want it; httpx too loads httpcore late

        # httpx's own way through a proxy shows the host of the URL in TLS, whatever `sni_hostname` says: a receiver's
        # is an address. This is its way without a proxy, over a connection that leads through one.
        transport._pool = pool_through(proxy, trusted, egress.trust)
    return transport
