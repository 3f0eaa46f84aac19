"""Logging in while strangers try to: limits by address and by account, known devices, no password at all."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import Engine

from config.settings import Settings
from ledger.accounts import access, guesses, logins
from ledger.accounts.guesses import Attempt
from tests.web.conftest import Rows, session_name
from tests.web.serving import serving
from web.access import gate, password_login
from web.access.password_login import LoggedIn, log_in, unlock
from web.app import create_app
from web.context import Context

Key = Callable[..., dict[str, str]]
PASSWORD = "correct horse battery"
DEVICE = "consent_device"
WRONG = {"name": "ann", "password": "wrong password"}
RIGHT = {"name": "ann", "password": PASSWORD}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "LONGEST_DELAY_S", 0.0)
    monkeypatch.setattr(guesses, "FIRST_LOCK_S", 600.0)  # no lock is over before the test is


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are compared as they are: what is tried here is who may try."""
    monkeypatch.setattr(password_login, "is_password", lambda given, kept: given == kept)
    monkeypatch.setattr(password_login, "is_outdated", lambda kept: False)


@pytest.fixture
def ann(engine: Engine, quick: None) -> str:
    with engine.begin() as connection:
        access.add_user(connection, name="ann", role="operator", password_hash=PASSWORD, by="test")
    return "ann"


def at(client: httpx.Client, address: str, body: dict[str, str], **more: str) -> int:
    """The answer to a login from this address, as a proxy on this machine tells it."""
    client.cookies.clear()
    client.cookies.update(more)
    return client.post("/v1/session", json=body, headers={"X-Forwarded-For": address}).status_code


def lock(rows: Rows) -> None:
    """As after a long time of guessing."""
    rows("UPDATE guesses SET locked_until = now() + interval '10 minutes'")


def test_strangers_keep_nobody_out_on_a_device_of_theirs(stranger: httpx.Client, ann: str, rows: Rows) -> None:
    assert at(stranger, "192.0.2.1", RIGHT) == 200
    device = stranger.cookies[DEVICE]
    for n in range(guesses.FREE + 1):
        assert at(stranger, f"198.51.100.{n}", WRONG) == 401
    lock(rows)
    assert at(stranger, "198.51.100.99", WRONG) == 429
    assert at(stranger, "192.0.2.1", RIGHT) == 429  # a new device has to wait
    assert at(stranger, "192.0.2.1", RIGHT, **{DEVICE: device}) == 200
    assert at(stranger, "198.51.100.1", RIGHT, **{DEVICE: device}) == 200  # also at a stranger's address
    assert at(stranger, "192.0.2.1", RIGHT, **{DEVICE: "A" * 43}) == 429


def test_a_device_is_known_for_its_own_account_and_locked_by_itself(
    stranger: httpx.Client, ann: str, rows: Rows, engine: Engine
) -> None:
    with engine.begin() as connection:
        access.add_user(connection, name="bob", role="reader", password_hash=PASSWORD, by="test")
    assert at(stranger, "192.0.2.1", RIGHT) == 200
    device = {DEVICE: stranger.cookies[DEVICE]}
    bob = {"name": "bob", "password": "wrong password"}
    tries = [at(stranger, "198.51.100.1", bob, **device) for _ in range(guesses.FREE + 2)]
    assert tries == [401] * (guesses.FREE + 1) + [429]
    tries = [at(stranger, "192.0.2.1", WRONG, **device) for _ in range(guesses.FREE + 2)]
    assert tries == [401] * (guesses.FREE + 1) + [429]
    assert at(stranger, "192.0.2.1", RIGHT) == 200  # neither her account nor her address


def test_an_address_is_locked_whatever_accounts_it_tries(stranger: httpx.Client, ann: str, rows: Rows) -> None:
    free = guesses.MANY.free
    tries = [at(stranger, "198.51.100.1", {"name": f"user-{n}", "password": "p"}) for n in range(free + 2)]
    assert tries == [401] * (free + 1) + [429]
    assert at(stranger, "198.51.100.1", RIGHT) == 429
    assert at(stranger, "192.0.2.1", RIGHT) == 200
    assert b"198.51.100.1" not in b"".join(bytes(who) for (who,) in rows("SELECT who FROM guesses"))


def test_an_address_of_ipv6_is_all_that_one_customer_has(context: Context, ann: str) -> None:
    tries = [log_in(context, f"user-{n}", "p", f"2001:db8::{n:x}") for n in range(guesses.MANY.free + 2)]
    assert [isinstance(one, Attempt) and one.locked_s > 0 for one in tries[-2:]] == [False, True]
    assert isinstance(log_in(context, ann, PASSWORD, "2001:db8::ffff"), Attempt)
    assert isinstance(log_in(context, ann, PASSWORD, "2001:db8:0:1::ffff"), LoggedIn)


