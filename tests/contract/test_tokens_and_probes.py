"""Tokens and probes of each vendor, as its page has them."""

import json

import pytest

from adapters.conformance import SECRET, answer
from adapters.conformance.walking import NOW, in_words
from adapters.contract import Answer, Authenticates, Probes, Token
from adapters.triage import triage
from tests.contract.samples import adapter_of
from tests.table_rows import each_row


@pytest.mark.parametrize(("vendor", "method", "url"), [
    ("algonomy", "POST", "https://gateway.richrelevance.com/profile-command/v1/oauth2/token"),
    ("b2core", "POST", "https://ib.example/v1/tokens"),
])  # fmt: skip
def test_a_token_is_asked_for_as_the_page_says(vendor, method, url):
    adapter = adapter_of(vendor)
    assert isinstance(adapter, Authenticates)
    request = adapter.login()
    assert request is not None
    assert (request.method, str(request.url)) == (method, url)
    if vendor == "algonomy":
        assert request.content.decode() == f"grant_type=client_credentials&client_id=ours&client_secret={SECRET}"
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    else:
        assert json.loads(request.content) == {"grant_type": "client_credentials"}
        assert request.headers["authorization"].startswith("Basic ")


@each_row("vendor", ["algonomy", "b2core"])
@each_row(("status", "body", "said"), [
    (200, {"token_type": "bearer", "access_token": "AABBCCDD"}, "AABBCCDD"),
    (400, {"error": "invalid_client", "error_description": "Invalid client authentication"}, "vendor/bad_credentials"),
    (200, {"error": "invalid_client", "access_token": "AABBCCDD"}, "vendor/bad_credentials"),
    (400, {"error": "unsupported_grant_type", "error_description": "Invalid grant_type"}, "vendor/misconfigured"),
    (401, None, "vendor/bad_credentials"),
    (400, None, "vendor/bad_credentials"),
    (404, None, "vendor/wrong_address"),
    (200, {}, "vendor/misconfigured"),
    (200, {"access_token": ""}, "vendor/misconfigured"),
    (200, {"access_token": "a\r\nX-Evil: 1"}, "vendor/misconfigured"),
    (200, {"access_token": 7}, "vendor/misconfigured"),
])  # fmt: skip
def test_a_token_is_read(vendor, status, body, said):
    adapter = adapter_of(vendor)
    assert isinstance(adapter, Authenticates)
    token = adapter.read_token(answer(status, body))
    assert (in_words(token) if isinstance(token, Answer) else token.get_secret_value()) == said


@each_row(("vendor", "expires_in", "life_s"), [
    ("b2core", 3_600_000, 3600.0),  # the unit of the public page is milliseconds
    ("b2core", 1_500, 1.5),
    ("b2core", "600000", 600.0),
    ("b2core", 600, 600.0),  # its example, which can only be seconds
    ("b2core", None, None),
    ("b2core", 0, None),
    ("b2core", -5, None),
    ("b2core", "soon", None),
    ("b2core", "1e999", None),
    ("b2core", [600], None),
    ("algonomy", 28_800, 28_800.0),
    ("algonomy", None, None),
])  # fmt: skip
def test_how_long_a_token_lives_is_read(vendor, expires_in, life_s):
    adapter = adapter_of(vendor)
    assert isinstance(adapter, Authenticates)
    token = adapter.read_token(answer(200, {"access_token": "AABBCCDD", "expires_in": expires_in}))
    assert isinstance(token, Token)
    assert token.life_s == life_s
    assert "AABBCCDD" not in repr(token)


@pytest.mark.parametrize(("vendor", "method", "url", "body"), [
    ("algonomy", "POST", "https://gateway.richrelevance.com/profile-command/v1/oauth2/token", None),
    ("insider", "POST", "https://unification.useinsider.com/api/user/v1/attribute/delete", {"users": []}),
    ("dfinery", "POST", "https://openapi.dfinery.io/api/v1/users/profile",
     {"user_ids": ["consent-worker-probe"], "property_names": ["info_flag"]}),
    ("akinon", "GET", "https://shop.example/users/profile/", None),
    ("b2core", "GET", "https://ib.example/v1/profiles?limit=1&filter%5Buuid%5D=consent-worker-probe", None),
])  # fmt: skip
def test_a_probe_changes_nothing(vendor, method, url, body):
    adapter = adapter_of(vendor)
    assert isinstance(adapter, Probes)
    request = adapter.probe()
    assert (request.method, str(request.url)) == (method, url)
    assert body is None or json.loads(request.content) == body
    assert "cookie" not in request.headers


@each_row(("vendor", "status", "body", "said"), [
    ("algonomy", 200, {"access_token": "AABBCCDD"}, "applied"),
    ("algonomy", 400, {"error": "invalid_client"}, "vendor/bad_credentials"),
    ("insider", 400, {"success": False, "message": "Users are required."}, "applied"),
    ("insider", 200, {}, "applied"),
    ("insider", 400, {"success": False, "message": "Partner is invalid."}, "vendor/bad_credentials"),
    ("insider", 403, {"success": False, "message": "Access Denied."}, "vendor/forbidden"),
    ("insider", 404, None, "vendor/wrong_address"),
    ("dfinery", 200, {"result_code": 2000, "result_msg": None, "result_data": {}}, "applied"),
    ("dfinery", 400, {"result_code": 4002, "result_msg": "Invalid request format.", "result_data": None}, "applied"),
    ("dfinery", 400, {"result_code": 4001, "result_msg": "Invalid", "result_data": None}, "vendor/bad_credentials"),
    ("dfinery", 404, None, "vendor/wrong_address"),
    ("dfinery", 400, {"surprise": 1}, "vendor/wrong_address"),
    ("akinon", 401, {"detail": "Giriş yap"}, "applied"),
    ("akinon", 403, {"detail": "Authentication credentials were not provided."}, "applied"),
    ("akinon", 403, None, "vendor/forbidden"),
    ("akinon", 404, None, "vendor/wrong_address"),
    ("akinon", 200, {"id": 1}, "vendor/wrong_address"),
    ("b2core", 200, [], "applied"),
    ("b2core", 200, [{"profileId": "x", "uuid": "y"}], "vendor/misconfigured"),
    ("b2core", 401, None, "reauthenticate/bad_credentials"),
    ("b2core", 403, None, "vendor/forbidden"),
    ("b2core", 404, None, "vendor/wrong_address"),
])  # fmt: skip
def test_a_probe_is_read(vendor, status, body, said):
    adapter, response = adapter_of(vendor), answer(status, body)
    assert isinstance(adapter, Probes)
    assert triage(response, NOW) is None
    assert in_words(adapter.read_probe(response)) == said
