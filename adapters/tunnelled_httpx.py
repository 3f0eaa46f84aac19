"""httpx's transport over our egress: direct, or through the proxy."""

import ssl

import httpx

from adapters.egress import Egress


def httpx_transport(egress: Egress, trusted: ssl.SSLContext, *hosts: str) -> httpx.AsyncHTTPTransport:
    """A transport for one request. `hosts`: the names and addresses of the other side; it is reached without the proxy
    where one of them is excepted. A proxy that refuses raises httpx.ConnectError."""
    proxies = [egress.proxy_to(host) for host in hosts]
    transport = httpx.AsyncHTTPTransport(verify=trusted, trust_env=False)
    proxy = proxies[0]
    if proxy is not None and None not in proxies:
        from adapters.httpcore_tunnel import pool_through  # noqa: PLC0415 - few want it; httpx too loads httpcore late

        # httpx's own proxy support shows the host of the URL in TLS, whatever `sni_hostname` says, and a receiver's
        # host is an address. So use its way without a proxy, over a connection through the proxy.
        transport._pool = pool_through(proxy, trusted, egress.trust)
    return transport
