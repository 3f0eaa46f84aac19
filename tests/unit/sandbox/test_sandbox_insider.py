"""Insider in the sandbox: what it refuses, and what it holds afterwards."""

import json

import pytest

DELETE = "/insider/api/user/v1/attribute/delete"
OPT_INS = {"email_optin": False, "sms_optin": False, "gdpr_optin": False}


async def test_deletes_whole_partial_and_custom(bench, person):
    await bench.seed(person)
    user = {
        "identifiers": {"uuid": "u-1"},
        "whole": ["name", "surname"],
        "partial": {"list_id": [1, 2]},
        "custom": {"whole": ["custom_string_attribute"], "partial": {"custom_array_attribute": ["value1"]}},
    }
    response = await bench.insider("delete", [user])
    assert (response.status, await response.json()) == (200, {})
    held = await bench.facts("insider")
    assert "name" not in held["attributes"]
    assert "surname" not in held["attributes"]
    assert held["attributes"]["city"] == "Singapore"
    assert held["attributes"]["list_id"] == [3]
    assert held["custom"] == {"custom_array_attribute": ["value2", "value3"]}
    assert held["effects"] == 1
    assert await bench.violations() == {}


@pytest.mark.parametrize("named", [{"email": "a@example.org"}, {"phone_number": "+821012345678"}, {"uuid": "u-1"}])
async def test_finds_a_person_by_each_identifier(bench, person, named):
    await bench.seed(person)
    await bench.insider("delete", [{"identifiers": named, "whole": ["name"]}])
    assert "name" not in (await bench.facts("insider"))["attributes"]


async def test_finds_a_person_by_insider_id_and_custom_identifier(bench, person):
    person["vendors"]["insider"] = {"insider_id": "i-9", "identifiers": {"custom": {"card": "77"}}}
    await bench.seed(person)
    await bench.insider("delete", [{"insider_id": "i-9", "whole": ["name"]}])
    await bench.insider("delete", [{"identifiers": {"custom": {"card": "77"}}, "whole": ["city"]}])
    held = await bench.facts("insider")
    assert held["key"] == "i-9"
    assert held["effects"] == 2
    assert not {"name", "city"} & set(held["attributes"])


async def test_upsert_sets_flags_and_creates_strangers(bench, person):
    await bench.seed(person)
    users = [
        {"identifiers": {"uuid": "u-1"}, "attributes": OPT_INS},
        {"identifiers": {"email": "new@example.org"}, "attributes": OPT_INS},
    ]
    response = await bench.insider("upsert", users)
    assert (await response.json())["data"]["successful"]["count"] == 2
    held = await bench.facts("insider")
    assert {name: held["attributes"][name] for name in OPT_INS} == OPT_INS
    assert held["may_interact"] is False
    created = await bench.facts("insider", None)
    assert created["identifiers"] == {"email": "new@example.org"}
    assert created["attributes"] == OPT_INS


async def test_deleting_gdpr_optin_gives_consent_back(bench, person):
    await bench.seed(person)
    await bench.insider("upsert", [{"identifiers": {"uuid": "u-1"}, "attributes": {"gdpr_optin": False}}])
    assert (await bench.facts("insider"))["may_interact"] is False
    await bench.insider("delete", [{"identifiers": {"uuid": "u-1"}, "whole": ["gdpr_optin"]}])
    held = await bench.facts("insider")
    assert held["may_interact"] is True
    assert "gdpr_optin" not in held["attributes"]


async def test_deleting_from_a_stranger_creates_nobody(bench):
    response = await bench.insider("delete", [{"identifiers": {"uuid": "nobody"}, "whole": ["name"]}])
    assert response.status == 200
    assert (await (await bench.call("GET", "/_sandbox/state/insider")).json())["people"] == []


@pytest.mark.parametrize(
    ("headers", "status", "rule"),
    [
        ({"X-PARTNER-NAME": "Sandbox"}, 400, "partner_case"),
        ({"X-PARTNER-NAME": "other"}, 400, "partner_name"),
        ({"X-REQUEST-TOKEN": "wrong"}, 403, "request_token"),
        ({"Content-Type": "text/plain"}, 400, "content_type"),
    ],
)
async def test_refuses_wrong_headers(bench, headers, status, rule):
    response = await bench.insider("delete", [{"identifiers": {"uuid": "u-1"}}], headers=headers)
    assert response.status == status
    assert (await response.json())["success"] is False
    assert await bench.violations() == {f"insider:{rule}": 1}


async def test_says_that_the_partner_is_invalid_as_the_page_does(bench):
    response = await bench.insider("delete", [], headers={"X-PARTNER-NAME": "other"})
    assert await response.json() == {"success": False, "message": "Partner is invalid."}


