"""What to run for how many deliveries a month, and what reaches its limit first: arithmetic over bench/results.json.

Every cost is measured, times calls and people; nothing is fitted by hand. What is assumed and not measured is in
`Assumed` and in docs/capacity.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, log
from types import MappingProxyType
from typing import Any

from adapters.contract import Adapter, VendorSettings
from adapters.registry import OURS

MONTH_S = 30 * 86_400
DAY_S = 86_400


@dataclass(frozen=True)
class Vendor:
    """What an erasure, the most expensive kind, takes at one vendor."""

    name: str
    calls_a_minute: int
    """The adapter's default `requests_per_minute`."""
    calls_a_person: float
    """With reading back, where the vendor can be read."""
    like: str
    """The measured shape whose cost a call has, and..."""
    calls_measured: float
    """... how many calls a person were made there."""


SHAPES: Mapping[str, float] = MappingProxyType({"algonomy": 1.0, "dfinery": 2 / 20, "insider": 2 / 1000})
"""What has been measured (`bench/scenarios/deliveries.py`), and how many calls a person were made there."""


def _vendor(name: str, adapter: type[Adapter]) -> Vendor:
    """By its card and its settings, at the cost of the shape that is nearest by calls a person."""
    calls = adapter.card.work.calls
    like = min(SHAPES, key=lambda shape: abs(log(SHAPES[shape] / calls)))
    a_minute = adapter.settings_model.model_fields["requests_per_minute"].default
    return Vendor(name, a_minute, calls, like, SHAPES[like])


VENDORS = tuple(_vendor(name, adapter) for name, adapter in OURS.items())


@dataclass(frozen=True)
class Assumed:
    """Values that the model assumes."""

    peak_share: float = 0.1
    """This share of a month's deliveries comes at once, and..."""
    peak_s: float = DAY_S
    """... is to be done within this."""
    utilisation: float = 0.6
    """Of every core: the rest is for what is not measured here, and for a lost machine."""
    answer_s: float = 0.2
    """A vendor's answer over the internet."""
    in_flight: int = VendorSettings.model_fields["concurrency"].default
    """Requests in flight per worker process and vendor."""
    connections: int = 16
    """Of a worker process to PostgreSQL: its pool and the pool's overflow."""
    retention_s: float = 365 * DAY_S
    """RETENTION_DAYS: from a request's end until its people and outcomes are dropped. By default they never are."""
    overhang: float = 0.1
    """A volume is dropped when its last request is that old, and takes in requests for this part of the retention."""
    volume_bytes: float = 8 << 30
    """How large a volume of the record grows."""


ASSUMED = Assumed()


@dataclass(frozen=True)
class Measured:
    """What one delivery costs, by shape of vendor, and what one person costs."""

    cpu_us: Mapping[str, Mapping[str, float]]
    """By shape, by kind of process."""
    wal_bytes: Mapping[str, float]
    """By shape."""
    person_bytes: float
    person_wal_bytes: float
    person_us: float
    """To submit: CPU of one process that does nothing else."""
    outcome_bytes: float
    limit_used: float
    """The share of a vendor's limit that the throttle uses."""

    @classmethod
    def of(cls, results: Mapping[str, Any]) -> "Measured":
        """From bench/results.json. Raises KeyError naming the row that is missing."""
        rows = {row["name"]: row for row in results["rows"]}
        shapes = sorted({vendor.like for vendor in VENDORS})
        return cls(
            cpu_us={shape: rows[f"{shape}-cpu"]["parts"] for shape in shapes},
            wal_bytes={shape: rows[f"{shape}-wal"]["ours"] for shape in shapes},
            person_bytes=rows["growth-disk"]["parts"]["person"],
            person_wal_bytes=rows["growth-wal"]["parts"]["person"],
            person_us=rows["growth-intake"]["ours"],
            outcome_bytes=rows["growth-disk"]["parts"]["delivery"],
            limit_used=rows["limiter-used"]["ratio"],
        )


@dataclass(frozen=True)
class Load:
    """Deliveries a month, spread evenly over the vendors: every person goes to each."""

    deliveries: float
    vendors: Sequence[Vendor] = VENDORS
    assumed: Assumed = ASSUMED

    @property
    def people(self) -> float:
        """People a month."""
        return self.deliveries / len(self.vendors)

    @property
    def people_a_second(self) -> float:
        """On average."""
        return self.people / MONTH_S

    @property
    def peak_people_a_second(self) -> float:
        """While the largest campaign is under way."""
        return self.people * self.assumed.peak_share / self.assumed.peak_s


