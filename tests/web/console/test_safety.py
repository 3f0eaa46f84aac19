"""What every page of the console holds to: who may see it, what it carries, and what it never does."""

import re
from collections.abc import Callable

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from ledger.accounts import access
from tests.ledger.conftest import Desk, people
from tests.web.conftest import Rows
from tests.web.console.conftest import PASSWORD, Browser, SignIn
from web.access import gate
from web.app import create_app
from web.console.routing import PageRoute
from web.context import Context

ROLES = ("submitter", "reader", "operator", "admin")
READERS = frozenset({"reader", "operator", "admin"})
ALL = frozenset(ROLES)
PAGES: dict[str, frozenset[str]] = {
    "/": ALL,
    "/requests": ALL,
    "/attention": READERS,
    "/vendors": READERS,
    "/vendors/insider": READERS,
    "/new": frozenset({"submitter", "operator", "admin"}),
    "/new/file": frozenset({"submitter", "operator", "admin"}),
    "/person": READERS,
    "/settings/keys": frozenset({"admin"}),
    "/settings/users": frozenset({"admin"}),
    "/settings/legal-holds": READERS,
    "/settings/receivers": READERS,
    "/settings/audit": READERS,
}
"""Every page, and which roles may see it; another role gets 403."""
OPEN = {
    ("GET", "/"),
    ("GET", "/docs"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("GET", "/sign-in/once"),
    ("POST", "/sign-in/once"),
    ("GET", "/sign-in/provider"),
}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "LONGEST_DELAY_S", 0.0)


def page_routes(context: Context) -> set[tuple[str, str]]:
    app = create_app(context)
    routes = [found.original_route for found in iter_route_contexts(app.routes)]
    return {(method, one.path) for one in routes if isinstance(one, PageRoute) for method in one.methods}


@pytest.mark.parametrize("role", ROLES)
def test_every_role_sees_what_it_may_and_no_more(sign_in: SignIn, role: str) -> None:
    browser = sign_in(role)
    for path, roles in PAGES.items():
        answer = browser.get(path)
        assert answer.status_code == (200 if role in roles else 403), path
        assert answer.headers["content-type"].startswith("text/html")
        links = set(re.findall(r'href="(/[a-z-]*)"', answer.text))
        assert not {one for one in links if one in PAGES and role not in PAGES[one]}, (
            "what one may not see is not shown"
        )


