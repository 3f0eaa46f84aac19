"""The sandbox's vendors behind the real adapters and exchange, in this process: whole deliveries without a stack."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any

import fakeredis
import httpx

from adapters.credentials import Credentials
from adapters.exchange import Exchange
from adapters.registry import ADAPTERS, create
from adapters.transport import AnswerLostError
from domain.requests import Subject
from ledger.sealing import MasterKeys, generate_master_key
from sandbox.exchange import Call
from sandbox.gate import Gate
from sandbox.people import read_person
from sandbox.refusals import read_refusal
from sandbox.served import VENDORS
from sandbox.state import Sandbox
from tasks.slots import FairSlots
from tasks.toolbox import Route, Toolbox
from tests.ledger.conftest import Desk
from tests.stubs import StubPermits

SETTINGS: dict[str, dict[str, Any]] = {
    vendor.name: {name.lower(): value for name, value in vendor.account().settings().items()} for vendor in VENDORS
}
SETTINGS["insider"]["look_first_up_to"] = 0


@dataclass
class GateTransport:
    """Hands requests to a vendor of the sandbox instead of a socket."""

    gate: Gate
    paths: list[str] = field(default_factory=list)
    """Of the calls so far, without query."""

    async def send(self, request: httpx.Request) -> httpx.Response:
        path, _, query = request.url.raw_path.decode().partition("?")
        self.paths.append(path)
        plan = self.gate.deck.plan
        call = Call(request.method, path, query, request.headers, request.content, monotonic(), plan)
        answer = self.gate.decide(call, admitted=True).answer
        if answer is None:
            raise AnswerLostError
        return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.body, request=request)

    async def aclose(self) -> None:
        """Nothing is open."""


@dataclass
class Switchboard:
    """The transport of harmless calls: it finds the vendor by the host."""

    transports: dict[str, GateTransport]

    async def send(self, request: httpx.Request) -> httpx.Response:
        return await self.transports[request.url.host.partition(".")[0]].send(request)

    async def aclose(self) -> None:
        """Nothing is open."""


@dataclass
class Shop:
    """The five vendors, and what is sent to them."""

    desk: Desk
    sandbox: Sandbox = field(default_factory=Sandbox)
    transports: dict[str, GateTransport] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.transports = {name: GateTransport(gate) for name, gate in self.sandbox.gates.items()}

    def exchange(self, vendor: str, **settings: Any) -> Exchange:
        """The real way to one vendor of the sandbox."""
        given = {"base_url": f"https://{vendor}.example", **SETTINGS[vendor], **settings}
        adapter = create(vendor, ADAPTERS[vendor].settings_model.model_validate(given))
        credentials = Credentials(fakeredis.FakeAsyncRedis(), MasterKeys.parse(generate_master_key()))
        return Exchange(adapter, self.transports[vendor], credentials, StubPermits())

    def tools(self, vendor: str, *, slots: int = 32, **settings: Any) -> Toolbox:
        """The tools of a worker that knows this vendor."""
        exchange = self.exchange(vendor, **settings)
        tools = self.desk.tools({})
        routes = {vendor: Route(exchange.adapter, exchange, FairSlots(slots))}
        return replace(tools, routes=routes)

    def work(self, tools: Toolbox, *, minutes: float = 0.0) -> None:
        """Work off what is due, now and later, moving time to the next due chunk."""
        left_s = minutes * 60
        while True:
            self.desk.work_off(tools)
            self.desk.queued.clear()
            wait_s = self.desk.next_due_s()
            if wait_s is None or wait_s > left_s:
                self.desk.pass_time(left_s)
                self.desk.work_off(tools)
                self.desk.queued.clear()
                return
            self.desk.pass_time(wait_s)
            left_s -= wait_s

    def refuse(self, vendor: str, **rule: Any) -> None:
        """Have the vendor refuse some calls from now on; see sandbox.refusals."""
        self.sandbox.gates[vendor].refusals.append(read_refusal(rule))

    def mend(self, vendor: str) -> None:
        """Refuse nothing any more."""
        self.sandbox.gates[vendor].refusals.clear()

    def seed(self, subjects: Sequence[Subject]) -> None:
        """Make all vendors hold these people."""
        self.sandbox.admit([read_person(subject) for subject in subjects])

    def calls(self, vendor: str, path: str = "") -> int:
        """How many calls to a path there were, or to any."""
        return sum(path in one for one in self.transports[vendor].paths)
