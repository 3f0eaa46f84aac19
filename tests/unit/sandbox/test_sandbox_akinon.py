"""Akinon in the sandbox: sessions, CSRF, flags, and the code sent to the person."""

import pytest

FLAGS = ("email_allowed", "sms_allowed", "whatsapp_allowed", "call_allowed")
OFF = dict.fromkeys(FLAGS, False)


@pytest.fixture
def send(bench):
    async def send(method, *, path="/users/profile/", session="s-1", cookie="c-1", csrf="c-1", site=None, **kwargs):
        headers = {"Cookie": f"sessionid={session}; csrftoken={cookie}", "X-CSRFToken": csrf}
        headers["Referer"] = str(bench.client.make_url("/")) if site is None else site
        return await bench.call(method, f"/akinon{path}", headers=headers, **kwargs)

    return send


async def test_patches_the_four_flags(bench, person, send):
    await bench.seed(person)
    response = await send("PATCH", json=OFF)
    answer = await response.json()
    assert response.status == 200
    assert {name: answer[name] for name in FLAGS} == OFF
    assert answer["email"] == "a@example.org"
    assert isinstance(answer["id"], int)
    held = await bench.facts("akinon")
    assert held["flags"] == OFF
    assert held["effects"] == 1
    assert await bench.violations() == {}


async def test_each_session_changes_its_own_account(bench, person, send):
    other = {"user_id": "u-2", "vendors": {"akinon": {"session_id": "s-2", "csrf_token": "c-2"}}}
    await bench.seed(person, other)
    await send("PATCH", session="s-2", cookie="c-2", csrf="c-2", json=OFF)
    assert (await bench.facts("akinon", "u-2"))["flags"] == OFF
    assert (await bench.facts("akinon"))["effects"] == 0


async def test_get_tells_the_account_and_the_csrf_token(bench, person, send):
    await bench.seed(person)
    response = await send("GET", site="")
    assert response.cookies["csrftoken"].value == "c-1"
    assert (await response.json())["email"] == "a@example.org"


async def test_an_outdated_csrf_token_is_mended_by_a_get(bench, person, send):
    await bench.seed(person | {"marks": ["stalecsrf"]})
    assert (await send("PATCH", json=OFF)).status == 403
    fresh = (await send("GET")).cookies["csrftoken"].value
    assert (await send("PATCH", cookie=fresh, csrf=fresh, json=OFF)).status == 200
    assert await bench.violations() == {}


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"csrf": ""}, "csrf_missing"),
        ({"cookie": ""}, "csrf_missing"),
        ({"csrf": "c-9"}, "csrf_header_is_not_the_cookie"),
        ({"csrf": "c-2", "cookie": "c-2"}, "csrf_of_another_session"),
        ({"site": ""}, "referer"),
        ({"site": "http://elsewhere.example/"}, "referer"),
        ({"site": "/users/profile/"}, "referer"),
    ],
)
async def test_refuses_to_write_without_proof(bench, person, send, changes, rule):
    other = {"user_id": "u-2", "vendors": {"akinon": {"session_id": "s-2", "csrf_token": "c-2"}}}
    await bench.seed(person, other)
    response = await send("PATCH", json=OFF, **changes)
    assert response.status == 403
    assert "CSRF" in await response.text()
    assert (await bench.facts("akinon"))["effects"] == 0
    assert await bench.violations() == {f"akinon:{rule}": 1}


async def test_an_unknown_session_is_refused_without_blame(bench, send):
    assert (await send("PATCH", session="gone", json=OFF)).status == 401
    assert await bench.violations() == {}


async def test_no_session_cookie_at_all_is_a_violation(bench):
    assert (await bench.call("GET", "/akinon/users/profile/")).status == 401
    assert await bench.violations() == {"akinon:session_cookie": 1}


async def test_cookies_of_two_people_in_one_call_are_refused(bench, person):
    await bench.seed(person)
    headers = {"Cookie": "sessionid=s-1; sessionid=s-2"}
    assert (await bench.call("GET", "/akinon/users/profile/", headers=headers)).status == 400
    assert await bench.violations() == {"akinon:cookie_repeated": 1}


async def test_the_slash_must_stay(bench, person, send):
    await bench.seed(person)
    response = await send("PATCH", path="/users/profile", json=OFF)
    assert (response.status, response.headers["Location"]) == (301, "/akinon/users/profile/")
    assert await bench.violations() == {"akinon:trailing_slash": 1}


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"email_allowed": "false"}, (400, "flag_type")),
        ({"email_allowed": None}, (400, "flag_type")),
        ({"newsletter": False}, (400, "unknown_field")),
        (OFF | {"phone": "+905551112233"}, (200, "more_than_the_flags")),
    ],
)
async def test_watches_the_body(bench, person, send, body, answer):
    await bench.seed(person)
    status, rule = answer
    assert (await send("PATCH", json=body)).status == status
    assert await bench.violations() == {f"akinon:{rule}": 1}


async def test_call_allowed_may_be_null(bench, person, send):
    await bench.seed(person)
    assert (await (await send("PATCH", json={"call_allowed": None})).json())["call_allowed"] is None


async def test_put_wants_every_field_and_is_noted(bench, person, send):
    await bench.seed(person)
    assert (await send("PUT", json=OFF)).status == 400
    whole = await (await send("GET")).json()
    assert (await send("PUT", json=whole | OFF)).status == 200
    assert (await bench.facts("akinon"))["flags"] == OFF
    assert (await bench.violations())["akinon:put_instead_of_patch"] == 2


