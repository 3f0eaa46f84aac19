"""Insider's calls for one profile in the sandbox, their limits, and the profiles that an upsert makes."""

import json

import pytest

from sandbox.exchange import Call
from sandbox.faults import FaultPlan
from sandbox.state import Sandbox
from sandbox.traffic import Window

NOBODY = {"error": "no such user for these identifiers: no data"}
UUID, EMAIL = {"identifiers": {"uuid": "u-1"}}, {"identifiers": {"email": "a@example.org"}}


async def people(bench):
    return (await (await bench.call("GET", "/_sandbox/state/insider")).json())["people"]


async def test_a_profile_is_read_with_its_id_and_what_it_cost(bench, person):
    await bench.seed(person)
    wanted = {"attributes": ["gdpr_optin", "name", "email", "shoe_size"], "quota": True}
    response = await bench.insider_one("profile", UUID | wanted)
    assert response.status == 200
    assert await response.json() == {
        "attributes": {"gdpr": True, "name": "Sample", "email": "a@example.org", "iid": "insider-1"},
        "quota": {"cost": 2.5, "used": 2.5, "total": 1000},
    }
    assert (await bench.facts("insider"))["effects"] == 0
    assert await bench.violations() == {}


async def test_who_is_not_known_is_not_made_by_reading(bench):
    response = await bench.insider_one("profile", UUID | {"attributes": ["name"]})
    assert (response.status, await response.json()) == (404, NOBODY)
    assert await people(bench) == []


async def test_a_read_names_what_it_wants(bench, person):
    await bench.seed(person)
    assert (await bench.insider_one("profile", UUID)).status == 400
    assert await bench.violations() == {"insider:attributes_or_events_required": 1}


async def test_someone_may_have_two_profiles(bench, person):
    await bench.seed(person | {"marks": ["apart"]})
    ids = set()
    for named in (UUID, EMAIL, {"identifiers": {"phone_number": "+821012345678"}}):
        found = await (await bench.insider_one("profile", named | {"attributes": ["name"]})).json()
        ids.add(found["attributes"]["iid"])
    assert len(ids) == 2
    assert [each["user_id"] for each in await people(bench)] == ["u-1", "u-1"]
    await bench.seed(person)
    assert len(await people(bench)) == 1, "seeded anew"


async def test_someone_may_have_no_profile_and_an_upsert_makes_one(bench, person):
    await bench.seed(person | {"marks": ["unknown"]})
    assert await people(bench) == []
    await bench.insider("upsert", [EMAIL | {"attributes": {"gdpr_optin": False}}])
    (made,) = await people(bench)
    assert (made["created"], made["identifiers"]) == (True, {"email": "a@example.org"})


async def test_a_profile_is_deleted_and_nobody_too(bench, person):
    await bench.seed(person)
    for _ in range(2):
        response = await bench.insider_one("delete", UUID)
        assert (response.status, await response.json()) == (200, {})
    assert await people(bench) == []


async def test_anonymizing_takes_identifiers_and_pii_and_leaves_the_profile(bench, person):
    await bench.seed(person)
    assert (await bench.insider_one("anonymize", UUID)).status == 200
    (left,) = await people(bench)
    assert left["identifiers"] == {}
    assert not {"name", "surname", "birthday", "gender", "age", "city", "country"} & set(left["attributes"])
    assert (await (await bench.insider_one("anonymize", UUID)).json()) == NOBODY
    again = await bench.insider_one("anonymize", {"insider_id": left["key"]}, kind="contact")
    assert again.status == 200


@pytest.mark.parametrize("path", ["profile", "delete", "anonymize"])
async def test_without_the_token_there_is_no_profile(bench, person, path):
    await bench.seed(person)
    await bench.call("POST", "/_sandbox/vendors/insider/revoke")
    assert (await bench.insider_one(path, UUID | {"attributes": ["name"]})).status == 403


async def test_the_last_identifier_is_not_deleted_with_the_attributes(bench, person):
    await bench.seed(person)
    await bench.insider("delete", [UUID | {"whole": ["email", "phone_number"]}])
    assert (await bench.facts("insider"))["identifiers"] == {"uuid": "u-1"}
    assert (await bench.insider_one("profile", EMAIL | {"attributes": ["name"]})).status == 404
    assert await bench.violations() == {}
    await bench.insider("upsert", [EMAIL | {"attributes": {"gdpr_optin": False}}])
    await bench.insider("delete", [EMAIL | {"whole": ["email"]}])
    assert (await bench.insider_one("profile", EMAIL | {"attributes": ["name"]})).status == 200
    assert await bench.violations() == {"insider:deletes_the_identifier_it_names": 1}


async def test_each_call_has_the_limit_of_its_page(bench):
    buckets = (await (await bench.call("GET", "/_sandbox/traffic")).json())["insider"]["buckets"]
    assert {name: bucket["limit"] for name, bucket in buckets.items()} == {
        "profile": 1000,
        "delete": 10_000,
        "anonymize": 500,
    }


async def test_reads_use_up_their_own_quota_in_units(bench):
    await bench.call("PUT", "/_sandbox/vendors/insider/limit", json={"bucket": "profile", "limit": 5})
    read = UUID | {"attributes": ["name"], "quota": True}
    assert [(await bench.insider_one("profile", read)).status for _ in range(3)] == [404, 404, 429]
    assert (await bench.insider_one("delete", UUID)).status == 200
    traffic = (await (await bench.call("GET", "/_sandbox/traffic")).json())["insider"]
    assert traffic["buckets"]["profile"]["densest_window"] == 7.5
    assert traffic["densest_window"] == 0


@pytest.mark.parametrize(
    ("limit", "units", "admitted"), [(1_000, 2.5, 400), (10, 3, 3), (2, 2.5, 0), (5, 0.5, 10), (4, 1, 4)]
)
def test_a_window_of_units_is_never_over_its_limit(limit, units, admitted):
    window = Window(limit, units=units)
    assert sum(window.admit(n / 1_000) for n in range(500)) == admitted
    assert window.used <= limit


async def ask(sandbox, path, body):
    headers = {"X-PARTNER-NAME": "sandbox", "X-REQUEST-TOKEN": "sandbox-insider-request-token"}
    headers["Content-Type"] = "application/json"
    plan = FaultPlan()
    call = Call("POST", f"/api/user/v1/{path}", "", headers, json.dumps(body).encode(), 0.0, plan)
    return sandbox.gates["insider"].decide(call, admitted=True).answer


async def test_identifiers_that_are_not_enabled_are_ignored():
    sandbox = Sandbox({"SANDBOX_INSIDER_IDENTIFIERS": "uuid"})
    answer = await ask(sandbox, "profile", EMAIL | {"attributes": ["name"]})
    assert (answer.status, answer.body) == (400, b'{"error":"no valid identifier: bad request"}')
    answer = await ask(sandbox, "upsert", {"users": [EMAIL | {"attributes": {"gdpr_optin": False}}]})
    assert b'"users.0.identifiers"' in answer.body
    assert list(sandbox.vendors["insider"].facts(0.0)) == []
