"""What to run for how many deliveries a month, and what gives first: arithmetic over bench/results.json.

Every cost is a measured one, times calls and people; nothing is fitted by hand. What is assumed and not measured stands
in `Assumed` and in docs/capacity.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from types import MappingProxyType
from typing import Any

from adapters.contract import VendorSettings
from bench.results import short

MONTH_S = 30 * 86_400
DAY_S = 86_400


@dataclass(frozen=True)
class Vendor:
    """What an erasure, the dearest kind, asks of one vendor."""

    name: str
    calls_a_minute: int
    """The adapter's default `requests_per_minute`."""
    calls_a_person: float
    """With reading back, where the vendor can be read."""
    like: str
    """The measured shape whose cost a call has, and..."""
    calls_measured: float
    """... how many calls a person were made there."""


VENDORS = (
    Vendor("algonomy", 6_000, 1.0, "algonomy", 1.0),
    Vendor("akinon", 6_000, 2.0, "algonomy", 1.0),  # whose session is it, then the flags; the answer shows them
    Vendor("b2core", 6_000, 5.0, "algonomy", 1.0),  # find, contacts, one contact, profile, and read back
    Vendor("dfinery", 10_000, 4 / 20, "dfinery", 2 / 20),  # flags, CI, and both read back
    Vendor("insider", 25_000, 2 / 1000, "insider", 2 / 1000),  # consent, attributes; cannot be read back
)
"""The five of today. A test compares limits and people a call with the adapters'."""


@dataclass(frozen=True)
class Assumed:
    """What the model takes for granted."""

    peak_share: float = 0.1
    """So much of a month's deliveries comes at once, and..."""
    peak_s: float = DAY_S
    """... is to be done within this."""
    utilisation: float = 0.6
    """Of every core: the rest is for what is not measured here, and for a machine that is lost."""
    answer_s: float = 0.2
    """A vendor's answer over the internet."""
    in_flight: int = VendorSettings.model_fields["concurrency"].default
    """Requests in flight per worker process and vendor."""
    connections: int = 16
    """Of a worker process to PostgreSQL: its pool and the pool's overflow."""
    people_kept_s: float = MONTH_S
    """From receipt until a person is forgotten."""
    record_kept_s: float = 36 * MONTH_S
    """Outcomes hold no identifier and are the proof of what was done."""


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
    """To submit: of one process that does nothing else."""
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
    """How much of a vendor's month is taken; above 1 the load cannot be delivered at this limit."""
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
    """Calls a minute to ask the vendor for, so that the month's people fit into the month."""
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


def disk_bytes(load: Load, measured: Measured) -> tuple[float, float]:
    """What is kept of people, and of outcomes, once the kept periods are full."""
    assumed = load.assumed
    people = load.people_a_second * assumed.people_kept_s * measured.person_bytes
    return people, load.deliveries / MONTH_S * assumed.record_kept_s * measured.outcome_bytes


def wal_a_person(load: Load, measured: Measured) -> float:
    """Bytes of write-ahead log for a person's intake and deliveries; each call more is taken to write as much again."""
    deliveries = (
        measured.wal_bytes[vendor.like] * vendor.calls_a_person / vendor.calls_measured for vendor in load.vendors
    )
    return measured.person_wal_bytes + sum(deliveries)


def gives_first(load: Load, measured: Measured, *, machine_cores: int = 2) -> tuple[str, float]:
    """Of one machine with so many cores and the vendors' limits: what is nearest to its end, and how near (1 is the
    end). Cores are counted at the peak, limits over the month."""
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
    """The same load at vendors that allow what its peak wants."""
    wanted = load.peak_people_a_second * 60 / measured.limit_used
    raised = [
        replace(vendor, calls_a_minute=max(vendor.calls_a_minute, ceil(wanted * vendor.calls_a_person)))
        for vendor in load.vendors
    ]
    return replace(load, vendors=raised)


LOADS: Mapping[str, Load] = MappingProxyType({"1 M": Load(1e6), "100 M": Load(1e8), "1 B": Load(1e9)})


