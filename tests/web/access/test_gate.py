"""Authentication: keys, users, guessing, and what the audit log records of it."""

from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest
from argon2 import Parameters, PasswordHasher, extract_parameters
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from config.settings import Settings
from intake.access import passwords
from intake.access.passwords import hash_password, is_outdated, is_password
from intake.access.rate_limit import Pace, Rate
from intake.access.roles import MAY, Right, Role
from intake.access.tokens import mint_key, prefix_of
from ledger.accounts import access, guesses
from ledger.accounts.guesses import Attempt
from tasks.retain import keep_volumes
from tests.web.conftest import Rows, session_name
from tests.web.serving import serving
from web import audit_trail
from web.access import gate
from web.access.password_login import log_in
from web.api.openapi import OPEN
from web.app import create_app
from web.audit_trail import Spare
from web.context import Context

Key = Callable[..., dict[str, str]]
PASSWORD = "correct horse battery"
JANE = {"kind": "erasure", "subjects": [{"user_id": "jane-1"}]}
ID = "123e4567-e89b-42d3-a456-426614174000"
NEEDED: dict[tuple[str, str], set[Right]] = {
    ("POST", "/v1/requests"): {Right.SUBMIT},
    ("POST", "/v1/requests/upload"): {Right.SUBMIT},
    ("GET", "/v1/requests"): {Right.SUBMIT, Right.READ},
    ("GET", "/v1/requests/{request_id}"): {Right.SUBMIT, Right.READ},
    ("GET", "/v1/requests/{request_id}/deliveries"): {Right.SUBMIT, Right.READ},
    ("GET", "/v1/requests/{request_id}/answer"): {Right.SUBMIT, Right.READ},
    ("POST", "/v1/requests/{request_id}/retry"): {Right.OPERATE},
    ("POST", "/v1/requests/{request_id}/confirm"): {Right.OPERATE},
    ("POST", "/v1/requests/{request_id}/cancel"): {Right.SUBMIT, Right.OPERATE},
    ("POST", "/v1/requests/{request_id}/extend"): {Right.OPERATE},
    ("POST", "/v1/requests/{request_id}/accept"): {Right.OPERATE},
    ("POST", "/v1/requests/{request_id}/close"): {Right.OPERATE},
    ("POST", "/v1/requests/{request_id}/forget"): {Right.OPERATE},
    ("POST", "/v1/requests/retry"): {Right.OPERATE},
    ("POST", "/v1/requests/close"): {Right.OPERATE},
    ("POST", "/v1/requests/cancel"): {Right.SUBMIT, Right.OPERATE},
    ("POST", "/v1/requests/confirm"): {Right.OPERATE},
    ("GET", "/v1/deeds/{deed_id}"): {Right.SUBMIT, Right.READ},
    ("POST", "/v1/people/lookup"): {Right.READ},
    ("POST", "/v1/suppression/check"): {Right.SUBMIT, Right.READ},
    ("POST", "/v1/legal-holds"): {Right.OPERATE},
    ("GET", "/v1/legal-holds"): {Right.READ},
    ("POST", "/v1/legal-holds/{hold_id}/release"): {Right.OPERATE},
    ("GET", "/metrics"): {Right.READ},
    ("GET", "/v1/attention"): {Right.READ},
    ("GET", "/v1/report"): {Right.READ},
    ("GET", "/v1/audit"): {Right.READ},
    ("GET", "/v1/webhooks"): {Right.READ},
    ("POST", "/v1/webhooks/{name}/test"): {Right.MANAGE},
    ("GET", "/v1/vendors"): {Right.READ},
    ("POST", "/v1/vendors/{name}/hold"): {Right.OPERATE},
    ("POST", "/v1/vendors/{name}/resume"): {Right.OPERATE},
    ("POST", "/v1/vendors/{name}/on"): {Right.OPERATE},
    ("POST", "/v1/vendors/{name}/off"): {Right.OPERATE},
    ("POST", "/v1/vendors/{name}/retire"): {Right.OPERATE},
    ("GET", "/v1/session"): set(Right),
    ("DELETE", "/v1/session"): set(Right),
}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "LONGEST_DELAY_S", 0.0)


