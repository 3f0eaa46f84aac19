"""Dfinery in the sandbox: result codes, users that fail inside a 200, flags and CI."""

import time

import pytest

FLAGS = [
    "info_flag",
    *["mkt_flag", "mkt_push_flag", "mkt_sms_flag", "mkt_kakao_flag"],
    *["night_flag", "night_push_flag", "night_sms_flag", "night_kakao_flag"],
]
OUT = dict.fromkeys(FLAGS, "Unsubscribed")
CI = ["kakao_id", "phone_number"]


def update(*user_ids, properties=OUT):
    return {"user_properties": [{"user_id": user_id, "properties": properties} for user_id in user_ids]}


async def test_unsubscribes_all_nine_flags(bench, person):
    await bench.seed(person)
    assert (await bench.facts("dfinery"))["flags"] == dict.fromkeys(FLAGS, "Subscribed")
    response = await bench.dfinery("profile/update", update("u-1"))
    assert await response.json() == {
        "result_code": 2000,
        "result_msg": None,
        "result_data": {"successful_user_ids": ["u-1"], "failure_details": None},
    }
    held = await bench.facts("dfinery")
    assert held["flags"] == OUT
    assert held["effects"] == 1
    assert await bench.violations() == {}


async def test_deletes_ci_and_reads_it_back(bench, person):
    await bench.seed(person)
    body = {"user_ids": ["u-1"], "user_ci_property_names": CI}
    before = (await (await bench.dfinery("ci", body)).json())["result_data"]
    assert before["successful_user_ci_properties"][0]["properties"]["phone_number"] == "821012345678"
    assert before["failure_details"] == []
    deleted = await (await bench.dfinery("ci/delete", body)).json()
    assert deleted["result_data"]["successful_user_ids"] == ["u-1"]
    after = (await (await bench.dfinery("ci", body)).json())["result_data"]
    assert after["successful_user_ci_properties"][0]["properties"] == dict.fromkeys(CI, "Undefined")
    assert (await bench.facts("dfinery"))["ci"] == {}


async def test_reads_undefined_where_nothing_was_ever_set(bench):
    await bench.dfinery("profile/update", update("new", properties={"info_flag": "Unsubscribed"}))
    body = {"user_ids": ["new", "never"], "property_names": ["info_flag", "mkt_flag"]}
    read = (await (await bench.dfinery("profile", body)).json())["result_data"]["successful_user_properties"]
    assert read[0]["properties"] == {"info_flag": "Unsubscribed", "mkt_flag": "Undefined"}
    assert read[1]["properties"] == {"info_flag": "Undefined", "mkt_flag": "Undefined"}


async def test_sets_ci_in_the_right_form_only(bench):
    body = {
        "user_ci_properties": [
            {"user_id": "a", "properties": {"kakao_id": "0123456789", "phone_number": "821012345678"}},
            {"user_id": "b", "properties": {"phone_number": "+821012345678"}},
        ]
    }
    data = (await (await bench.dfinery("ci/update", body)).json())["result_data"]
    assert data["successful_user_ids"] == ["a"]
    assert [(each["code"], each["user_ids"]) for each in data["failure_details"]] == [(4008, ["b"])]


@pytest.mark.parametrize(
    ("path", "body", "code", "rule"),
    [
        ("profile/update", update(*[f"u-{n}" for n in range(21)]), 4002, "batch_size"),
        ("profile/update", update(), 4002, "user_ids"),
        ("profile/update", update(7), 4002, "user_ids"),
        ("profile/update", update("u-1", properties={}), 4002, "properties"),
        ("profile/update", update("u-1", properties={"shoe_size": "44"}), 4007, "property_name"),
        ("profile/update", {"user_ids": ["u-1"]}, 4002, "required_field"),
        ("profile/update", update("u-1") | {"x": 1}, 4002, "unknown_field"),
        ("profile", {"user_ids": ["u-1"], "property_names": ["phone_numbe"]}, 4007, "property_name"),
        ("ci", {"user_ids": ["u-1"]}, 4002, "required_field"),
        # The page's own example, which its table contradicts.
        ("ci/delete", {"user_id": ["u-1"], "user_ci_property_names": CI}, 4002, "required_field"),
        (
            "ci/delete",
            {"user_ids": ["u-1"], "user_ci_property_names": ["phone_numbe"]},
            4007,
            "property_name",
        ),
    ],
)
async def test_refuses_the_whole_call(bench, path, body, code, rule):
    response = await bench.dfinery(path, body)
    answer = await response.json()
    assert (response.status, answer["result_code"], answer["result_data"]) == (400, code, None)
    assert await bench.violations() == {f"dfinery:{rule}": 1}


