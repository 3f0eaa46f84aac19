"""What every answer has: an id of the request, the quota of its key, and cookies that no other host can set."""

from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest
from redis.asyncio import Redis

from config.settings import Settings
from intake.access.passwords import hash_password
from ledger.accounts import access
from tests.web.conftest import session_name
from tests.web.serving import serving
from web.access.cookies import PREFIX, SESSION
from web.app import create_app
from web.context import Context

Key = Callable[..., dict[str, str]]
TLS = {"X-Forwarded-Proto": "https"}
PASSWORD = "correct horse battery"
EVERY_KIND = [
    ("GET", "/healthz", 200),
    ("GET", "/v1/vendors", 200),
    ("GET", "/no/such/path", 404),
    ("DELETE", "/v1/vendors", 405),
    ("POST", "/v1/requests", 415),
]


@pytest.mark.parametrize(("method", "path", "status"), EVERY_KIND)
def test_every_answer_names_its_request(client: httpx.Client, method: str, path: str, status: int) -> None:
    answer = client.request(method, path, headers={"X-Request-Id": "trace-1"})
    assert (answer.status_code, answer.headers.get_list("x-request-id")) == (status, ["trace-1"])
    made = {client.request(method, path).headers["x-request-id"] for _ in range(2)}
    made.add(client.request(method, path, headers={"X-Request-Id": "jane@private.example"}).headers["x-request-id"])
    assert len(made) == 3
    assert all(len(one) == 32 for one in made)


ONE_A_MINUTE = Settings(api_requests_per_minute=1)
"""So that none comes back while a test runs, however slowly."""


def test_who_is_known_is_told_the_quota_and_who_asks_too_often_when_to_come_back(context: Context, key: Key) -> None:
    slow = replace(context, settings=ONE_A_MINUTE)
    with serving(create_app(slow)) as url, httpx.Client(base_url=url) as client:
        assert "ratelimit" not in client.get("/v1/vendors").headers  # nobody's
        headers = key()
        answers = [client.get("/v1/vendors", headers=headers) for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 429, 429]
    assert [one.headers["ratelimit-policy"] for one in answers] == ['"key";q=1;w=60'] * 3
    assert answers[0].headers["ratelimit"] == '"key";r=0;t=60'
    for one in answers[1:]:
        assert one.headers["ratelimit"].startswith('"key";r=0;t=')
        assert 1 <= int(one.headers["retry-after"]) <= 61


def test_web_processes_share_one_quota(context: Context, key: Key, redis_url: str) -> None:
    shared = replace(context, settings=ONE_A_MINUTE, redis_client=lambda: Redis.from_url(redis_url))
    first, second = create_app(shared), create_app(shared)
    headers, other = key(name="shared"), key(name="other")
    with serving(first) as one, serving(second) as another, httpx.Client() as client:
        asked = [client.get(f"{url}/v1/vendors", headers=headers) for url in (one, another, one)]
        assert [answer.status_code for answer in asked] == [200, 429, 429]
        assert client.get(f"{another}/v1/vendors", headers=other).status_code == 200


@pytest.fixture
def ann(context: Context) -> str:
    with context.engine.begin() as connection:
        access.add_user(connection, name="ann", role="operator", password_hash=hash_password(PASSWORD), by="test")
    return "ann"


def attributes(cookie: str) -> set[str]:
    return {part.strip().partition("=")[0].lower() for part in cookie.split(";")[1:]}


def test_over_tls_a_session_is_kept_under_a_name_that_no_other_host_can_set(stranger: httpx.Client, ann: str) -> None:
    answer = stranger.post("/v1/session", json={"name": ann, "password": PASSWORD}, headers=TLS)
    (kept,) = [one for one in answer.headers.get_list("set-cookie") if SESSION in one]
    name, _, rest = kept.partition("=")
    token = rest.partition(";")[0]
    assert name == PREFIX + SESSION
    assert {"secure", "httponly", "path", "samesite"} <= attributes(kept)
    assert "Path=/;" in kept + ";"
    assert "domain" not in attributes(kept)

    def who(cookie: str, headers: dict[str, str]) -> int:
        return stranger.get("/v1/session", headers={"Cookie": f"{cookie}={token}", **headers}).status_code

    stranger.cookies.clear()
    assert who(PREFIX + SESSION, TLS) == 200
    assert who(session_name(stranger), TLS) == 401  # a page of a sibling domain may have put it there
    assert who(session_name(stranger), {}) == 200
    own = {"Cookie": f"{PREFIX}{SESSION}={token}", "Sec-Fetch-Site": "same-origin", **TLS}
    gone = stranger.delete("/v1/session", headers=own)
    assert gone.status_code == 204
    dropped = gone.headers["set-cookie"]
    assert dropped.startswith(f"{PREFIX}{SESSION}=")
    assert {"secure", "path", "max-age"} <= attributes(dropped)


def test_on_loopback_without_tls_it_goes_without(stranger: httpx.Client, ann: str) -> None:
    answer = stranger.post("/v1/session", json={"name": ann, "password": PASSWORD})
    (kept,) = [one for one in answer.headers.get_list("set-cookie") if SESSION in one]
    assert kept.startswith(f"{session_name(stranger)}=")
    assert "secure" not in attributes(kept)
    assert stranger.get("/v1/session").status_code == 200


def test_behind_tls_all_cookies_are_secure_though_the_proxy_does_not_say_so(context: Context, ann: str) -> None:
    behind = replace(context, settings=Settings(web_behind_tls=True))
    with serving(create_app(behind)) as url, httpx.Client(base_url=url) as client:
        answer = client.post("/v1/session", json={"name": ann, "password": PASSWORD})
        cookies = answer.headers.get_list("set-cookie")
        assert cookies
        assert all(one.startswith(PREFIX) and "secure" in attributes(one) for one in cookies)