@pytest.mark.parametrize(
    ("user", "place", "rule"),
    [
        ({"identifiers": {"email": "a@b"}}, ".identifiers.email", "email_form"),
        ({"identifiers": {"phone_number": "0101234"}}, ".identifiers.phone_number", "phone_number_form"),
        ({"identifiers": {"uuid": 7}}, ".identifiers.uuid", "identifier_not_a_string"),
        *[({"identifiers": {"uuid": bad}}, ".identifiers.uuid", "forbidden_identifier") for bad in ("null", "0", "")],
        ({"identifiers": {"insider_id": "x"}}, ".identifiers", "insider_id_in_identifiers"),
        ({"identifiers": {"uuid": "x"}, "insider_id": "y"}, "", "name_the_user_one_way"),
        ({"whole": ["name"]}, "", "name_the_user_one_way"),
        ({"identifiers": {"uuid": "x"}, "whole": ["shoe_size"]}, ".whole", "whole"),
        ({"identifiers": {"uuid": "x"}, "partial": {"name": ["x"]}}, ".partial", "partial"),
        ({"identifiers": {"uuid": "x"}, "custom": {"some": []}}, ".custom", "custom"),
        ({"identifiers": {"uuid": "x"}, "attributes": {}}, "", "unknown_field"),
    ],
)
async def test_refuses_one_user_and_takes_the_rest(bench, person, user, place, rule):
    await bench.seed(person)
    response = await bench.insider("delete", [{"identifiers": {"uuid": "u-1"}, "whole": ["name"]}, user])
    data = (await response.json())["data"]
    assert data["successful"]["count"] == 1
    assert list(data["fail"]["errors"]) == [f"users.1{place}"]
    assert "name" not in (await bench.facts("insider"))["attributes"]
    assert await bench.violations() == {f"insider:{rule}": 1}


@pytest.mark.parametrize(
    "attributes", [{"gdpr_optin": "false"}, {"age": "33"}, {"birthday": "1993-03-12"}, {"x": 1}, {}]
)
async def test_refuses_attributes_of_the_wrong_type(bench, attributes):
    response = await bench.insider("upsert", [{"identifiers": {"uuid": "u-1"}, "attributes": attributes}])
    assert (await response.json())["data"]["successful"] == {}
    assert sum((await bench.violations()).values()) == 1


async def test_notes_several_identifiers(bench):
    await bench.insider("delete", [{"identifiers": {"uuid": "u-1", "email": "a@example.org"}}])
    assert await bench.violations() == {"insider:several_identifiers": 1}


async def test_takes_a_thousand_users_and_not_one_more(bench):
    users = [{"identifiers": {"uuid": f"u-{n}"}, "whole": ["name"]} for n in range(1001)]
    assert (await bench.insider("delete", users[:1000])).status == 200
    assert (await bench.insider("delete", users)).status == 400
    assert await bench.violations() == {"insider:batch_size": 1}


async def test_measures_five_million_encoded_bytes(bench):
    def encode(filler: int) -> bytes:
        return json.dumps({"users": [{"identifiers": {"uuid": "é" * filler}}]}, ensure_ascii=False).encode()

    spare = 5_000_000 - len(encode(0))
    headers = {
        "X-PARTNER-NAME": "sandbox",
        "X-REQUEST-TOKEN": "sandbox-insider-request-token",
        "Content-Type": "application/json",
    }
    for filler, status in ((spare // 2, 200), (spare // 2 + 1, 400)):
        assert (await bench.call("POST", DELETE, data=encode(filler), headers=headers)).status == status
    assert await bench.violations() == {"insider:body_bytes": 1}


async def test_takes_post_on_known_paths_only(bench):
    assert (await bench.call("GET", DELETE)).status == 405
    assert (await bench.call("POST", DELETE + "/")).status == 404
    assert await bench.violations() == {"insider:method": 1, "insider:path": 1}


async def test_shares_one_rate_limit_between_both_operations(bench):
    await bench.call("PUT", "/_sandbox/vendors/insider/limit", json={"limit": 2})
    user = {"identifiers": {"uuid": "u-1"}}
    assert (await bench.insider("delete", [user])).status == 200
    assert (await bench.insider("upsert", [user | {"attributes": OPT_INS}])).status == 200
    response = await bench.insider("delete", [user])
    assert (response.status, await response.json()) == (429, {"error": "rejected: too many requests"})
    assert 55 <= int(response.headers["Retry-After"]) <= 61
    assert await bench.violations() == {"insider:rate_limit": 1}


async def test_a_poisoned_user_spoils_the_batch_and_nothing_is_done(bench, person):
    await bench.seed(person, {"user_id": "poison-1", "email": "p@example.org"})
    good = {"identifiers": {"uuid": "u-1"}, "whole": ["name"]}
    for bad in ({"identifiers": {"uuid": "poison-1"}}, {"identifiers": {"email": "p@example.org"}}):
        response = await bench.insider("delete", [good, bad])
        assert response.status == 400
        assert "users." not in await response.text()
    assert (await bench.facts("insider"))["effects"] == 0
    assert await bench.violations() == {}


async def test_partial_fault_names_users_and_leaves_them_alone(bench):
    await bench.seed(*[{"user_id": f"u-{n}"} for n in range(50)])
    await bench.set_faults(insider={"partial": 1})
    response = await bench.insider(
        "delete", [{"identifiers": {"uuid": f"u-{n}"}, "whole": ["name"]} for n in range(50)]
    )
    data = (await response.json())["data"]
    failed = {int(key.split(".")[1]) for key in data["fail"]["errors"]}
    assert failed
    assert data["successful"]["count"] == 50 - len(failed)
    people = (await (await bench.call("GET", "/_sandbox/state/insider")).json())["people"]
    assert {n for n in range(50) if "name" in people[n]["attributes"]} == failed
    assert {n for n in range(50) if people[n]["refusals"]} == failed


async def test_revoked_token_is_refused_until_mended(bench):
    users = [{"identifiers": {"uuid": "u-1"}}]
    await bench.call("POST", "/_sandbox/vendors/insider/revoke")
    assert (await bench.insider("delete", users)).status == 403
    await bench.call("POST", "/_sandbox/vendors/insider/mend")
    assert (await bench.insider("delete", users)).status == 200
    assert await bench.violations() == {}