@pytest.fixture
def ann(engine: Engine) -> str:
    with engine.begin() as connection:
        access.add_user(connection, name="ann", role="operator", password_hash=hash_password(PASSWORD), by="test")
    return "ann"


def test_every_path_is_shut_but_for_health_and_logging_in(stranger: httpx.Client, context: Context) -> None:
    operations = [(method, path) for path, of in create_app(context).openapi()["paths"].items() for method in of]
    shut = [(method.upper(), path) for method, path in operations if (method, path) not in OPEN]
    assert set(shut) == set(NEEDED)
    for method, path in shut:
        answer = stranger.request(method, path.format(request_id=ID, deed_id=ID, name="insider", hold_id=7))
        assert answer.status_code == 401, (method, path)
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_key_is_shown_as_bearer_or_as_the_password_of_basic(stranger: httpx.Client, key: Key) -> None:
    """Consent managers that speak OpenDSR know Basic only."""
    secret = key("submitter")["Authorization"].removeprefix("Bearer ")
    for user in ("shop", "", "anyone at all"):
        assert stranger.get("/v1/requests", auth=(user, secret)).status_code == 200
    encoded = b64encode(f"shop:{secret}".encode()).decode()
    assert stranger.get("/v1/requests", headers={"Authorization": f"basic  {encoded}"}).status_code == 200
    wrong = ("Basic", "Basic !", f"Basic {secret}", f"Basic {b64encode(secret.encode()).decode()}", "Basic /w==")
    for shown in (*wrong, f"Digest {encoded}", f"Bearer {encoded}", f"Bearer shop:{secret}", secret):
        assert stranger.get("/v1/requests", headers={"Authorization": shown}).status_code == 401, shown
    assert stranger.get("/v1/requests", auth=(secret, "")).status_code == 401
    assert stranger.get("/v1/requests", auth=("shop", secret[:-1])).status_code == 401


def test_each_role_may_what_the_table_says(stranger: httpx.Client, key: Key) -> None:
    for role in Role:
        stranger.headers.update(key(role.value, name=role.value))
        for (method, path), rights in NEEDED.items():
            answer = stranger.request(method, path.format(request_id=ID, deed_id=ID, name="acme", hold_id=7))
            may = bool(MAY[role] & rights)
            assert (answer.status_code != 403) is may, (role, method, path, answer.text)
            assert answer.status_code != 401


def test_who_only_submits_sees_and_cancels_their_own(stranger: httpx.Client, key: Key) -> None:
    own, others = key("submitter", name="shop"), key("submitter", name="crm")
    place = stranger.post("/v1/requests", json=JANE, headers=own).headers["location"]
    assert stranger.get(place, headers=own).status_code == 200
    for path in (place, f"{place}/deliveries"):
        assert stranger.get(path, headers=others).status_code == 404
    assert stranger.post(f"{place}/cancel", headers=others).status_code == 404
    assert stranger.post(f"{place}/cancel", headers=own).status_code == 200


def test_wrong_revoked_and_expired_keys_open_nothing(
    stranger: httpx.Client, key: Key, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "TRUSTED_S", 0.0)
    good = key()
    secret = good["Authorization"].removeprefix("Bearer ")
    assert stranger.get("/v1/session", headers=good).json() == {"name": "key:shop", "role": "admin"}
    wrong = secret[:-4] + ("AAAA" if secret[-4:] != "AAAA" else "BBBB")
    for presented in (f"Bearer {wrong}", f"Basic {secret}", "Bearer", "Bearer cw_000000000000_" + "A" * 43):
        assert stranger.get("/v1/session", headers={"Authorization": presented}).status_code == 401
    assert stranger.get("/v1/session", headers=key(days=-0.001)).status_code == 401
    prefix = prefix_of(secret)
    assert prefix is not None
    with engine.begin() as connection:
        assert access.revoke_key(connection, prefix, "test")
        assert not access.revoke_key(connection, prefix, "test")
    for _ in range(guesses.FREE + 2):
        assert stranger.get("/v1/session", headers=good).status_code == 401
    assert stranger.get("/v1/session", headers=key()).status_code == 200  # what was right once is no guess


