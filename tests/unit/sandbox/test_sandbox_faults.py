"""Each fault does what its name says, and the seed decides which call meets it."""

import json
import time
from collections import Counter

import pytest
from aiohttp import ClientError

from sandbox.faults import KINDS, FaultDeck, FaultPlan, plan_preset, read_faults, read_plans
from sandbox.served import FAULTS, NAMES
from tests.table_rows import each_row

OUT = {"user_properties": [{"user_id": "u-1", "properties": {"info_flag": "Unsubscribed"}}]}


def draw(seed, vendor="dfinery", preset="harsh", calls=2_000):
    deck = FaultDeck(plan_preset(preset, FAULTS[vendor]), seed, vendor)
    return [deck.draw() for _ in range(calls)]


def test_same_seed_same_faults():
    assert draw(1) == draw(1)
    assert draw(1) != draw(2)
    assert draw(1, "akinon") != draw(1, "b2core")


@each_row(("preset", "least", "most"), [("none", 0, 0), ("mild", 0.02, 0.03), ("harsh", 0.12, 0.18)])
@each_row("vendor", NAMES)
def test_presets_are_as_bad_as_promised(preset, least, most, vendor):
    plan = plan_preset(preset, FAULTS[vendor])
    assert least <= sum(getattr(plan, kind) for kind in KINDS) <= most
    drawn = [fault for fault in draw(3, vendor, preset, 50_000) if fault]
    assert least * 0.8 <= len(drawn) / 50_000 <= most * 1.2


def test_every_kind_is_drawn_in_proportion():
    share = 1 / len(KINDS)
    deck = FaultDeck(FaultPlan(**dict.fromkeys(KINDS, share)), 5, "x")
    counts = Counter(fault.kind for _ in range(26_000) if (fault := deck.draw()))
    assert set(counts) == set(KINDS)
    assert all(1_700 < count < 2_300 for count in counts.values())


def test_a_plan_of_one_kind_does_not_shift_the_others():
    with_slow = FaultDeck(FaultPlan(server_error=0.1, slow=0.1), 1, "x")
    without = FaultDeck(FaultPlan(server_error=0.1), 1, "x")
    pairs = [(with_slow.draw(), without.draw()) for _ in range(500)]
    assert all(a == b for a, b in pairs if b is not None)
    assert any(b is not None for _, b in pairs)


@each_row(
    "source",
    [
        {"preset": "awful"},
        {"nobody": {}},
        {"insider": {"explosion": 1}},
        {"insider": {"slow": 0.6, "partial": 0.6}},
        {"insider": {"slow": -0.1}},
        {"insider": {"slow": "often"}},
        {"insider": {"slow_s": [2, 1]}},
        {"insider": {"poison_prefix": 1}},
    ],
)
def test_refuses_unusable_sources(source):
    with pytest.raises(ValueError, match=r"\w"):
        read_plans(source, FAULTS)


def test_a_file_lays_its_fields_over_the_preset(tmp_path):
    path = tmp_path / "faults.json"
    path.write_text(json.dumps({"preset": "mild", "insider": {"slow": 0.5, "slow_s": [1, 2]}}))
    plans = read_plans(read_faults(str(path)), FAULTS)
    assert (plans["insider"].slow, plans["insider"].slow_s) == (0.5, (1, 2))
    assert plans["insider"].server_error == plans["akinon"].server_error > 0
    assert plans["akinon"].slow == plan_preset("mild", FAULTS["akinon"]).slow


@pytest.fixture
def strike(bench, person):
    """Call Dfinery under one certain fault; returns the answer (None if dropped) and the effects it had."""

    async def strike(**plan):
        await bench.seed(person)
        await bench.set_faults(dfinery=plan)
        try:
            response = await bench.dfinery("profile/update", OUT)
        except ClientError:
            response = None
        return response, (await bench.facts("dfinery"))["effects"]

    return strike


async def test_too_many(strike):
    response, effects = await strike(too_many=1, retry_after_s=7)
    assert (response.status, effects, (await response.json())["result_code"]) == (429, 0, 4006)
    assert int(response.headers["Retry-After"]) in (7, 8)


async def test_too_many_silent(strike, bench):
    response, effects = await strike(too_many_silent=1)
    assert (response.status, effects) == (429, 0)
    assert "Retry-After" not in response.headers
    assert await bench.violations() == {}


