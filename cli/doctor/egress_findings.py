"""What a check-up says about the proxy."""

import asyncio
from collections.abc import Iterator
from urllib.parse import urlsplit

from adapters.egress import Egress, Proxy
from adapters.tunnel import ProxyError, ask
from cli.doctor.findings import Finding
from config.settings import PREFIX, Settings

PATIENCE_S = 10.0


def egress_findings(settings: Settings) -> Iterator[Finding]:
    """Whether the proxy connects to each vendor, the directory and the identity provider; nothing is sent to them.
    Empty without a proxy."""
    egress = settings.egress()
    if egress.proxy is None:
        return
    places = _places(settings, egress)
    if not places:
        yield Finding("proxy", f"{egress.proxy.place}: nothing that is switched on is reached through it", is_good=True)
        return
    faults = asyncio.run(_try_all(egress, egress.proxy, places))
    for (host, _), fault in zip(places, faults, strict=True):
        if fault is not None:
            yield Finding("proxy", f"{egress.proxy.place}, on the way to {host}: {fault[0]}", do=fault[1])
    if not any(faults):
        yield Finding(
            "proxy", f"{egress.proxy.place}: it opens the way to all that is reached through it", is_good=True
        )


def _places(settings: Settings, egress: Egress) -> list[tuple[str, int]]:
    addresses = [adapter.settings.base_url for adapter in settings.adapters().values()]
    if settings.resolver.url is not None:
        addresses.append(settings.resolver.url.get_secret_value())
    if settings.oidc is not None:
        addresses.append(settings.oidc.issuer)
    parts = map(urlsplit, addresses)
    found = {(part.hostname, part.port or 443) for part in parts if part.hostname}
    return sorted((host, port) for host, port in found if egress.proxy_to(host))


async def _try_all(egress: Egress, proxy: Proxy, places: list[tuple[str, int]]) -> list[tuple[str, str] | None]:
    return await asyncio.gather(*(_try(egress, proxy, host, port) for host, port in places))


async def _try(egress: Egress, proxy: Proxy, host: str, port: int) -> tuple[str, str] | None:
    """What is wrong, and what to do; None where the way is open."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            (await ask(proxy, host, port, egress.trust)).abort()
    except ProxyError as error:
        return str(error), f"see {PREFIX}EGRESS_PROXY and what the proxy allows"
    except TimeoutError:
        return f"it does not answer within {PATIENCE_S:g} s", f"check {PREFIX}EGRESS_PROXY and the network"
    except OSError:
        return (
            "no connection to the proxy can be made",
            f"check {PREFIX}EGRESS_PROXY, {PREFIX}CA_BUNDLE and the network",
        )
    return None