def test_only_a_digest_of_a_key_is_kept_and_its_last_use(stranger: httpx.Client, key: Key, rows: Rows) -> None:
    good = key()
    stranger.get("/v1/session", headers=good)
    secret = good["Authorization"].removeprefix("Bearer ")
    ((everything,),) = rows("SELECT api_keys::text FROM api_keys")
    assert secret[-43:] not in everything
    assert rows("SELECT last_used_at IS NOT NULL FROM api_keys") == [(True,)]
    assert secret not in repr(mint_key()) + str(mint_key())


def test_strangers_who_guess_are_locked_out_and_who_was_known_is_not(
    stranger: httpx.Client, key: Key, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "TRUSTED_S", 0.0)
    monkeypatch.setattr(guesses, "FIRST_LOCK_S", 600.0)  # no lock is over before the test is
    known, late = key(), key(name="late")
    assert stranger.get("/v1/session", headers=known).status_code == 200
    guess = {"Authorization": "Bearer cw_000000000000_" + "A" * 43}
    answers = [stranger.get("/v1/session", headers=guess).status_code for _ in range(guesses.FREE + 3)]
    assert answers[: guesses.FREE + 1] == [401] * (guesses.FREE + 1)
    assert answers[-1] == 429
    assert int(stranger.get("/v1/session", headers=guess).headers["retry-after"]) >= 1
    locked = rows("SELECT DISTINCT by, allowed, status FROM audit_entries WHERE status = 429")
    assert locked == [("nobody", False, 429)]
    assert stranger.get("/v1/session", headers=late).status_code == 429  # a right key may be a guess too
    assert stranger.get("/v1/session", headers=known).status_code == 200
    assert b"127.0.0.1" not in rows("SELECT who FROM guesses")[0][0]


def test_a_user_logs_in_is_known_by_a_cookie_and_logs_out(
    stranger: httpx.Client, ann: str, rows: Rows, url: str
) -> None:
    answer = stranger.post("/v1/session", json={"name": ann, "password": PASSWORD})
    assert answer.json() == {"name": "ann", "role": "operator"}
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert stranger.get("/v1/session").json()["name"] == "user:ann"
    assert stranger.cookies[session_name(stranger)].encode() not in rows("SELECT digest FROM logins")[0][0]
    assert stranger.post("/v1/vendors/insider/hold").json()["type"] == "urn:consent:problem:other-site"
    foreign = {"Origin": "https://evil.example"}
    assert stranger.post("/v1/vendors/insider/hold", headers=foreign).status_code == 403
    own = {"Origin": url}
    assert stranger.post("/v1/vendors/insider/hold", headers=own).json()["held_by"] == "user:ann"
    assert stranger.delete("/v1/session", headers=own).status_code == 204
    stranger.cookies.set(session_name(stranger), cookie.split("=")[1].split(";")[0])
    assert stranger.get("/v1/session").status_code == 401


def test_a_disabled_user_is_out_at_once(stranger: httpx.Client, ann: str, engine: Engine) -> None:
    stranger.post("/v1/session", json={"name": ann, "password": PASSWORD})
    with engine.begin() as connection:
        access.set_disabled(connection, ann, disabled=True)
    assert stranger.get("/v1/session").status_code == 401
    assert stranger.post("/v1/session", json={"name": ann, "password": PASSWORD}).status_code == 401


