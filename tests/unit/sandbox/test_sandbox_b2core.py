"""B2CORE in the sandbox: profiles, contacts, the list and its filter."""

import base64

import pytest
from yarl import URL


def filtered(uuid):
    return URL(f"/b2core/profiles?filter%5Buuid%5D={uuid}", encoded=True)


@pytest.fixture
def find(bench):
    async def find(uuid):
        headers = {"Authorization": "Bearer sandbox-b2core-token"}
        return await (await bench.call("GET", filtered(uuid), headers=headers)).json()

    return find


async def test_erases_contacts_then_profile(bench, person):
    await bench.seed(person)
    contacts = await (await bench.b2core("GET", "/profiles/p-1/contacts")).json()
    assert {(each["key"], each["value"]) for each in contacts} == {
        ("email", "a@example.org"),
        ("phone", "+821012345678"),
    }
    for contact in contacts:
        response = await bench.b2core("DELETE", f"/profiles/p-1/contacts/{contact['contactId']}")
        assert (response.status, await response.read()) == (200, b"")
    held = await bench.facts("b2core")
    assert (held["contacts"], held["exists"], held["effects"]) == ([], True, 2)
    assert (await bench.b2core("DELETE", "/profiles/p-1")).status == 200
    held = await bench.facts("b2core")
    assert (held["exists"], held["effects"]) == (False, 3)
    for method in ("GET", "DELETE"):
        assert (await bench.b2core(method, "/profiles/p-1")).status == 404
    assert await bench.violations() == {}


async def test_contacts_come_in_pages(bench, person):
    await bench.seed(person | {"marks": ["manycontacts"]})
    listed = [await (await bench.b2core("GET", f"/profiles/p-1/contacts?offset={n}")).json() for n in (0, 25, 50, 75)]
    assert [len(rows) for rows in listed] == [25, 25, 10, 0]
    assert len({row["contactId"] for rows in listed for row in rows}) == 60
    assert len(await (await bench.b2core("GET", "/profiles/p-1/contacts?limit=7")).json()) == 7
    assert len(await (await bench.b2core("GET", "/profiles/p-1/contacts?limit=700")).json()) == 25
    assert (await bench.b2core("GET", "/profiles/p-1/contacts?limit=some")).status == 400


async def test_a_contact_may_appear_while_another_is_deleted(bench, person):
    await bench.seed(person | {"marks": ["latecontact"]})
    for _ in range(3):
        (first, *rest) = await (await bench.b2core("GET", "/profiles/p-1/contacts")).json()
        assert (await bench.b2core("DELETE", f"/profiles/p-1/contacts/{first['contactId']}")).status == 200
    assert not rest
    assert (await bench.facts("b2core"))["contacts"] == []


async def test_contacts_not_deleted_are_left_behind(bench, person):
    await bench.seed(person)
    await bench.b2core("DELETE", "/profiles/p-1")
    assert (await bench.facts("b2core"))["contacts"] == ["email", "phone"]


async def test_finds_one_profile_by_uuid(bench, person, find):
    await bench.seed(person, {"user_id": "u-2"})
    assert [each["profileId"] for each in await find("u-1")] == ["p-1"]
    assert await find("u-9") == []
    await bench.b2core("DELETE", "/profiles/p-1")
    assert await find("u-1") == []


async def test_pages_through_everyone(bench):
    await bench.seed(*[{"user_id": f"u-{n}"} for n in range(25)])
    assert len(await (await bench.b2core("GET", "/profiles")).json()) == 10
    rows = await (await bench.b2core("GET", "/profiles?limit=20&offset=20&sort_by=name")).json()
    assert [row["uuid"] for row in rows] == [f"u-{n}" for n in range(20, 25)]
    assert (await bench.b2core("GET", "/profiles?limit=all")).status == 400


async def test_filters_by_enabled_as_the_pages_example(bench, person):
    await bench.seed(person, {"user_id": "u-2"})
    await bench.b2core("PATCH", "/profiles/p-1", json={"enabled": False})
    url = URL("/profiles?filter%5Benabled%5D=1", encoded=True)
    assert [row["uuid"] for row in await (await bench.b2core("GET", str(url))).json()] == ["u-2"]


async def test_an_unknown_filter_returns_everyone_and_is_noted(bench):
    await bench.seed({"user_id": "u-1"}, {"user_id": "u-2"})
    rows = await (await bench.b2core("GET", "/profiles?filter%5Bemail%5D=x")).json()
    assert len(rows) == 2
    assert "b2core:unknown_query" in await bench.violations()


async def test_raw_brackets_are_noted(bench):
    url = URL("/b2core/profiles?filter[uuid]=u-1", encoded=True)
    headers = {"Authorization": "Bearer sandbox-b2core-token"}
    assert (await bench.call("GET", url, headers=headers)).status == 200
    assert await bench.violations() == {"b2core:brackets_not_encoded": 1}


