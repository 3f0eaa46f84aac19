"""The model's arithmetic, against sums done by hand; and its vendors against the adapters'."""

from math import ceil

import pytest

from adapters.registry import OURS
from bench.capacity import (
    ASSUMED,
    SHAPES,
    VENDORS,
    Assumed,
    Load,
    Measured,
    Vendor,
    campaign_s,
    cores,
    cpu_us,
    disk_bytes,
    gives_first,
    limit_share,
    needed_limit,
    peak_people,
    processes,
    volumes,
    wal_a_person,
    with_room,
)
from ledger.volumes import VOLUME_BYTES
from tasks.retain import PARTS

FIVE = [vendor for vendor in VENDORS if vendor.name in ("akinon", "algonomy", "b2core", "dfinery", "insider")]
ALGONOMY = next(vendor for vendor in FIVE if vendor.name == "algonomy")
ONE_A_CALL = Vendor("one", 6_000, 1.0, "algonomy", 1.0)
TWO_CALLS = Vendor("two", 6_000, 2.0, "algonomy", 1.0)
MEASURED = Measured(
    cpu_us={
        "algonomy": {"worker": 300.0, "postgres": 60.0, "redis": 10.0},
        "dfinery": {"worker": 60.0, "postgres": 20.0, "redis": 1.0},
        "insider": {"worker": 20.0, "postgres": 8.0, "redis": 0.1},
    },
    wal_bytes={"algonomy": 150.0, "dfinery": 120.0, "insider": 100.0},
    person_bytes=400.0,
    person_wal_bytes=500.0,
    person_us=20.0,
    outcome_bytes=100.0,
    limit_used=1.0,
)


def test_a_month_at_a_limit() -> None:
    """6,000 calls a minute are 259.2 million a month."""
    load = Load(259.2e6, [ONE_A_CALL])
    assert limit_share(ONE_A_CALL, load, MEASURED) == pytest.approx(1.0)
    assert limit_share(TWO_CALLS, load, MEASURED) == pytest.approx(2.0)
    assert needed_limit(TWO_CALLS, load, MEASURED) == pytest.approx(12_000)


def test_a_billion_at_five_vendors_takes_three_quarters_of_a_limit_of_one_a_call() -> None:
    """200 million people of 259.2 million calls."""
    assert limit_share(ALGONOMY, Load(1e9, FIVE), MEASURED) == pytest.approx(200 / 259.2)


def test_only_the_used_share_of_a_limit_counts() -> None:
    """A throttle that used half of it would take twice as long."""
    half = Measured(**{**vars(MEASURED), "limit_used": 0.5})
    load = Load(1e8, [ONE_A_CALL])
    assert campaign_s(ONE_A_CALL, load, half) == pytest.approx(2 * campaign_s(ONE_A_CALL, load, MEASURED))


def test_a_tenth_of_the_month_in_a_day_is_three_times_the_average() -> None:
    """A day is a thirtieth of a month."""
    load = Load(5e6, FIVE)
    assert load.people == pytest.approx(1e6)
    assert load.people_a_second == pytest.approx(1e6 / 2_592_000)
    assert load.peak_people_a_second == pytest.approx(3 * load.people_a_second)


def test_the_peak_is_no_higher_than_a_vendor_takes() -> None:
    """100 calls a second, two a person."""
    wanted = Load(100e6, [TWO_CALLS])
    assert wanted.peak_people_a_second > 50
    assert peak_people(TWO_CALLS, wanted, MEASURED) == pytest.approx(50)
    assert campaign_s(TWO_CALLS, wanted, MEASURED) == pytest.approx(10e6 / 50)


def test_cores_are_calls_times_their_cost_at_the_utilisation() -> None:
    """50 people a second with two calls of 300 µs are 0.03 cores, of which 60 % may be busy."""
    load = Load(100e6, [TWO_CALLS])
    assert cpu_us(TWO_CALLS, "worker", MEASURED) == 600
    assert cores("worker", load, MEASURED) == pytest.approx(50 * 600e-6 / 0.6)
    assert cores("postgres", load, MEASURED) == pytest.approx(50 * 120e-6 / 0.6)