def test_passwords_are_locked_by_account_however_many_guess_at_once(
    context: Context, ann: str, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guesses, "FIRST_LOCK_S", 600.0)
    with ThreadPoolExecutor(12) as many:
        tries = list(many.map(lambda n: log_in(context, ann, f"wrong password {n}"), range(12)))
    assert all(isinstance(one, Attempt) for one in tries)
    looked_at = [one for one in tries if isinstance(one, Attempt) and not one.locked_s]
    assert len(looked_at) == guesses.FREE + 1
    rows("UPDATE guesses SET locked_until = now() + interval '1 minute'")
    assert isinstance(log_in(context, ann, PASSWORD), Attempt)  # also the right one waits
    assert isinstance(log_in(context, "nobody", PASSWORD), Attempt)
    rows("UPDATE guesses SET locked_until = now() - interval '1 second'")
    assert not isinstance(log_in(context, ann, PASSWORD), Attempt)
    assert rows("SELECT count(*) FROM guesses") == [(1,)]  # nobody's


def test_a_lock_doubles_and_is_forgotten_after_a_day(engine: Engine, rows: Rows) -> None:
    def attempt() -> Attempt:
        with engine.begin() as connection:
            return guesses.attempt(connection, b"somebody")

    def lock() -> float:
        ((seconds,),) = rows("SELECT round(extract(epoch FROM locked_until - last_at)) FROM guesses")
        rows("UPDATE guesses SET locked_until = now()")
        return float(seconds)

    assert [attempt().failures for _ in range(guesses.FREE)] == list(range(1, guesses.FREE + 1))
    locks = []
    for _ in range(12):
        attempt()
        locks.append(lock())
    assert locks == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]
    rows("UPDATE guesses SET last_at = now() - interval '25 hours'")
    assert attempt() == Attempt(1, 0.0)