@pytest.mark.parametrize("value", [None, "unsubscribed", "", False])
async def test_refuses_one_user_for_a_value(bench, person, value):
    await bench.seed(person)
    body = update("u-2")
    body["user_properties"].append({"user_id": "u-1", "properties": {"info_flag": value}})
    data = (await (await bench.dfinery("profile/update", body)).json())["result_data"]
    assert data["successful_user_ids"] == ["u-2"]
    assert data["failure_details"][0]["code"] == 4007
    assert data["failure_details"][0]["user_ids"] == ["u-1"]
    assert (await bench.facts("dfinery"))["flags"]["info_flag"] == "Subscribed"
    assert await bench.violations() == {"dfinery:property_value": 1}


async def test_takes_ci_delete_by_the_examples_field_where_the_plan_says_so(bench, person):
    await bench.seed(person)
    await bench.set_faults(dfinery={"ci_delete_by": "user_id"})
    by_table = await bench.dfinery("ci/delete", {"user_ids": ["u-1"], "user_ci_property_names": CI})
    assert (by_table.status, (await by_table.json())["result_code"]) == (400, 4002)
    by_example = await bench.dfinery("ci/delete", {"user_id": ["u-1"], "user_ci_property_names": CI})
    assert (await by_example.json())["result_data"]["successful_user_ids"] == ["u-1"]
    assert (await bench.facts("dfinery"))["ci"] == {}
    assert await bench.violations() == {}


@pytest.mark.parametrize(
    ("properties", "taken"),
    [
        ({"user_name": "x", "age": "0", "nickname": "", "points": 0, "vip": False}, True),
        ({"age": 0}, False),
        ({"points": "0"}, False),
        ({"points": True}, False),
        ({"vip": 0}, False),
        ({"user_name": None}, False),
    ],
)
async def test_a_property_takes_values_of_its_type(bench, person, properties, taken):
    await bench.seed(person)
    body = update("u-1", properties=OUT | properties)
    data = (await (await bench.dfinery("profile/update", body)).json())["result_data"]
    assert bool(data["successful_user_ids"]) is taken
    held = await bench.facts("dfinery")
    assert (held["properties"].items() >= properties.items()) is taken
    assert held["flags"] == (OUT if taken else dict.fromkeys(FLAGS, "Subscribed"))
    assert ("age" in held["known"]) is not ("age" in properties and taken)


async def test_refuses_a_wrong_token(bench):
    response = await bench.dfinery("profile", {"user_ids": ["u-1"]}, token="wrong")
    assert (response.status, (await response.json())["result_code"]) == (400, 4001)
    assert await bench.violations() == {"dfinery:api_token": 1}


async def test_refuses_a_revoked_token_without_blame(bench):
    await bench.call("POST", "/_sandbox/vendors/dfinery/revoke")
    response = await bench.dfinery("profile", {"user_ids": ["u-1"]})
    assert (await response.json())["result_code"] == 4001
    assert await bench.violations() == {}


async def test_tells_the_reset_in_epoch_milliseconds(bench):
    await bench.call("PUT", "/_sandbox/vendors/dfinery/limit", json={"limit": 1, "window_s": 10})
    await bench.dfinery("profile", {"user_ids": ["u-1"]})
    response = await bench.dfinery("profile", {"user_ids": ["u-1"]})
    assert (response.status, (await response.json())["result_code"]) == (429, 4006)
    assert 9_000 < int(response.headers["X-Rate-Limit-Reset"]) - time.time() * 1000 <= 10_100
    assert await bench.violations() == {"dfinery:rate_limit": 1}


async def test_poisoned_user_fails_alone(bench):
    data = (await (await bench.dfinery("profile/update", update("poison-1", "u-2"))).json())["result_data"]
    assert data["successful_user_ids"] == ["u-2"]
    assert data["failure_details"][0]["code"] == 4008


async def test_busy_user_gives_in_after_a_while(bench):
    seen = []
    for _ in range(3):
        data = (await (await bench.dfinery("profile/update", update("busy-1"))).json())["result_data"]
        seen.append(data["successful_user_ids"] or data["failure_details"][0]["code"])
    assert seen == [5003, 5003, ["busy-1"]]


async def test_partial_fault_says_5003_for_users_it_left_alone(bench):
    user_ids = [f"u-{n}" for n in range(20)]
    await bench.seed(*[{"user_id": user_id} for user_id in user_ids])
    await bench.set_faults(dfinery={"partial": 1})
    data = (await (await bench.dfinery("profile/update", update(*user_ids))).json())["result_data"]
    failed = data["failure_details"][0]["user_ids"]
    assert data["failure_details"][0]["code"] == 5003
    assert sorted(failed + data["successful_user_ids"]) == sorted(user_ids)
    people = (await (await bench.call("GET", "/_sandbox/state/dfinery")).json())["people"]
    assert {each["key"] for each in people if each["effects"] == 0} == set(failed)


async def test_takes_post_on_known_paths_only(bench):
    assert (await bench.call("GET", "/dfinery/users/profile")).status == 405
    assert (await bench.dfinery("profile/", {})).status == 404
    assert await bench.violations() == {"dfinery:method": 1, "dfinery:path": 1}