async def test_loyalty_sends_a_code_and_changes_nothing(bench, person, send):
    path = "/users/profile-with-loyalty/"
    await bench.seed(person | {"marks": ["loyalty"]})
    assert (await send("PATCH", path=path, json=OFF)).status == 202
    held = await bench.facts("akinon")
    assert (held["codes_sent"], held["effects"]) == (1, 0)
    assert all(held["flags"].values())
    assert (await send("PATCH", path=path, json=OFF | {"code": "000000"})).status == 400
    response = await send("PATCH", path=path, json=OFF | {"code": "123456"})
    assert response.status == 200
    assert {"code", "resend"} <= set(await response.json())
    assert (await bench.facts("akinon"))["flags"] == OFF


async def test_a_second_code_for_one_person_is_a_violation(bench, person, send):
    await bench.seed(person | {"marks": ["loyalty"]})
    for _ in range(2):
        assert (await send("PATCH", path="/users/profile-with-loyalty/", json=OFF)).status == 202
    assert (await bench.facts("akinon"))["codes_sent"] == 2
    assert await bench.violations() == {"akinon:second_code": 1}


@pytest.mark.parametrize(
    ("marks", "forms"),
    [
        ([], {"profile", "body", "cookie"}),
        (["nocookie"], {"body"}),
        (["tokencookie"], {"cookie"}),
    ],
)
async def test_the_csrf_token_has_a_step_of_its_own(bench, person, send, marks, forms):
    body, cookie = "body" in forms, "cookie" in forms
    await bench.seed(person | {"marks": marks})
    assert ("csrftoken" in (await send("GET")).cookies) is ("profile" in forms)
    response = await send("GET", path="/csrf_token/", site="")
    told = [(await response.json())["csrf_token"]] if body else []
    told += [response.cookies["csrftoken"].value] if cookie else []
    assert set(told) == {"c-1"}
    assert ("csrftoken" in response.cookies) is cookie
    assert bool(await response.read()) is body
    assert await bench.violations() == {}


async def test_a_guest_gets_a_token_that_opens_nothing(bench, person, send):
    await bench.seed(person)
    token = (await (await bench.call("GET", "/akinon/csrf_token/")).json())["csrf_token"]
    assert (await send("PATCH", cookie=token, csrf=token, json=OFF)).status == 403


async def test_a_shop_may_tell_no_token_at_all(bench, person, send):
    await bench.seed(person | {"marks": ["notoken"]})
    assert "csrftoken" not in (await send("GET")).cookies
    assert (await send("GET", path="/csrf_token/")).status == 404


async def test_an_older_shop_has_no_whatsapp(bench, person, send):
    await bench.seed(person | {"marks": ["older"]})
    assert "whatsapp_allowed" not in await (await send("GET")).json()
    answer = await (await send("PATCH", json=OFF)).json()
    assert {name: answer.get(name) for name in FLAGS} == OFF | {"whatsapp_allowed": None}
    assert "whatsapp_allowed" not in answer
    assert await bench.violations() == {}


EMPTY = {"avatar": None, "date_of_birth": None, "gender": None}


async def test_nullable_fields_can_be_emptied(bench, person, send):
    await bench.seed(person)
    assert all((await bench.facts("akinon"))["fields"].values())
    assert (await send("PATCH", json=OFF | EMPTY)).status == 200
    held = await bench.facts("akinon")
    assert (held["flags"], held["fields"]) == (OFF, EMPTY)
    assert await bench.violations() == {}


async def test_a_shop_that_requires_a_field_refuses_the_whole_write(bench, person, send):
    await bench.seed(person | {"marks": ["required"]})
    assert (await send("PATCH", json=OFF | EMPTY)).status == 400
    assert (await bench.facts("akinon"))["effects"] == 0
    assert (await send("PATCH", json=OFF)).status == 200


async def test_loyalty_is_plain_for_people_not_marked(bench, person, send):
    await bench.seed(person)
    assert (await send("PATCH", path="/users/profile-with-loyalty/", json=OFF)).status == 200
    assert (await bench.facts("akinon"))["flags"] == OFF


async def test_expired_sessions_can_be_renewed(bench, person, send):
    await bench.seed(person | {"marks": ["expired"]})
    assert (await send("PATCH", json=OFF)).status == 401
    renewal = {"user_id": "u-1", "session_id": "s-9", "csrf_token": "c-9"}
    assert (await bench.call("POST", "/_sandbox/vendors/akinon/sessions", json=renewal)).status == 200
    assert (await send("PATCH", session="s-9", cookie="c-9", csrf="c-9", json=OFF)).status == 200
    assert (await bench.facts("akinon"))["flags"] == OFF


async def test_a_new_session_ends_the_former(bench, person, send):
    await bench.seed(person)
    renewal = {"user_id": "u-1", "session_id": "s-9", "csrf_token": "c-9"}
    await bench.call("POST", "/_sandbox/vendors/akinon/sessions", json=renewal)
    assert (await send("GET")).status == 401
    nobody = await bench.call("POST", "/_sandbox/vendors/akinon/sessions", json=renewal | {"user_id": "u-9"})
    assert nobody.status == 404


async def test_poisoned_person_is_refused(bench, send):
    await bench.seed({"user_id": "poison-1", "vendors": {"akinon": {"session_id": "s-1", "csrf_token": "c-1"}}})
    assert (await send("PATCH", json=OFF)).status == 400
    assert (await bench.facts("akinon", "poison-1"))["effects"] == 0


async def test_revoked_sessions_come_back_when_mended(bench, person, send):
    await bench.seed(person)
    await bench.call("POST", "/_sandbox/vendors/akinon/revoke")
    assert (await send("GET")).status == 401
    await bench.call("POST", "/_sandbox/vendors/akinon/mend")
    assert (await send("GET")).status == 200
