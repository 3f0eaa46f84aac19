"""Algonomy in the sandbox: the token, the path segment, the opt-out."""

import json
from urllib.parse import quote

import pytest
from yarl import URL

OPT_OUT = {"type": "optOut", "enableOptOut": True}


@pytest.fixture
async def put(bench):
    token = (await (await bench.algonomy_token()).json())["access_token"]

    async def put(segment, body=OPT_OUT, *, scheme="Bearer", data=None, content_type="application/json"):
        url = URL(f"/algonomy/optOut/{segment}", encoded=True)
        headers = {"Authorization": f"{scheme} {token}", "Content-Type": content_type}
        data = json.dumps(body).encode() if data is None else data
        return await bench.call("PUT", url, headers=headers, data=data)

    return put


async def test_opts_out_and_back_in_without_history(bench, person, put):
    await bench.seed(person)
    assert (await bench.facts("algonomy"))["history"] is True
    response = await put("u-1")
    assert (response.status, await response.read()) == (200, b"")
    assert (await bench.facts("algonomy")) == {
        "key": "u-1",
        "user_id": "u-1",
        "effects": 1,
        "history": False,
        "opted_out": True,
    }
    await put("u-1", OPT_OUT | {"enableOptOut": False}, scheme="bearer")
    held = await bench.facts("algonomy")
    assert (held["opted_out"], held["history"]) == (False, False)
    assert await bench.violations() == {}


@pytest.mark.parametrize("user_id", ["a/b", "a?b#c", "50%", "a+b", "a b", "ü-한", "..a", "'\"", "%2F"])
async def test_takes_every_percent_encoded_id_exactly(bench, put, user_id):
    await bench.seed({"user_id": user_id})
    assert (await put(quote(user_id, safe=""))).status == 200
    assert (await bench.facts("algonomy", user_id))["opted_out"] is True


@pytest.mark.parametrize(
    ("segment", "status", "rule"),
    [
        ("a/b", 404, "path"),
        ("", 400, "user_id"),
        ("%2E%2E", 400, "user_id"),
        ("%2E", 400, "user_id"),
        ("a+b", 400, "user_id_not_percent_encoded"),
        ("%FF", 400, "path_utf8"),
    ],
)
async def test_refuses_unencoded_and_impossible_ids(bench, put, segment, status, rule):
    assert (await put(segment)).status == status
    assert await bench.violations() == {f"algonomy:{rule}": 1}


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (OPT_OUT | {"enableOptOut": "true"}, "enable_opt_out_not_a_boolean"),
        ({"type": "other", "enableOptOut": True}, "body_fields"),
        ({"enableOptOut": True}, "body_fields"),
        (OPT_OUT | {"more": 1}, "body_fields"),
        ([], "body_not_an_object"),
    ],
)
async def test_refuses_other_bodies(bench, person, put, body, rule):
    await bench.seed(person)
    assert (await put("u-1", body)).status == 400
    assert await bench.violations() == {f"algonomy:{rule}": 1}
    assert (await bench.facts("algonomy"))["effects"] == 0


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b'{"type": "optOut', "json"),
        (b'{"type": NaN}', "json"),
        (b"", "json"),
        (b"[" * 100_000, "json"),
        (b'{"type":"opt\xff"}', "utf8"),
        (b'{"type":"\\ud800"}', "utf8"),
    ],
)
async def test_refuses_what_is_not_json_in_utf8(bench, put, data, rule):
    assert (await put("u-1", data=data, content_type="application/json")).status == 400
    assert await bench.violations() == {f"algonomy:{rule}": 1}


async def test_refuses_json_called_something_else(bench, put):
    assert (await put("u-1", data=b'{"type":"optOut","enableOptOut":true}', content_type="text/plain")).status == 400
    assert await bench.violations() == {"algonomy:content_type": 1}


@pytest.mark.parametrize(
    ("form", "status", "error", "rule"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", "client_credentials"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", "grant_type"),
        ({"scope": "x"}, 400, "invalid_request", "token_form"),
    ],
)
async def test_refuses_tokens_as_the_page_says(bench, form, status, error, rule):
    response = await bench.algonomy_token(**form)
    assert (response.status, (await response.json())["error"]) == (status, error)
    assert await bench.violations() == {f"algonomy:{rule}": 1}


async def test_token_wants_a_form_and_the_right_path(bench):
    assert (await bench.call("POST", "/algonomy/oauth2/token", json={})).status == 400
    assert (await bench.call("POST", "/algonomy/oath2/token", data={})).status == 404
    assert await bench.violations() == {"algonomy:token_not_form_encoded": 1, "algonomy:path": 1}


async def test_missing_and_foreign_tokens_are_violations(bench):
    for headers in ({}, {"Authorization": "Bearer made-up"}):
        response = await bench.call("PUT", "/algonomy/optOut/u-1", json=OPT_OUT, headers=headers)
        assert (response.status, (await response.json())["error"]) == (401, "invalid_token")
    assert await bench.violations() == {"algonomy:bearer_token": 2}


async def test_revoked_token_is_refused_and_a_new_one_works(bench, put):
    await bench.call("POST", "/_sandbox/vendors/algonomy/revoke")
    response = await put("u-1")
    assert (response.status, (await response.json())["error"]) == (401, "invalid_token")
    token = (await (await bench.algonomy_token()).json())["access_token"]
    response = await bench.call(
        "PUT", "/algonomy/optOut/u-1", json=OPT_OUT, headers={"Authorization": f"Bearer {token}"}
    )
    assert response.status == 200
    assert await bench.violations() == {}


async def test_a_revoked_client_gets_no_token_until_mended(bench):
    await bench.call("POST", "/_sandbox/vendors/algonomy/revoke", json={"client": True})
    assert (await bench.algonomy_token()).status == 401
    await bench.call("POST", "/_sandbox/vendors/algonomy/mend")
    assert (await bench.algonomy_token()).status == 200


async def test_revoke_fault_ends_the_token_in_use(bench, put):
    await bench.set_faults(algonomy={"revoke": 1})
    assert (await put("u-1")).status == 401


async def test_poisoned_id_is_refused(bench, put):
    await bench.seed({"user_id": "poison-1"})
    assert (await put("poison-1")).status == 400
    assert (await bench.facts("algonomy", "poison-1"))["opted_out"] is False
    assert await bench.violations() == {}


async def test_tokens_do_not_use_up_the_rate_limit(bench):
    await bench.call("PUT", "/_sandbox/vendors/algonomy/limit", json={"limit": 0})
    assert (await bench.algonomy_token()).status == 200
    assert (await bench.call("PUT", "/algonomy/optOut/u-1", json=OPT_OUT)).status == 429