def loads_table(measured: Measured) -> list[list[str]]:
    """What to run for each load, and for the largest where the vendors make room; rows of cells, the heading first."""
    named = {**LOADS, "1 B, with room": with_room(LOADS["1 B"], measured)}
    loads = list(named.values())
    rows = [["deliveries a month", *named]]

    def add(what: str, *cells: str) -> None:
        rows.append([what, *cells])

    add("people a month, each at 5 vendors", *(f"{load.people / 1e6:,.3g} M" for load in loads))
    add(
        "people a second, average / peak",
        *(f"{short(load.people_a_second)} / {short(load.peak_people_a_second)}" for load in loads),
    )
    for place, vendor in enumerate(VENDORS):
        shares = [limit_share(load.vendors[place], load, measured) for load in loads]
        add(f"{vendor.name}'s limit, share of the month", *(_share(share) for share in shares))
    slowest = (max((campaign_s(one, load, measured), one.name) for one in load.vendors) for load in loads)
    add("a tenth of the month at once takes", *(f"{_span(seconds)} ({name})" for seconds, name in slowest))
    for kind, says in (("worker", "workers"), ("postgres", "PostgreSQL"), ("redis", "Redis")):
        add(f"cores at the peak: {says}", *(_cores(cores(kind, load, measured)) for load in loads))
    add("worker processes", *(f"{processes(load, measured)}" for load in loads))
    add(
        "their connections to PostgreSQL, at most",
        *(f"{processes(load, measured) * load.assumed.connections:,}" for load in loads),
    )
    kept = [disk_bytes(load, measured) for load in loads]
    add("disk: people, a month of them", *(_bytes(people) for people, _ in kept))
    add("disk: outcomes, three years of them", *(_bytes(outcomes) for _, outcomes in kept))
    wal = [wal_a_person(load, measured) for load in loads]
    add("write-ahead log a month", *(_bytes(load.people * one) for load, one in zip(loads, wal, strict=True)))
    first = [gives_first(load, measured) for load in loads]
    add("on a machine of 2 cores, nearest to its end", *(f"{name}: {_share(share)}" for name, share in first))
    return rows


def ceilings_table(measured: Measured) -> list[list[str]]:
    """How much each part could do if it were the only one that is short."""
    utilisation = ASSUMED.utilisation
    rows = [["part", "deliveries a month at most", "bound by"]]
    for kind, says, count in (("worker", "one worker process", 1), ("postgres", "PostgreSQL on 4 cores", 4)):
        mean_us = sum(cpu_us(vendor, kind, measured) for vendor in VENDORS) / len(VENDORS)
        most = MONTH_S * count * utilisation / mean_us * 1e6
        rows.append([says, _count(most), f"{short(mean_us)} µs of CPU a delivery, over the five"])
    redis_us = sum(cpu_us(vendor, "redis", measured) for vendor in VENDORS) / len(VENDORS)
    most = MONTH_S * utilisation / redis_us * 1e6
    rows.append(["one Redis, which has one core", _count(most), f"{short(redis_us)} µs a delivery"])
    intake = MONTH_S * utilisation / measured.person_us * 1e6 * len(VENDORS)
    rows.append(
        ["one process that submits", _count(intake), f"{short(measured.person_us)} µs a person, at five vendors"]
    )
    for vendor in VENDORS:
        most = usable_calls(vendor, measured) / vendor.calls_a_person * MONTH_S * len(VENDORS)
        calls = f"{vendor.calls_a_minute:,} calls a minute, {vendor.calls_a_person:g} a person"
        rows.append([f"the limit of {vendor.name}", _count(most), calls])
    return rows


def limits_table(measured: Measured) -> list[list[str]]:
    """Calls a minute that each vendor would have to allow."""
    rows = [["vendor", "calls a person", "limit now", *(f"{name} needs" for name in LOADS)]]
    for vendor in VENDORS:
        needs = (needed_limit(vendor, load, measured) for load in LOADS.values())
        now = f"{vendor.calls_a_minute:,}"
        rows.append([vendor.name, f"{vendor.calls_a_person:g}", now, *(f"{ceil(need):,}" for need in needs)])
    return rows


def _share(share: float) -> str:
    told = f"{short(share * 100)} %" if share >= 0.0001 else "< 0.01 %"
    return f"**{told}**" if share > 1 else told


def _cores(number: float) -> str:
    return f"{number:.2f}" if number >= 0.01 else "< 0.01"


def _span(seconds: float) -> str:
    if seconds >= 2 * DAY_S:
        return f"{seconds / DAY_S:,.1f} days"
    return f"{seconds / 3600:,.1f} h" if seconds >= 3600 else f"{seconds / 60:,.0f} min"


def _bytes(number: float) -> str:
    return f"{short(number / 1e12)} TB" if number >= 1e12 else f"{short(number / 1e9)} GB"


def _count(number: float) -> str:
    return f"{short(number / 1e9)} B" if number >= 1e9 else f"{short(number / 1e6)} M"