async def test_server_error(strike):
    response, effects = await strike(server_error=1)
    assert (response.status, effects, (await response.json())["result_code"]) == (500, 0, 5000)


async def test_unavailable_is_502_or_503_in_json_or_html(bench, person):
    await bench.seed(person)
    await bench.set_faults(dfinery={"unavailable": 1})
    answers = [await bench.dfinery("profile/update", OUT) for _ in range(60)]
    kinds = {(status, kind) for status in (502, 503) for kind in ("application/json", "text/html")}
    assert {(answer.status, answer.content_type) for answer in answers} == kinds
    assert (await bench.facts("dfinery"))["effects"] == 0


async def test_gateway_timeout_did_it_all_the_same(strike):
    response, effects = await strike(gateway_timeout=1)
    assert (response.status, effects) == (504, 1)


async def test_html_page(strike):
    response, effects = await strike(html_page=1)
    assert (response.status, response.content_type, effects) == (200, "text/html", 0)


async def test_drop_before(strike, bench):
    assert await strike(drop_before=1) == (None, 0)
    traffic = await (await bench.call("GET", "/_sandbox/traffic")).json()
    assert traffic["dfinery"]["statuses"] == {"dropped": 1}
    assert traffic["dfinery"]["faults"] == {"drop_before": 1}


async def test_drop_after(strike):
    assert await strike(drop_after=1) == (None, 1)


async def test_truncate(strike):
    response, effects = await strike(truncate=1)
    assert (response.status, response.content_type, effects) == (200, "application/json", 1)
    with pytest.raises(json.JSONDecodeError):
        json.loads(await response.read())


async def test_truncate_of_an_empty_answer(bench, person):
    await bench.seed(person)
    token = (await (await bench.algonomy_token()).json())["access_token"]
    await bench.set_faults(algonomy={"truncate": 1})
    headers = {"Authorization": f"Bearer {token}"}
    body = {"type": "optOut", "enableOptOut": True}
    response = await bench.call("PUT", "/algonomy/optOut/u-1", json=body, headers=headers)
    assert (response.status, await response.read()) == (200, b'{"')


async def test_slow(strike):
    began = time.monotonic()
    response, effects = await strike(slow=1, slow_s=[0.2, 0.3])
    assert (response.status, effects) == (200, 1)
    assert time.monotonic() - began >= 0.2


async def test_latency_comes_with_every_answer(strike):
    began = time.monotonic()
    await strike(latency_s=0.1)
    assert time.monotonic() - began >= 0.1


async def test_poison_prefix_can_be_changed(strike):
    response, effects = await strike(poison_prefix="u-")
    assert effects == 0
    assert (await response.json())["result_data"]["failure_details"][0]["code"] == 4008


@pytest.mark.parametrize("vendor", NAMES)
async def test_outage_of_one_vendor_leaves_the_others(bench, vendor):
    async def statuses() -> dict[str, int]:
        return {name: (await bench.call("GET", f"/{name}/x")).status for name in NAMES}

    before = await statuses()
    await bench.call("POST", f"/_sandbox/vendors/{vendor}/outage", json={"seconds": 60})
    assert await statuses() == before | {vendor: 503}
    await bench.call("POST", f"/_sandbox/vendors/{vendor}/outage", json={"seconds": 60, "kind": "drop"})
    with pytest.raises(ClientError):
        await bench.call("GET", f"/{vendor}/x")
    await bench.call("POST", f"/_sandbox/vendors/{vendor}/mend")
    assert await statuses() == before


async def test_outage_ends_by_itself(bench, clock):
    await bench.call("POST", "/_sandbox/vendors/dfinery/outage", json={"seconds": 0.05})
    clock.at += 0.049
    assert (await bench.dfinery("profile", {"user_ids": ["u-1"]})).status == 503
    clock.at += 0.002
    assert (await bench.dfinery("profile", {"user_ids": ["u-1"]})).status == 200


async def test_same_seed_same_answers_over_http(bench):
    async def run(seed):
        await bench.set_faults(seed=seed, preset="harsh", dfinery={"slow": 0, "server_error": 0.3})
        statuses = []
        for _ in range(60):
            try:
                statuses.append((await bench.dfinery("profile", {"user_ids": ["u-1"]})).status)
            except ClientError:
                statuses.append(0)
        return statuses

    first = await run(11)
    assert await run(11) == first != await run(12)
    assert len(set(first)) > 2