def limit_share(vendor: Vendor, load: Load, measured: Measured) -> float:
    """The share of a vendor's month that is used; above 1 the load cannot be delivered at this limit."""
    return load.people_a_second * vendor.calls_a_person / usable_calls(vendor, measured)


def campaign_s(vendor: Vendor, load: Load, measured: Measured) -> float:
    """How long the largest campaign takes at the vendor's limit alone."""
    people = load.people * load.assumed.peak_share
    return people * vendor.calls_a_person / usable_calls(vendor, measured)


def peak_people(vendor: Vendor, load: Load, measured: Measured) -> float:
    """People a second at the peak: what is wanted, or what the vendor takes."""
    return min(load.peak_people_a_second, usable_calls(vendor, measured) / vendor.calls_a_person)


def usable_calls(vendor: Vendor, measured: Measured) -> float:
    """Calls a second."""
    return vendor.calls_a_minute / 60 * measured.limit_used


def needed_limit(vendor: Vendor, load: Load, measured: Measured) -> float:
    """Calls a minute to ask the vendor for, so that the month's people can be delivered in the month."""
    return load.people_a_second * vendor.calls_a_person * 60 / measured.limit_used


def cpu_us(vendor: Vendor, kind: str, measured: Measured) -> float:
    """CPU µs a person at one vendor, of one kind of process: that of the measured shape, by the number of calls."""
    return measured.cpu_us[vendor.like].get(kind, 0.0) * vendor.calls_a_person / vendor.calls_measured


def cores(kind: str, load: Load, measured: Measured) -> float:
    """Cores of one kind of process at the peak, at no more than the assumed utilisation."""
    busy = sum(peak_people(vendor, load, measured) * cpu_us(vendor, kind, measured) / 1e6 for vendor in load.vendors)
    return busy / load.assumed.utilisation


def processes(load: Load, measured: Measured) -> int:
    """Worker processes: enough for the CPU (one process is one core) and for the requests in flight; two at least."""
    places = max(
        peak_people(vendor, load, measured) * vendor.calls_a_person * load.assumed.answer_s / load.assumed.in_flight
        for vendor in load.vendors
    )
    return max(2, ceil(cores("worker", load, measured)), ceil(places))


def disk_bytes(load: Load, measured: Measured) -> float:
    """Disk for people and outcomes when the retention is over for the first of them."""
    assumed = load.assumed
    a_second = load.people_a_second * (measured.person_bytes + len(load.vendors) * measured.outcome_bytes)
    return a_second * assumed.retention_s * (1 + assumed.overhang)


def volumes(load: Load, measured: Measured) -> int:
    """Volumes of the record by then. Looking up a person reads each."""
    return ceil(disk_bytes(load, measured) / load.assumed.volume_bytes)


def wal_a_person(load: Load, measured: Measured) -> float:
    """Bytes of write-ahead log for a person's intake and deliveries; each call more is taken to write as much again."""
    deliveries = (
        measured.wal_bytes[vendor.like] * vendor.calls_a_person / vendor.calls_measured for vendor in load.vendors
    )
    return measured.person_wal_bytes + sum(deliveries)


def gives_first(load: Load, measured: Measured, *, machine_cores: int = 2) -> tuple[str, float]:
    """For one machine with so many cores and the vendors' limits: what reaches its limit first, and its load (1 is the
    limit). Cores are counted at the peak, limits over the month."""
    kinds = ("worker", "postgres", "redis")
    wanted = sum(
        load.peak_people_a_second * cpu_us(vendor, kind, measured) for vendor in load.vendors for kind in kinds
    )
    shares = {
        **{f"the limit of {vendor.name}": limit_share(vendor, load, measured) for vendor in load.vendors},
        f"{machine_cores} cores": wanted / 1e6 / load.assumed.utilisation / machine_cores,
    }
    name = max(shares, key=lambda one: shares[one])
    return name, shares[name]


def with_room(load: Load, measured: Measured) -> Load:
    """The same load at vendors that allow its peak."""
    wanted = load.peak_people_a_second * 60 / measured.limit_used
    raised = [
        replace(vendor, calls_a_minute=max(vendor.calls_a_minute, ceil(wanted * vendor.calls_a_person)))
        for vendor in load.vendors
    ]
    return replace(load, vendors=raised)
