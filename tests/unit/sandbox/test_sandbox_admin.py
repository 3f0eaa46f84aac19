"""The admin API: seeding, reading, resetting, and never blaming the caller for our own bugs."""

import json

import pytest

from sandbox.faults import MILD
from sandbox.served import NAMES


async def read_people(bench):
    text = await (await bench.call("GET", "/_sandbox/people")).text()
    return [json.loads(line) for line in text.splitlines()]


async def test_a_person_is_known_to_every_vendor(bench, person):
    await bench.seed(person)
    lines = await read_people(bench)
    assert [line["vendor"] for line in lines] == list(NAMES)
    assert {line["user_id"] for line in lines} == {"u-1"}
    assert {line["effects"] for line in lines} == {0}
    insider, algonomy, dfinery, akinon, b2core = (
        next(line for line in lines if line["vendor"] == vendor)
        for vendor in ("insider", "algonomy", "dfinery", "akinon", "b2core")
    )
    assert insider["identifiers"] == {
        "uuid": "u-1",
        "email": "a@example.org",
        "phone_number": "+821012345678",
    }
    assert len(insider["attributes"]) == 13
    assert insider["attributes"]["list_id"] == [1, 2, 3]
    assert (algonomy["history"], algonomy["opted_out"]) == (True, False)
    assert len(dfinery["flags"]) == 9
    assert set(dfinery["ci"]) == {"kakao_id", "phone_number"}
    assert set(akinon["flags"].values()) == {True}
    assert akinon["email"] == "a@example.org"
    assert (b2core["key"], b2core["uuid"], b2core["exists"], b2core["enabled"]) == ("p-1", "u-1", True, True)


async def test_overrides_name_the_person_apart_at_each_vendor(bench):
    vendors = {
        "algonomy": {"user_id": "alg-1"},
        "dfinery": {"user_id": "df-1"},
        "insider": {"insider_id": "i-1"},
        "b2core": {"profile_id": "p-7"},
    }
    await bench.seed({"user_id": "u-1", "vendors": vendors})
    keys = {line["vendor"]: (line["key"], line["user_id"]) for line in await read_people(bench)}
    assert (
        keys.items()
        >= {
            "algonomy": ("alg-1", "u-1"),
            "dfinery": ("df-1", "u-1"),
            "insider": ("i-1", "u-1"),
            "akinon": ("1", "u-1"),
            "b2core": ("p-7", "u-1"),
        }.items()
    )


async def test_seeding_again_replaces(bench, person):
    await bench.seed(person)
    user = {"identifiers": {"email": "a@example.org"}, "whole": ["name"]}
    await bench.insider("delete", [user])
    await bench.seed(person)
    lines = await read_people(bench)
    assert len(lines) == len(NAMES)
    assert {line["effects"] for line in lines} == {0}
    await bench.insider("delete", [user])
    assert "name" not in (await bench.facts("insider"))["attributes"]


async def test_many_people_stream_out_whole(bench):
    await bench.seed(*[{"user_id": f"u-{n}"} for n in range(1_234)])
    lines = await read_people(bench)
    assert len({(line["vendor"], line["user_id"]) for line in lines}) == len(lines) == len(NAMES) * 1_234


@pytest.mark.parametrize(
    "body", [b"{}", b"[1]", b'[{"user_id": 1}]', b"[", b'[{"marks": ["odd"]}]', b'[{"vendors": []}]']
)
async def test_refuses_what_is_not_a_list_of_people(bench, body):
    assert (await bench.call("POST", "/_sandbox/people", data=body)).status == 400
    assert await read_people(bench) == []


async def test_reset_forgets_everything(bench, person):
    await bench.seed(person)
    await bench.set_faults(preset="harsh", seed=9)
    await bench.call("PUT", "/_sandbox/vendors/dfinery/limit", json={"limit": 1})
    await bench.call("POST", "/_sandbox/vendors/dfinery/revoke")
    await bench.call("POST", "/_sandbox/vendors/dfinery/outage", json={"seconds": 60})
    await bench.call("GET", "/akinon/nowhere")
    assert (await bench.call("DELETE", "/_sandbox")).status == 200
    assert await read_people(bench) == []
    assert await bench.violations() == {}
    traffic = (await (await bench.call("GET", "/_sandbox/traffic")).json())["dfinery"]
    assert (traffic["requests"], traffic["densest_window"], traffic["limit"]) == (0, 0, 10_000)
    faults = await (await bench.call("GET", "/_sandbox/faults")).json()
    assert faults["seed"] == 0
    assert faults["dfinery"]["too_many"] == 0
    assert (await bench.dfinery("profile", {"user_ids": ["u-1"]})).status == 200