@pytest.mark.usefixtures("dear_passwords")
def test_a_wrong_name_takes_as_long_as_a_wrong_password(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = hash_password(PASSWORD)
    assert is_password(PASSWORD, kept)
    assert not is_password(PASSWORD, None)

    def hashed_for(kept: str | None) -> list[tuple[Parameters, int]]:
        """How it was hashed, and how much of it, each time."""
        hasher, seen = PasswordHasher(), []

        class Watched:
            def verify(self, kept: str, password: str) -> bool:
                seen.append((extract_parameters(kept), len(password)))
                return hasher.verify(kept, password)

        with monkeypatch.context() as patch:
            patch.setattr(passwords, "_HASHER", Watched())
            assert not is_password("wrong", kept)
        return seen

    assert hashed_for(None) == hashed_for(kept)
    assert len(hashed_for(None)) == 1
    assert not is_outdated(passwords._NOBODYS), "hash another one with the parameters of today"
    with pytest.raises(ValueError, match="12 to 256"):
        hash_password("short")
    with pytest.raises(ValueError, match=r"^a password is text in UTF-8$"):  # and not which byte of it is none
        hash_password("correct horse \udce9")


def test_the_audit_log_has_every_denial_and_every_write_and_no_person(
    stranger: httpx.Client, key: Key, ann: str, rows: Rows
) -> None:
    good = key()
    stranger.get("/v1/vendors")
    stranger.get("/v1/vendors", headers=key("submitter", name="crm"))
    request_id = stranger.post("/v1/requests", json=JANE, headers=good).json()["request_id"]
    stranger.post("/v1/requests", json={"kind": "erasure", "subjects": []}, headers=good)
    stranger.post("/v1/people/lookup", json={"user_id": "jane-1"}, headers=good)
    stranger.get("/v1/jane@private.example", headers=good)  # no route, no entry
    stranger.post("/v1/vendors/insider/hold", headers=good)
    stranger.post("/v1/session", json={"name": "jane@private.example", "password": "wrong"})
    stranger.post("/v1/session", json={"name": ann, "password": PASSWORD})
    assert rows("SELECT by, deed, allowed, target, status FROM audit_entries ORDER BY id") == [
        ("nobody", "GET /v1/vendors", False, None, 401),
        ("key:crm", "GET /v1/vendors", False, None, 403),
        ("key:shop", "submit", True, request_id, None),
        ("key:shop", "POST /v1/requests", True, None, 422),
        ("key:shop", "POST /v1/people/lookup", True, None, 200),
        ("key:shop", "POST /v1/vendors/{name}/hold", True, "insider", 200),
        ("nobody", "POST /v1/session", False, None, 401),
        ("user:ann", "POST /v1/session", True, None, 200),
    ]


def test_who_asks_too_often_is_noted_by_name_and_not_at_length(
    context: Context, key: Key, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing comes back while the test runs, however slowly.
    monkeypatch.setattr(audit_trail, "Spare", lambda per_s: Spare(per_s, lambda: 0.0))
    slow = replace(context, settings=Settings(api_requests_per_minute=0.1))
    with serving(create_app(slow)) as url, httpx.Client(base_url=url, headers=key()) as client:
        assert client.post("/v1/vendors/insider/hold").status_code == 200
        refused = [client.post("/v1/vendors/insider/resume") for _ in range(30)]
        refused += [client.get("/v1/vendors") for _ in range(30)]
        other = client.get("/v1/vendors", headers=key(name="crm"))
    assert {one.status_code for one in refused} == {429}
    assert refused[0].json()["type"] == "urn:consent:problem:too-often"
    assert 1 <= int(refused[0].headers["retry-after"]) <= 601
    assert other.status_code == 200  # one key does not use up what is another's
    (hold, *denied) = rows("SELECT by, allowed, status FROM audit_entries ORDER BY id")
    assert hold == ("key:shop", True, 200)
    assert set(denied) == {("key:shop", False, 429)}
    assert len(denied) == audit_trail.SPARE_PER_S


def test_failures_that_are_over_are_dropped(engine: Engine, rows: Rows) -> None:
    with engine.begin() as connection:
        for who in (b"old", b"new"):
            guesses.attempt(connection, who)
    rows("UPDATE guesses SET last_at = now() - interval '25 hours' WHERE who = :who", who=b"old")
    keep_volumes(engine, None)
    assert [bytes(who) for (who,) in rows("SELECT who FROM guesses")] == [b"new"]


def test_the_audit_log_is_only_added_to(key: Key, client: httpx.Client, rows: Rows) -> None:
    client.post("/v1/vendors/insider/hold")
    for change in ("UPDATE audit_entries SET by = 'x'", "DELETE FROM audit_entries", "TRUNCATE audit_entries"):
        with pytest.raises(DBAPIError, match="append-only"):
            rows(change)


def test_no_answer_goes_out_without_its_entry(client: httpx.Client, rows: Rows) -> None:
    rows("ALTER TABLE audit_entries RENAME TO away")
    try:
        for path, body in (("/v1/vendors/insider/hold", None), ("/v1/requests", JANE)):
            answer = client.post(path, json=body)
            assert (answer.status_code, answer.json()["type"]) == (503, "urn:consent:problem:ledger-away")
            assert answer.headers["cache-control"] == "no-store"
    finally:
        rows("ALTER TABLE away RENAME TO audit_entries")
    assert rows("SELECT count(*) FROM requests") == [(0,)]


def test_a_pace_is_kept_for_each_by_itself() -> None:
    now = 0.0
    pace = Pace(Rate.of(60), lambda: now)
    assert [pace.take("a").wait_s for _ in range(3)] == [0, 0, 1]
    assert pace.take("b").wait_s == 0
    now = 1.5
    assert [pace.take("a").wait_s for _ in range(2)] == [0, 0.5]


def test_a_flood_of_strangers_is_counted_not_kept() -> None:
    now = 0.0
    spare = Spare(2, lambda: now)
    assert [spare.take() for _ in range(5)] == [0, 0, None, None, None]
    now = 1.0
    assert spare.take() == 3