def test_a_login_of_one_s_own_does_not_begin_the_count_anew(context: Context, ann: str, rows: Rows) -> None:
    for n in range(10):
        log_in(context, f"user-{n}", "p", "198.51.100.1")
    for _ in range(3):
        log_in(context, ann, "mistyped", "198.51.100.1")
    assert isinstance(log_in(context, ann, PASSWORD, "198.51.100.1"), LoggedIn)
    assert rows("SELECT max(failures) FROM guesses") == [(10,)]


def test_a_try_that_is_not_looked_at_counts_nowhere(context: Context, ann: str, rows: Rows) -> None:
    for n in range(guesses.FREE + 1):
        log_in(context, ann, "p", f"198.51.100.{n}")
    before = rows("SELECT sum(failures) FROM guesses")
    lock(rows)
    assert isinstance(log_in(context, ann, "p", "203.0.113.1"), Attempt)
    assert rows("SELECT sum(failures) FROM guesses") == before


def test_names_that_nobody_has_are_told_and_locked_like_those_of_users(
    stranger: httpx.Client, ann: str, engine: Engine
) -> None:
    with engine.begin() as connection:
        access.add_user(connection, name="gone", role="reader", password_hash=PASSWORD, by="test")
        access.set_disabled(connection, "gone", disabled=True)
        access.add_user(connection, name="by-provider", role="reader", password_hash=None, by="test")
    told = []
    for place, name in enumerate(("ann", "gone", "by-provider", "nobody-at-all")):
        stranger.cookies.clear()
        answers = [
            stranger.post(
                "/v1/session",
                json={"name": name, "password": "wrong password"},
                headers={"X-Forwarded-For": f"192.0.2.{place}"},
            )
            for _ in range(guesses.FREE + 2)
        ]
        told.append([(answer.status_code, answer.json(), answer.headers.get("set-cookie")) for answer in answers])
    assert told[0][0][0] == 401
    assert told[0][-1][0] == 429
    assert all(one == told[0] for one in told[1:])


def test_who_has_no_password_logs_in_with_none(context: Context, engine: Engine) -> None:
    with engine.begin() as connection:
        access.add_user(connection, name="ann", role="reader", password_hash=None, by="test")
    assert isinstance(log_in(context, "ann", PASSWORD), Attempt)
    assert isinstance(log_in(context, "ann", ""), Attempt)


def test_whoever_is_unlocked_may_try_again_anywhere(
    context: Context, stranger: httpx.Client, ann: str, rows: Rows, engine: Engine
) -> None:
    assert at(stranger, "192.0.2.1", RIGHT) == 200
    device = {DEVICE: stranger.cookies[DEVICE]}
    for _ in range(guesses.FREE + 1):
        at(stranger, "192.0.2.1", WRONG)
        at(stranger, "192.0.2.1", WRONG, **device)
    lock(rows)
    rows("DELETE FROM guesses WHERE failures > :most", most=guesses.FREE + 1)  # the address is another matter
    assert (at(stranger, "203.0.113.1", RIGHT), at(stranger, "203.0.113.1", RIGHT, **device)) == (429, 429)
    with engine.begin() as connection:
        assert unlock(connection, context.known().prints, ann)
        assert not unlock(connection, context.known().prints, ann)
    assert (at(stranger, "203.0.113.1", RIGHT), at(stranger, "203.0.113.1", RIGHT, **device)) == (200, 200)


def test_a_new_password_or_a_disabled_user_leaves_no_device_known(
    stranger: httpx.Client, ann: str, engine: Engine, rows: Rows
) -> None:
    for change in (
        lambda connection: access.set_password(connection, ann, PASSWORD),
        lambda connection: access.set_disabled(connection, ann, disabled=True),
    ):
        assert at(stranger, "192.0.2.1", RIGHT) == 200
        assert rows("SELECT count(*) > 0 FROM devices") == [(True,)]
        with engine.begin() as connection:
            change(connection)
        assert rows("SELECT count(*) FROM devices") == [(0,)]
        assert stranger.get("/v1/session").status_code == 401


def test_only_digests_of_devices_are_kept_and_not_without_end(
    stranger: httpx.Client, ann: str, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins, "MOST_DEVICES", 3)
    for _ in range(5):
        assert at(stranger, "192.0.2.1", RIGHT) == 200
    token = stranger.cookies[DEVICE]
    ((kept, count),) = rows("SELECT string_agg(devices::text, ''), count(*) FROM devices")
    assert (token in kept, count) == (False, 3)
    rows("UPDATE devices SET expires_at = now() - interval '1 second'")
    lock(rows)
    for n in range(guesses.FREE + 1):
        at(stranger, f"198.51.100.{n}", WRONG)
    lock(rows)
    assert at(stranger, "192.0.2.1", RIGHT, **{DEVICE: token}) == 429  # it was long ago


@pytest.mark.parametrize(("scheme", "name"), [("https", f"__Host-{DEVICE}"), ("http", DEVICE)])
def test_the_cookie_of_a_device_is_for_our_own_pages(stranger: httpx.Client, ann: str, scheme: str, name: str) -> None:
    answer = stranger.post("/v1/session", json=RIGHT, headers={"X-Forwarded-Proto": scheme})
    (kept,) = (one for one in answer.headers.get_list("set-cookie") if one.startswith(f"{name}="))
    parts = {part.strip() for part in kept.split(";")[1:]}
    expected = {"HttpOnly", "Path=/", "SameSite=strict", "Max-Age=15552000", *(["Secure"] if scheme == "https" else [])}
    assert parts == expected