async def test_unusable_faults_change_nothing(bench):
    await bench.set_faults(preset="mild")
    for source in ({"preset": "odd"}, {"insider": 3}, {"seed": "x"}, {"insider": {"slow": 2}}):
        assert (await bench.call("PUT", "/_sandbox/faults", json=source)).status == 400
    faults = await (await bench.call("GET", "/_sandbox/faults")).json()
    assert faults["insider"]["too_many"] == MILD.too_many


async def test_traffic_counts_by_status(bench):
    await bench.dfinery("profile", {"user_ids": ["u-1"]})
    await bench.dfinery("profile", {})
    traffic = await (await bench.call("GET", "/_sandbox/traffic")).json()
    assert list(traffic) == list(NAMES)
    assert traffic["dfinery"]["requests"] == 2
    assert traffic["dfinery"]["statuses"] == {"200": 1, "400": 1}
    assert traffic["insider"]["first_at"] is None


async def test_unknown_vendor_is_404(bench):
    assert (await bench.call("GET", "/_sandbox/state/nobody")).status == 404
    assert (await bench.call("POST", "/_sandbox/vendors/nobody/mend")).status == 404


ODD = [None, 0, 1.5, True, "", "x", [], [None], [[]], {}, {"x": None}, {"users": None}, [{}], {"a": [{}]}]


async def test_no_odd_body_finds_a_bug_of_ours(bench, person):
    await bench.seed(person)
    token = (await (await bench.algonomy_token()).json())["access_token"]
    csrf = {"Cookie": "sessionid=s-1; csrftoken=c-1", "X-CSRFToken": "c-1"}
    csrf["Referer"] = str(bench.client.make_url("/"))
    for odd in ODD:
        for user in (odd, {"identifiers": odd}, {"identifiers": {"custom": odd}}, {"insider_id": odd}):
            for rest in ({}, {"whole": odd}, {"partial": odd}, {"custom": odd}, {"custom": {"partial": odd}}):
                whole = user | rest if isinstance(user, dict) else user
                await bench.insider("delete", [whole])
        named = {"identifiers": {"uuid": "u-1"}}
        for attributes in (odd, {"custom": odd}, {"list_id": odd}, {"list_id": [odd]}, {"name": odd}):
            await bench.insider("upsert", [named | {"attributes": attributes}])
        await bench.insider("upsert", odd)
        for path in ("profile", "profile/update", "ci", "ci/update", "ci/delete"):
            for body in (odd, {"user_ids": odd}, {"user_ids": [odd], "user_ci_property_names": odd}):
                await bench.dfinery(path, body)
            for key in ("user_properties", "user_ci_properties"):
                update = {"user_id": odd, "properties": {"kakao_id": odd}}
                for each in (
                    odd,
                    [odd],
                    [update],
                    [update | {"user_id": "a"}],
                    [{"user_id": "a", "properties": odd}],
                ):
                    await bench.dfinery(path, {key: each})
        for body in (odd, {"type": odd, "enableOptOut": odd}, {"type": "optOut", "enableOptOut": odd}):
            headers = {"Authorization": f"Bearer {token}"}
            await bench.call("PUT", "/algonomy/optOut/u-1", json=body, headers=headers)
        for body in (odd, {"sms_allowed": odd}, {"code": odd}, {"resend": odd}):
            await bench.call("PATCH", "/akinon/users/profile/", json=body, headers=csrf)
            await bench.call("PATCH", "/akinon/users/profile-with-loyalty/", json=body, headers=csrf)
        for body in (odd, {"enabled": odd}, {"firstName": odd}, {"uuid": odd}):
            await bench.b2core("PATCH", "/profiles/p-1", json=body)
        await bench.b2core("GET", f"/profiles?limit={odd}&sort_by={odd}")
    assert [rule for rule in await bench.violations() if rule.endswith("sandbox_bug")] == []
    assert (await bench.call("GET", "/_sandbox/people")).status == 200