async def test_ignored_filter_fault_returns_everyone(bench, find):
    await bench.seed({"user_id": "u-1"}, {"user_id": "u-2"})
    await bench.set_faults(b2core={"ignored_filter": 1})
    assert len(await find("u-1")) == 2


async def test_patch_disables_and_nothing_else(bench, person):
    await bench.seed(person)
    answer = await (await bench.b2core("PATCH", "/profiles/p-1", json={"enabled": False})).json()
    assert answer["enabled"] is False
    assert (await bench.facts("b2core"))["enabled"] is False
    for body in ({"enabled": "false"}, {"consent": False}):
        assert (await bench.b2core("PATCH", "/profiles/p-1", json=body)).status == 400
    assert await bench.violations() == {"b2core:field_type": 1, "b2core:unknown_field": 1}


async def test_pending_deletion_ends_in_404(bench, person):
    await bench.set_faults(b2core={"pending_s": 30.0})
    await bench.seed(person | {"marks": ["pending"]})
    assert (await bench.b2core("DELETE", "/profiles/p-1")).status == 202
    assert (await bench.b2core("GET", "/profiles/p-1")).status == 200
    held = await bench.facts("b2core")
    assert (held["exists"], held["pending"], held["deletions"]) == (True, True, 1)

    await bench.call("DELETE", "/_sandbox")
    await bench.set_faults(b2core={"pending_s": 0.0})
    await bench.seed(person | {"marks": ["pending"]})
    assert (await bench.b2core("DELETE", "/profiles/p-1")).status == 202
    assert (await bench.b2core("GET", "/profiles/p-1")).status == 404
    assert (await bench.facts("b2core"))["exists"] is False


@pytest.mark.parametrize("user_id", ["conflict-1", "poison-1"])
async def test_conflicts_stay_undeleted(bench, user_id):
    await bench.seed({"user_id": user_id, "vendors": {"b2core": {"profile_id": "p-1"}}})
    assert (await bench.b2core("DELETE", "/profiles/p-1")).status == 409
    held = await bench.facts("b2core", user_id)
    assert (held["exists"], held["effects"]) == (True, 0)


async def test_authorization(bench, person):
    await bench.seed(person)
    assert (await bench.call("GET", "/b2core/profiles/p-1")).status == 401
    assert await bench.violations() == {"b2core:bearer_token": 1}
    await bench.call("POST", "/_sandbox/vendors/b2core/revoke")
    assert (await bench.b2core("GET", "/profiles/p-1")).status == 401
    assert await bench.violations() == {"b2core:bearer_token": 1}


async def test_issues_tokens_for_basic_credentials(bench, person):
    await bench.seed(person)
    basic = "Basic " + base64.b64encode(b"sandbox-b2core-client:sandbox-b2core-secret").decode()
    grant = {"grant_type": "client_credentials"}
    answer = await bench.call("POST", "/b2core/tokens", json=grant, headers={"Authorization": basic})
    bearer = {"Authorization": f"Bearer {(await answer.json())['access_token']}"}
    assert (await bench.call("GET", "/b2core/profiles/p-1", headers=bearer)).status == 200
    refused = await bench.call("POST", "/b2core/tokens", json=grant, headers={"Authorization": "Basic eDp5"})
    assert refused.status == 401
    await bench.call("POST", "/_sandbox/vendors/b2core/revoke")
    assert (await bench.call("GET", "/b2core/profiles/p-1", headers=bearer)).status == 401


async def test_a_token_ends_when_its_milliseconds_are_over(bench, person, clock):
    await bench.seed(person)
    await bench.set_faults(b2core={"token_life_s": 0.3})
    basic = "Basic " + base64.b64encode(b"sandbox-b2core-client:sandbox-b2core-secret").decode()
    answer = await bench.call(
        "POST", "/b2core/tokens", json={"grant_type": "client_credentials"}, headers={"Authorization": basic}
    )
    issued = await answer.json()
    assert issued["expires_in"] == 300
    bearer = {"Authorization": f"Bearer {issued['access_token']}"}
    clock.at += 0.299
    assert (await bench.call("GET", "/b2core/profiles/p-1", headers=bearer)).status == 200
    clock.at += 0.002
    assert (await bench.call("GET", "/b2core/profiles/p-1", headers=bearer)).status == 401
    condition = await (await bench.call("GET", "/_sandbox/state/b2core")).json()
    assert condition["calls_with_an_expired_token"] == 1


async def test_paths(bench, person):
    await bench.seed(person)
    assert (await bench.b2core("PUT", "/profile/p-1", json={"enabled": False})).status == 404
    assert (await bench.b2core("POST", "/profiles", json={})).status == 405
    assert (await bench.b2core("GET", "/profiles/p-1/")).status == 404
    assert await bench.violations() == {"b2core:singular_path": 1, "b2core:method": 1, "b2core:path": 1}
