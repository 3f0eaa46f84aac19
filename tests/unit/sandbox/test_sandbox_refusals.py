"""Calls that a vendor is told to refuse: one operation, one person, for a while; and nothing is done."""

import pytest

CI = {"user_ids": ["u-1"], "user_ci_property_names": ["kakao_id"]}
FLAGS = {"user_properties": [{"user_id": "u-1", "properties": {"mkt_flag": "Unsubscribed"}}]}


async def refuse(bench, vendor, *rules):
    answer = await bench.call("PUT", f"/_sandbox/vendors/{vendor}/refusals", json=list(rules))
    assert answer.status == 200, await answer.text()


async def test_a_permission_is_withdrawn_for_one_operation(bench, person):
    await bench.seed(person)
    body = {"result_code": 4004, "result_msg": "No permission.", "result_data": None}
    await refuse(bench, "dfinery", {"path": "/ci/delete$", "status": 403, "body": body})
    assert (await bench.dfinery("profile/update", FLAGS)).status == 200
    answer = await bench.dfinery("ci/delete", CI)
    assert (answer.status, await answer.json()) == (403, body)
    assert "kakao_id" in (await bench.facts("dfinery"))["ci"], "a refused call was done"
    await bench.call("POST", "/_sandbox/vendors/dfinery/mend")
    assert (await bench.dfinery("ci/delete", CI)).status == 200


async def test_a_gateway_refuses_one_id_with_a_page(bench):
    await refuse(bench, "algonomy", {"path": "%2F", "status": 400, "body": "page"})
    answer = await bench.call("PUT", "/algonomy/optOut/a%2Fb", json={})
    assert (answer.status, answer.content_type) == (400, "text/html")
    assert (await bench.call("PUT", "/algonomy/optOut/ab", json={})).status == 401


async def test_one_person_is_told_by_what_the_call_holds(bench, person):
    await bench.seed(person)
    await refuse(bench, "dfinery", {"path": "", "holding": "u-1", "status": 409, "body": None, "times": 2})
    statuses = [(await bench.dfinery("profile/update", FLAGS)).status for _ in range(3)]
    assert statuses == [409, 409, 200]
    told = await (await bench.call("GET", "/_sandbox/vendors/dfinery/refusals")).json()
    assert told == [{"path": "", "status": 409, "refused": 2}]


async def test_a_refusal_lasts_as_long_as_it_says(bench, person):
    await bench.seed(person)
    await refuse(bench, "dfinery", {"path": "update", "method": "POST", "status": 423, "seconds": 0.0})
    assert (await bench.dfinery("profile/update", FLAGS)).status == 200


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"path": "x"},
        {"path": "(", "status": 400},
        {"path": "x", "status": 9},
        {"path": "x", "status": 400, "odd": 1},
    ],
)
async def test_unusable_refusals_change_nothing(bench, rule):
    await refuse(bench, "insider", {"path": "upsert", "status": 403})
    for body in ([rule], rule, [1]):
        assert (await bench.call("PUT", "/_sandbox/vendors/insider/refusals", json=body)).status == 400
    assert len(await (await bench.call("GET", "/_sandbox/vendors/insider/refusals")).json()) == 1


async def test_a_reset_refuses_nothing(bench):
    await refuse(bench, "insider", {"path": "upsert", "status": 403})
    await bench.call("DELETE", "/_sandbox")
    assert await (await bench.call("GET", "/_sandbox/vendors/insider/refusals")).json() == []
