"""What the made-up vendors have in common: an adapter that knows people by `user_id`, and the wire to its server."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import fakeredis
import httpx

from adapters.contract import Answer, Call, Limits, Person, VendorSettings
from adapters.credentials import Credentials
from adapters.exchange import Exchange
from ledger.sealing import MasterKeys, generate_master_key
from tests.stubs import StubAdapter, StubPermits

BASE_URL = "https://api.madeup.example/v1"


def settings(**given: Any) -> VendorSettings:
    return VendorSettings(base_url=BASE_URL, **given)


@dataclass(frozen=True)
class MadeUp(StubAdapter):
    """The base of them: each says for itself how requests are built and answers read."""

    name: str = "insider"  # a name that the ledger of the tests knows
    settings: VendorSettings = field(default=settings(), repr=False)

    def limits(self, call: Call) -> Limits:
        return Limits(people=self.batch, body_bytes=self.body_bytes)

    def classify(self, call: Call, people: Sequence[Person], response: httpx.Response) -> list[Answer]:
        raise NotImplementedError


@dataclass
class Wire:
    """Leads to a server that is a function; notes what was sent."""

    server: Callable[[httpx.Request], httpx.Response]
    sent: list[httpx.Request] = field(default_factory=list)

    async def send(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        return self.server(request)

    async def aclose(self) -> None:
        """Nothing is open."""

    @property
    def paths(self) -> list[str]:
        return [request.url.path for request in self.sent]


def exchange_with(
    adapter: Any,
    server: Callable[[httpx.Request], httpx.Response],
    *,
    permits: Any = None,
    credentials: Credentials | None = None,
) -> Exchange:
    """The real exchange with a made-up vendor; its `transport` is a `Wire`."""
    return Exchange(adapter, Wire(server), credentials or any_credentials(), permits or StubPermits())


def any_credentials(server: fakeredis.FakeServer | None = None, masters: MasterKeys | None = None) -> Credentials:
    return Credentials(fakeredis.FakeAsyncRedis(server=server), masters or MasterKeys.parse(generate_master_key()))
