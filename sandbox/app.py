"""Wires the five vendors and the admin API into one aiohttp application."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from sandbox import admin
from sandbox.accounts import Accounts
from sandbox.contract import HasBuckets, Vendor
from sandbox.directory import Directory
from sandbox.faults import FaultDeck, read_plans
from sandbox.gate import Gate
from sandbox.people import Person
from sandbox.traffic import Traffic, Window
from sandbox.vendors.akinon import Akinon
from sandbox.vendors.algonomy import Algonomy
from sandbox.vendors.b2core import B2Core
from sandbox.vendors.dfinery import Dfinery
from sandbox.vendors.insider import Insider

VENDORS: tuple[type[Vendor], ...] = (Insider, Algonomy, Dfinery, Akinon, B2Core)
NAMES = tuple(kind.name for kind in VENDORS)
LIMITS = {kind.name: kind.limit for kind in VENDORS} | {
    f"{kind.name}.{name}": bucket.limit
    for kind in VENDORS
    if issubclass(kind, Insider)
    for name, bucket in kind.buckets.items()
}
"""Units a minute; `insider.profile` and its like are the limits of single calls."""
# Above Insider's 5,000,000 bytes, so that it is Insider who says no; and room to seed a million people.
MAX_BODY = 1 << 30


class Sandbox:
    """The vendors and what stands before each. `source` and `seed` are as for PUT /_sandbox/faults."""

    def __init__(
        self,
        accounts: Accounts | None = None,
        source: Mapping[str, Any] | None = None,
        seed: int = 0,
        limits: Mapping[str, int] | None = None,
    ) -> None:
        accounts = accounts or Accounts()
        self.vendors: dict[str, Vendor] = {kind.name: kind(accounts) for kind in VENDORS}
        self.directory = Directory(accounts.directory_secret)
        self._start_source = {"seed": seed, **(source or {})}
        self._start_limits = LIMITS | dict(limits or {})
        self.seed = int(self._start_source["seed"])
        self.gates: dict[str, Gate] = {}
        plans = read_plans(self._start_source, NAMES)
        for name, vendor in self.vendors.items():
            self.gates[name] = Gate(vendor, self._traffic(vendor), FaultDeck(plans[name], self.seed, name))

    def _traffic(self, vendor: Vendor) -> Traffic:
        buckets = vendor.buckets if isinstance(vendor, HasBuckets) else {}
        windows = {
            name: Window(self._start_limits[f"{vendor.name}.{name}"], units=bucket.units)
            for name, bucket in buckets.items()
        }
        return Traffic(Window(self._start_limits[vendor.name]), windows)

    def set_faults(self, source: Mapping[str, Any]) -> None:
        """Deal new decks from the seed; raises ValueError and changes nothing when `source` is unusable."""
        plans = read_plans(source, NAMES)
        self.seed = int(source.get("seed", self.seed))
        for name, gate in self.gates.items():
            gate.deck = FaultDeck(plans[name], self.seed, name)

    def admit(self, people: list[Person]) -> None:
        for vendor in self.vendors.values():
            for person in people:
                vendor.admit(person)

    def reset(self) -> None:
        """Back to how it started: nobody known, nothing counted, first seed, faults and limits."""
        self.set_faults(self._start_source)
        self.directory.clear()
        for gate in self.gates.values():
            gate.vendor.clear()
            gate.traffic = self._traffic(gate.vendor)
            gate.fall(0, "unavailable")
            gate.refusals.clear()


def build_app(sandbox: Sandbox) -> web.Application:
    app = web.Application(client_max_size=MAX_BODY)
    admin.mount(app, sandbox)
    app.router.add_post("/directory", sandbox.directory.answer)
    for name, gate in sandbox.gates.items():
        app.router.add_route("*", f"/{name}{{rest:.*}}", gate.serve)
    return app
