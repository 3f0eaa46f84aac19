"""The link of a demonstration signs in once, within five minutes, by POST."""

from collections.abc import Callable

import pytest

from tests.web.console.conftest import Browser
from web.access.once import make_code
from web.context import Context

ONCE = "/sign-in/once"


@pytest.fixture
def code(context: Context, add_user: Callable[[str, str], None]) -> str:
    add_user("demo", "admin")
    with context.engine.begin() as connection:
        return make_code(connection, "demo")


def test_a_code_signs_in_once_and_by_post_alone(stranger: Browser, code: str) -> None:
    assert stranger.get(ONCE).status_code == 200
    assert stranger.get(f"{ONCE}?code={code}").status_code == 200
    assert stranger.get("/requests").headers.get("location", "/sign-in").startswith("/sign-in"), "not signed in by GET"

    entered = stranger.post(ONCE, on=ONCE, code=code)
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    assert stranger.get("/requests").status_code == 200

    stranger.client.cookies.clear()
    again = stranger.post(ONCE, on=ONCE, code=code)
    assert again.status_code == 401
    assert "used, or is older than five minutes" in again.text
    assert code not in again.text


def test_a_code_is_no_session_and_ends(stranger: Browser, code: str, context: Context) -> None:
    stranger.client.cookies.set("consent_session", code)
    assert stranger.get("/requests").status_code != 200
    stranger.client.cookies.clear()
    with context.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE logins SET expires_at = expires_at - interval '301 seconds'")
    for given in (code, "", "nonsense", "x" * 200):
        assert stranger.post(ONCE, on=ONCE, code=given).status_code == 401
    assert stranger.send(ONCE, {"code": code}).status_code == 403, "only from our own page"
