"""The whole sandbox: its vendors and their gates, seeded, broken, repaired and reset together."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sandbox.accounts import read_account, read_directory_secret
from sandbox.contract import Vendor, buckets_of
from sandbox.directory import Directory
from sandbox.faults import FaultDeck, read_plans
from sandbox.gate import Gate
from sandbox.people import Person
from sandbox.served import FAULTS, LIMITS, VENDORS
from sandbox.traffic import Traffic, Window


class Sandbox:
    """The vendors and their gates. `environ` may set other accounts (`SANDBOX_<VENDOR>_<FIELD>`); `source` and `seed`
    are as for PUT /_sandbox/faults."""

    def __init__(
        self,
        environ: Mapping[str, str] = MappingProxyType({}),
        source: Mapping[str, Any] | None = None,
        seed: int = 0,
        limits: Mapping[str, int] | None = None,
    ) -> None:
        self.vendors: dict[str, Vendor] = {
            kind.name: kind(read_account(kind.account, kind.name, environ)) for kind in VENDORS
        }
        self.directory = Directory(read_directory_secret(environ))
        self._start_source = {"seed": seed, **(source or {})}
        self._start_limits = LIMITS | dict(limits or {})
        self.seed = int(self._start_source["seed"])
        self.gates: dict[str, Gate] = {}
        plans = read_plans(self._start_source, FAULTS)
        for name, vendor in self.vendors.items():
            self.gates[name] = Gate(vendor, self._traffic(vendor), FaultDeck(plans[name], self.seed, name))

    def _traffic(self, vendor: Vendor) -> Traffic:
        windows = {
            name: Window(self._start_limits[f"{vendor.name}.{name}"], units=bucket.units)
            for name, bucket in buckets_of(type(vendor)).items()
        }
        return Traffic(Window(self._start_limits[vendor.name]), windows)

    def set_faults(self, source: Mapping[str, Any]) -> None:
        """Draw new decks from the seed; raises ValueError and changes nothing when `source` is unusable."""
        plans = read_plans(source, FAULTS)
        self.seed = int(source.get("seed", self.seed))
        for name, gate in self.gates.items():
            gate.deck = FaultDeck(plans[name], self.seed, name)

    def admit(self, people: list[Person]) -> None:
        for vendor in self.vendors.values():
            for person in people:
                vendor.admit(person)

    def reset(self) -> None:
        """Back to the start: nobody known, nothing counted, first seed, faults and limits."""
        self.set_faults(self._start_source)
        self.directory.clear()
        for gate in self.gates.values():
            gate.vendor.clear()
            gate.traffic = self._traffic(gate.vendor)
            gate.fall(0, "unavailable")
            gate.refusals.clear()
