"""The tables of docs/capacity.md: rows of cells, the heading first."""

from collections.abc import Mapping
from math import ceil
from types import MappingProxyType

from bench.capacity import (
    ASSUMED,
    DAY_S,
    MONTH_S,
    VENDORS,
    Load,
    Measured,
    campaign_s,
    cores,
    cpu_us,
    disk_bytes,
    gives_first,
    limit_share,
    needed_limit,
    processes,
    usable_calls,
    volumes,
    wal_a_person,
    with_room,
)
from bench.results import short

LOADS: Mapping[str, Load] = MappingProxyType({"1 M": Load(1e6), "100 M": Load(1e8), "1 B": Load(1e9)})


def loads_table(measured: Measured) -> list[list[str]]:
    """What to run for each load, and for the largest if the vendors raise their limits; rows of cells, the heading
    first."""
    named = {**LOADS, "1 B, with room": with_room(LOADS["1 B"], measured)}
    loads = list(named.values())
    rows = [["deliveries a month", *named]]

    def add(what: str, *cells: str) -> None:
        rows.append([what, *cells])

    add(f"people a month, each at {len(VENDORS)} vendors", *(f"{load.people / 1e6:,.3g} M" for load in loads))
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
    add("disk for a year of the record", *(_bytes(disk_bytes(load, measured)) for load in loads))
    add("in volumes", *(f"{volumes(load, measured):,}" for load in loads))
    wal = [wal_a_person(load, measured) for load in loads]
    add("write-ahead log a month", *(_bytes(load.people * one) for load, one in zip(loads, wal, strict=True)))
    first = [gives_first(load, measured) for load in loads]
    add("on a machine of 2 cores, nearest to its end", *(f"{name}: {_share(share)}" for name, share in first))
    return rows


def ceilings_table(measured: Measured) -> list[list[str]]:
    """How much each part could do if it were the only limit."""
    utilisation = ASSUMED.utilisation
    rows = [["part", "deliveries a month at most", "bound by"]]
    for kind, says, count in (("worker", "one worker process", 1), ("postgres", "PostgreSQL on 4 cores", 4)):
        mean_us = sum(cpu_us(vendor, kind, measured) for vendor in VENDORS) / len(VENDORS)
        most = MONTH_S * count * utilisation / mean_us * 1e6
        rows.append([says, _count(most), f"{short(mean_us)} µs of CPU a delivery, over all vendors"])
    redis_us = sum(cpu_us(vendor, "redis", measured) for vendor in VENDORS) / len(VENDORS)
    most = MONTH_S * utilisation / redis_us * 1e6
    rows.append(["one Redis, which has one core", _count(most), f"{short(redis_us)} µs a delivery"])
    intake = MONTH_S * utilisation / measured.person_us * 1e6 * len(VENDORS)
    rows.append(
        ["one process that submits", _count(intake), f"{short(measured.person_us)} µs a person, at all vendors"]
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