def test_processes_are_two_at_least_and_enough_for_cpu_and_for_requests_in_flight() -> None:
    """100 calls a second of 0.2 s are 20 in flight; slow answers need more processes."""
    small = Load(1e6, [ONE_A_CALL])
    assert processes(small, MEASURED) == 2
    slow = Load(1e9, [ONE_A_CALL], Assumed(answer_s=2.0, in_flight=16))
    assert processes(slow, MEASURED) == ceil(100 * 2.0 / 16)
    wide = Vendor("wide", 6_000_000, 1.0, "algonomy", 1.0)
    busy = Load(43.2e9, [wide], Assumed(in_flight=16))  # 50,000 people a second at the peak, 15 cores busy
    assert processes(busy, MEASURED) == ceil(50_000 * 0.2 / 16)
    quick = Load(43.2e9, [wide], Assumed(answer_s=0.001))
    assert processes(quick, MEASURED) == 25


def test_a_year_of_the_record_and_the_tenth_that_a_volume_keeps_longer() -> None:
    """A million people a month, 400 bytes each and 100 for each of five outcomes."""
    load = Load(5e6, FIVE)
    assert disk_bytes(load, MEASURED) == pytest.approx(1e6 / 30 * 365 * 900 * 1.1)
    assert volumes(load, MEASURED) == 2
    assert (ASSUMED.volume_bytes, ASSUMED.overhang) == (VOLUME_BYTES, 1 / PARTS)


def test_the_log_of_a_person_is_that_of_intake_and_of_every_call() -> None:
    """500 bytes, then 150 for one call and 300 for two."""
    assert wal_a_person(Load(1e6, [ONE_A_CALL, TWO_CALLS]), MEASURED) == 500 + 150 + 300


def test_what_gives_first() -> None:
    """The dearest vendor's limit with what we know now; cores, where the limits are far off."""
    name, share = gives_first(Load(1e9, FIVE), MEASURED)
    assert name == "the limit of b2core"
    assert share == pytest.approx(6 * 200 / 259.2)
    roomy = Vendor("roomy", 6_000_000, 1.0, "algonomy", 1.0)
    name, share = gives_first(Load(25.92e9, [roomy]), MEASURED)  # 30,000 a second at the peak
    assert name == "2 cores"
    assert share == pytest.approx(30_000 * 370e-6 / 0.6 / 2)


def test_with_room_the_peak_is_what_is_wanted() -> None:
    """A vendor that is wide enough keeps its limit."""
    load = Load(1e9, [TWO_CALLS, Vendor("wide", 6_000_000, 1.0, "algonomy", 1.0)])
    roomy = with_room(load, MEASURED)
    assert peak_people(TWO_CALLS, load, MEASURED) < load.peak_people_a_second
    assert peak_people(roomy.vendors[0], roomy, MEASURED) == pytest.approx(load.peak_people_a_second)
    assert roomy.vendors[1].calls_a_minute == 6_000_000
    assert campaign_s(roomy.vendors[0], roomy, MEASURED) <= roomy.assumed.peak_s


def test_the_vendors_are_those_of_the_registry_with_their_limits() -> None:
    """Limits are the adapters' defaults, and no call is taken to hold more people than it may."""
    assert [vendor.name for vendor in VENDORS] == list(OURS)
    for vendor in VENDORS:
        adapter = OURS[vendor.name]
        assert vendor.calls_a_minute == adapter.settings_model.model_fields["requests_per_minute"].default
        calls = vendor.calls_a_person * adapter.call_people
        assert calls == pytest.approx(round(calls))
        assert calls >= 1
        assert SHAPES[vendor.like] == vendor.calls_measured
    told = {vendor.name: (vendor.calls_a_person, vendor.like) for vendor in VENDORS}
    assert told["b2core"] == (6, "algonomy")
    assert told["dfinery"] == (0.2, "dfinery")
    assert told["insider"] == (0.002, "insider")