def test_twelve_strangers_at_once_keep_nobody_waiting_in_vain(
    stranger: httpx.Client, url: str, ann: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, go_on = threading.Semaphore(0), threading.Event()

    def is_password(given: str, kept: str | None) -> bool:
        if given != PASSWORD:
            entered.release()
            assert go_on.wait(60)
        return given == kept

    def guess(n: int) -> int:
        with httpx.Client(base_url=url, timeout=120) as client:
            return at(client, f"198.51.100.{n}", {"name": f"user-{n}", "password": "wrong"})

    assert at(stranger, "192.0.2.1", RIGHT) == 200
    device = stranger.cookies[DEVICE]
    monkeypatch.setattr(password_login, "is_password", is_password)
    with ThreadPoolExecutor(25) as many:
        guessed = [many.submit(guess, n) for n in range(24)]
        try:
            for _ in range(2):
                assert entered.acquire(timeout=60)
            with httpx.Client(base_url=url, timeout=120) as hers:
                assert at(hers, "192.0.2.1", RIGHT, **{DEVICE: device}) == 200  # while both threads are taken
            waiting = many.submit(at, stranger, "192.0.2.2", RIGHT)
        finally:
            go_on.set()
        assert waiting.result() == 200
        assert {one.result() for one in guessed} == {401}


# Logging in with a password can be switched off altogether.


@contextmanager
def shut(context: Context, **settings: object) -> Iterator[httpx.Client]:
    app = create_app(replace(context, settings=Settings(password_login=False, **settings)))
    with serving(app) as url, httpx.Client(base_url=url) as client:
        yield client


def test_without_passwords_nobody_is_asked_for_one(context: Context, ann: str, key: Key, rows: Rows) -> None:
    with shut(context) as client:
        answer = client.post("/v1/session", json=RIGHT)
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:consent:problem:password-login-off")
        assert "API key" in answer.json()["detail"]
        assert "set-cookie" not in answer.headers
        assert client.get("/v1/session", headers=key()).status_code == 200
    assert rows("SELECT count(*) FROM logins") == [(0,)]
    assert rows("SELECT by, deed, allowed, status FROM audit_entries") == [("nobody", "POST /v1/session", False, 403)]


# Session cookies are guessed at too.


def test_unknown_sessions_and_keys_are_guesses_of_their_address(
    stranger: httpx.Client, ann: str, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "TRUSTED_S", 0.0)
    late = key(name="late")
    for place, shown in enumerate(
        (
            {"Cookie": f"{session_name(stranger)}={'A' * 43}"},
            {"Cookie": f"{session_name(stranger)}=x"},
            {"Authorization": "Bearer cw_000000000000_" + "A" * 43},
            {"Authorization": "Bearer x"},
        )
    ):
        headers = shown | {"X-Forwarded-For": f"198.51.100.{place}"}
        answers = [stranger.get("/v1/session", headers=headers).status_code for _ in range(guesses.FREE + 2)]
        assert answers == [401] * (guesses.FREE + 1) + [429], shown
        away = {"X-Forwarded-For": f"192.0.2.{place}"}
        assert stranger.get("/v1/session", headers=late | away).status_code == 200


def test_a_session_that_is_over_is_no_guess(
    stranger: httpx.Client, ann: str, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "TRUSTED_S", 0.0)
    assert at(stranger, "192.0.2.1", RIGHT) == 200
    rows("UPDATE logins SET expires_at = now() - interval '1 day'")
    assert [stranger.get("/v1/session").status_code for _ in range(guesses.FREE + 3)] == [401] * (guesses.FREE + 3)
    rows("UPDATE logins SET expires_at = now() - interval '1 year'")
    assert at(stranger, "192.0.2.1", RIGHT) == 200
    assert rows("SELECT count(*) FROM logins") == [(1,)]  # and not kept for ever


def test_a_known_device_is_not_kept_out_of_its_session_by_strangers_beside_it(
    stranger: httpx.Client, ann: str, rows: Rows, context: Context
) -> None:
    assert at(stranger, "192.0.2.1", RIGHT) == 200
    cookies = dict(stranger.cookies)
    with serving(create_app(context)) as url, httpx.Client(base_url=url) as anew:  # which has seen nobody yet
        guess = {"Authorization": "Bearer cw_000000000000_" + "A" * 43}
        for _ in range(guesses.FREE + 1):
            anew.get("/v1/session", headers=guess)
        lock(rows)
        anew.cookies.set(session_name(anew), cookies[session_name(stranger)])
        assert anew.get("/v1/session").status_code == 429
        anew.cookies.set(DEVICE, cookies[DEVICE])
        assert anew.get("/v1/session").status_code == 200