def test_every_page_carries_what_keeps_it_safe(sign_in: SignIn, stranger: Browser) -> None:
    browser = sign_in("admin")
    answers = [stranger.get("/"), stranger.get("/sign-in"), *(browser.get(path) for path in PAGES)]
    for answer in [*answers, browser.get("/no/such/page"), browser.get("/requests?kind=nonsense")]:
        policy = answer.headers.get_list("content-security-policy")
        assert len(policy) == 1
        assert "default-src 'none'" in policy[0]
        assert "frame-ancestors 'none'" in policy[0]
        assert "unsafe" not in policy[0]
        assert answer.headers.get_list("cache-control") == ["no-store"]
        assert answer.headers.get_list("referrer-policy") == ["same-origin"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|javascript:", answer.text)
        assert not re.search(r'(?:src|href|action)="(?!/)', answer.text.replace('href="#main"', "")), "another host"


def test_a_stranger_is_asked_to_sign_in_wherever_they_come(stranger: Browser, context: Context) -> None:
    first = stranger.get("/")
    assert first.status_code == 200
    assert "<h1>Sign in</h1>" in first.text
    routes = page_routes(context)
    assert routes >= OPEN
    for method, path in sorted(routes - OPEN):
        place = path.replace("{request_id}", "123e4567-e89b-42d3-a456-426614174000").replace("{name}", "insider")
        place = place.replace("{prefix}", "0" * 12)
        place = re.sub(r"\{(deed|draft)_id\}", "123e4567-e89b-42d3-a456-426614174000", place)
        if method == "GET":
            answer = stranger.get(place)
            assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?next={place}"), path
        else:
            answer = stranger.send(place, {})
            assert answer.status_code in {303, 403}, path
        part = stranger.client.request(method, place, headers={"HX-Request": "true", "Origin": stranger.url})
        if method == "GET":
            assert (part.status_code, part.headers["hx-redirect"]) == (401, f"/sign-in?next={place}")


def test_json_stays_json_for_who_does_not_ask_for_pages(stranger: Browser) -> None:
    assert stranger.client.get("/no/such/path").headers["content-type"] == "application/problem+json"
    assert stranger.get("/v1/requests").headers["content-type"] == "application/problem+json"
    page = stranger.get("/no/such/path")
    assert page.status_code == 404
    assert "There is no such page" in page.text


def test_signing_in_and_out(stranger: Browser, add_user: Callable[[str, str], None], rows: Rows) -> None:
    add_user("ann", "operator")
    wrong = stranger.post("/sign-in", on="/sign-in?next=/requests", name="ann", password="wrong", next="/requests")
    assert wrong.status_code == 401
    assert "do not belong together" in wrong.text
    assert 'value="ann"' in wrong.text
    assert "wrong password" not in wrong.text
    right = stranger.post("/sign-in", on="/sign-in", name="ann", password=PASSWORD, next="/requests")
    assert (right.status_code, right.headers["location"]) == (303, "/requests")
    assert stranger.get("/requests").status_code == 200
    out = stranger.post("/sign-out")
    assert (out.status_code, out.headers["location"]) == (303, "/sign-in")
    assert stranger.get("/requests").status_code == 303
    kept = rows("SELECT by, deed, allowed FROM audit_entries ORDER BY id")
    assert ("nobody", "POST /sign-in", False) in kept
    assert ("user:ann", "POST /sign-in", True) in kept
    assert ("user:ann", "POST /sign-out", True) in kept
    assert PASSWORD not in str(rows("SELECT CAST(audit_entries AS text) FROM audit_entries"))


def test_who_guesses_is_told_how_long_to_wait_and_who_can_help(
    stranger: Browser, add_user: Callable[[str, str], None]
) -> None:
    add_user("ann", "operator")
    for _ in range(30):
        answer = stranger.post("/sign-in", on="/sign-in", name="ann", password="wrong", next="/")
        if answer.status_code == 429:
            break
    assert answer.status_code == 429
    assert "consent user unlock" in answer.text
    assert int(answer.headers["retry-after"]) > 0


ELSEWHERE = (
    "//evil.example",
    "https://evil.example",
    "/\\evil.example",
    "javascript:alert(1)",
    "/a//b",
    "",
    "/A",
    "/%2f",
)


def test_nobody_is_led_to_another_host(stranger: Browser, add_user: Callable[[str, str], None]) -> None:
    add_user("ann", "operator")
    for path in ELSEWHERE:
        answer = stranger.post("/sign-in", on="/sign-in", name="ann", password=PASSWORD, next=path)
        assert answer.headers["location"] == "/", path


FORGED: dict[str, Callable[[Browser], httpx.Response]] = {
    "no token": lambda one: one.send("/sign-out", {}),
    "a wrong token": lambda one: one.send("/sign-out", {"form_token": "0" * 64}),
    "odd letters": lambda one: one.send("/sign-out", {"form_token": "ä"}),
    "another site": lambda one: one.send("/sign-out", {}, Origin="https://evil.example"),
}


def test_a_form_that_is_not_of_our_page_does_nothing(sign_in: SignIn) -> None:
    browser = sign_in("admin")
    for how, forge in FORGED.items():
        assert forge(browser).status_code == 403, how
        assert browser.get("/requests").status_code == 200, f"{how}: still signed in"


def test_the_token_of_another_session_opens_nothing(sign_in: SignIn) -> None:
    ann, bob = sign_in("operator", "ann"), sign_in("operator", "bob")
    token = re.search(r'name="form_token" value="(\w+)"', bob.get("/requests").text)
    assert token
    assert ann.send("/sign-out", {"form_token": token[1]}).status_code == 403


ODD_FORMS = {"twice": b"form_token=x&form_token=y", "not text": b"\xff\xfe", "crowded": b"&".join([b"a=b"] * 100)}


def test_odd_forms_are_refused_whole(sign_in: SignIn) -> None:
    browser = sign_in("admin")
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": browser.url, "Accept": "text/html"}
    for how, body in ODD_FORMS.items():
        assert browser.client.post("/sign-out", content=body, headers=headers).status_code in {403, 422}, how
    plain = browser.client.post("/sign-out", content=b"{}", headers={**headers, "Content-Type": "application/json"})
    assert plain.status_code == 415


HOSTILE = "<script>alert(1)</script>'\"&{{7*7}}"


def test_what_others_have_named_is_shown_as_it_is_and_never_run(sign_in: SignIn, desk: Desk, context: Context) -> None:
    with context.engine.begin() as connection:
        access.add_key(
            connection, prefix="cw_hostil", name=HOSTILE, role="submitter", digest=b"0" * 32, by="test", days=None
        )
    desk.submit(people(1), submitted_by=f"key:{HOSTILE}")
    page = sign_in("admin").get("/requests").text
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;&#39;&#34;&amp;{{7*7}}") >= 2


def test_assets_are_kept_by_browsers_and_change_their_address(stranger: Browser) -> None:
    page = stranger.get("/sign-in").text
    addresses = set(re.findall(r'"(/assets/[^"]+)"', page))
    assert len(addresses) == 5
    for address in addresses:
        answer = stranger.get(address)
        assert answer.status_code == 200
        assert answer.headers.get_list("cache-control") == ["public, max-age=31536000, immutable"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert stranger.get(address.replace("/assets/", "/assets/0")).status_code == 404
