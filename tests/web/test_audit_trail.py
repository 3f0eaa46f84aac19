"""What the audit log records of HTTP requests: from where, with which key, at whose account, and what was not shown."""

from collections.abc import Callable
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Engine

from intake.access.tokens import prefix_of
from ledger.accounts import access, audit
from ledger.accounts.audit import Entry, Wanted
from tests.web.conftest import Rows
from web.access import gate, password_login

Key = Callable[..., dict[str, str]]
PASSWORD = "correct horse battery"
JANE = {"kind": "erasure", "subjects": [{"user_id": "jane-1"}]}
AN_ID = "123e4567-e89b-42d3-a456-426614174000"
FROM = {"X-Forwarded-For": "192.0.2.7"}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "LONGEST_DELAY_S", 0.0)
    monkeypatch.setattr(gate, "TRUSTED_S", 0.0)
    monkeypatch.setattr(password_login, "is_password", lambda given, kept: given == kept)
    monkeypatch.setattr(password_login, "is_outdated", lambda kept: False)


def prefix(headers: dict[str, str]) -> str:
    found = prefix_of(headers["Authorization"].removeprefix("Bearer "))
    assert found is not None
    return found


def test_every_entry_says_from_where_and_with_which_key(stranger: httpx.Client, key: Key, rows: Rows) -> None:
    good = key()
    for method, path, body in (
        ("POST", "/v1/requests", JANE),
        ("POST", "/v1/requests/upload?kind=erasure", None),
        ("POST", "/v1/vendors/insider/hold", None),
        ("POST", "/v1/vendors/insider/off", None),
        ("POST", "/v1/vendors/insider/on", None),
        ("POST", "/v1/vendors/dfinery/retire", {"because": "the contract has ended"}),
        ("POST", "/v1/people/lookup", {"user_id": "jane-1"}),
        ("POST", "/v1/requests", {"kind": "erasure", "subjects": []}),
    ):
        if body is None and "upload" in path:
            csv = {"Content-Type": "text/csv"}
            assert stranger.post(path, content="user_id\nu-1\n", headers=good | FROM | csv).status_code == 201
        else:
            assert stranger.request(method, path, json=body, headers=good | FROM).status_code in {200, 201, 422}
    found = rows("SELECT source, key_prefix, account FROM audit_entries")
    assert len(found) == 8
    assert set(found) == {("192.0.2.7", prefix(good), None)}


def test_only_a_proxy_that_is_trusted_says_from_where(stranger: httpx.Client, rows: Rows) -> None:
    stranger.get("/v1/vendors")
    stranger.get("/v1/vendors", headers={"X-Forwarded-For": "203.0.113.9, 192.0.2.7"})  # the first is the client's word
    assert [source for (source,) in rows("SELECT source FROM audit_entries ORDER BY id")] == ["127.0.0.1", "192.0.2.7"]


def test_a_failed_login_names_the_account_only_if_it_is_one(stranger: httpx.Client, engine: Engine, rows: Rows) -> None:
    with engine.begin() as connection:
        access.add_user(connection, name="ann", role="reader", password_hash=PASSWORD, by="test")
        access.add_user(connection, name="gone", role="reader", password_hash=PASSWORD, by="test")
        access.set_disabled(connection, "gone", disabled=True)
    for name in ("ann", "gone", "jane@private.example", PASSWORD, "Ann", "ann "):
        stranger.post("/v1/session", json={"name": name, "password": "wrong"}, headers=FROM)
    stranger.post("/v1/session", json={"name": "ann", "password": PASSWORD}, headers=FROM)
    found = rows("SELECT by, allowed, status, account, source FROM audit_entries ORDER BY id")
    assert [entry[:4] for entry in found] == [
        ("nobody", False, 401, "ann"),
        ("nobody", False, 401, "gone"),
        *[("nobody", False, 401, "unknown")] * 4,
        ("user:ann", True, 200, "ann"),
    ]
    assert {entry[4] for entry in found} == {"192.0.2.7"}
    assert "jane" not in str(rows("TABLE audit_entries"))


def test_a_key_that_opens_nothing_is_named_if_it_is_one(
    stranger: httpx.Client, key: Key, engine: Engine, rows: Rows
) -> None:
    revoked, expired, good = key(), key(days=-1), key()
    with engine.begin() as connection:
        access.revoke_key(connection, prefix(revoked), "test")
    wrong = {"Authorization": good["Authorization"][:-43] + "A" * 43}
    made_up = {"Authorization": "Bearer cw_0123456789ab_" + "A" * 43}
    for shown in (revoked, expired, wrong, made_up):
        assert stranger.get("/v1/session", headers=shown | FROM).status_code == 401
    found = rows("SELECT by, key_prefix, source FROM audit_entries ORDER BY id")
    named = [prefix(revoked), prefix(expired), prefix(good), None]
    assert found == [("nobody", one, "192.0.2.7") for one in named]


def test_a_session_that_is_over_says_whose_it_was(stranger: httpx.Client, engine: Engine, rows: Rows) -> None:
    with engine.begin() as connection:
        access.add_user(connection, name="ann", role="reader", password_hash=PASSWORD, by="test")
    stranger.post("/v1/session", json={"name": "ann", "password": PASSWORD})
    rows("UPDATE logins SET expires_at = now() - interval '1 second'")
    assert stranger.get("/v1/session").status_code == 401
    assert rows("SELECT by, account FROM audit_entries ORDER BY id DESC LIMIT 1") == [("nobody", "ann")]


def test_what_was_denied_to_a_reader_of_others_requests_is_told(stranger: httpx.Client, key: Key, rows: Rows) -> None:
    own, others = key("submitter", name="shop"), key("submitter", name="crm")
    place = stranger.post("/v1/requests", json=JANE, headers=own).headers["location"]
    request_id = place.rpartition("/")[2]
    paths = [("GET", place), ("GET", f"{place}/deliveries"), ("POST", f"{place}/cancel")]
    for method, path in paths:
        assert stranger.request(method, path, headers=others | FROM).status_code == 404
        assert stranger.request(method, path.replace(request_id, AN_ID), headers=others).status_code == 404
    found = rows("SELECT deed, target, status FROM audit_entries WHERE by = 'key:crm' AND NOT allowed ORDER BY id")
    assert found == [
        (f"{method} {path.replace(request_id, '{request_id}')}", request_id, 404) for method, path in paths
    ]
    assert rows("SELECT DISTINCT source, key_prefix FROM audit_entries WHERE NOT allowed") == [
        ("192.0.2.7", prefix(others))
    ]
    stranger.get("/v1/vendors", headers=others)
    assert rows("SELECT allowed, status FROM audit_entries ORDER BY id DESC LIMIT 1") == [(False, 403)]


def test_all_deliveries_of_a_request_taken_away_at_once_are_on_record(client: httpx.Client, rows: Rows) -> None:
    place = client.post("/v1/requests", json=JANE).headers["location"]
    before = rows("SELECT count(*) FROM audit_entries")
    client.get(f"{place}/deliveries")
    assert rows("SELECT count(*) FROM audit_entries") == before
    client.get(f"{place}/deliveries", headers={"Accept": "application/x-ndjson"})
    assert rows("SELECT deed, target, allowed FROM audit_entries ORDER BY id DESC LIMIT 1") == [
        ("GET /v1/requests/{request_id}/deliveries", place.rpartition("/")[2], True)
    ]


def test_the_log_is_shown_newest_first_by_what_is_asked(client: httpx.Client, key: Key, rows: Rows) -> None:
    request_id = client.post("/v1/requests", json=JANE).json()["request_id"]
    client.post(f"/v1/requests/{request_id}/cancel")
    for verb in ("hold", "resume"):
        client.post(f"/v1/vendors/insider/{verb}", headers=key(name="ann"))
    client.post("/v1/vendors/insider/hold", headers=key("reader", name="eve"))
    rows("INSERT INTO audit_entries (by, deed, allowed, target) VALUES ('cli:ann', 'vendor hold', true, 'dfinery')")

    def shown(**asked: object) -> list[tuple[str, str]]:
        answer = client.get("/v1/audit", params=asked)
        assert answer.status_code == 200, answer.text
        return [(entry["by"], entry["action"]) for entry in answer.json()["entries"]]

    hold, resume = "POST /v1/vendors/{name}/hold", "POST /v1/vendors/{name}/resume"
    everything = [
        ("cli:ann", "vendor hold"),
        ("key:eve", hold),
        ("key:ann", resume),
        ("key:ann", hold),
        ("key:shop", "POST /v1/requests/{request_id}/cancel"),
        ("key:shop", "submit"),
    ]
    assert shown() == everything  # and to look at it is no deed
    assert shown(by="ann") == [everything[0], *everything[2:4]]
    assert shown(by="key:ann") == everything[2:4]
    assert shown(action="vendor hold") == [everything[0], everything[1], everything[3]]
    assert shown(action="hold", by="ann") == [everything[0], everything[3]]
    assert shown(action="%") == shown(by="nobody-at-all") == []
    assert shown(request_id=request_id) == everything[4:]
    assert shown(request_id=AN_ID) == []
    assert shown(since="2999-01-01T00:00:00Z") == shown(until="2020-01-01T00:00:00Z") == []
    assert shown(since="2020-01-01T00:00:00Z", until="2999-01-01T00:00:00Z") == everything
    page = client.get("/v1/audit", params={"limit": 4}).json()
    rest = client.get("/v1/audit", params={"limit": 4, "cursor": page["next"]}).json()
    assert [(one["by"], one["action"]) for one in page["entries"] + rest["entries"]] == everything
    assert rest["next"] is None
    for wrong in ({"limit": 1001}, {"since": "yesterday"}, {"request_id": "x"}, {"who": "ann"}, {"cursor": 0}):
        assert client.get("/v1/audit", params=wrong).status_code == 422


def test_the_log_is_for_those_who_may_see_everything(stranger: httpx.Client, key: Key) -> None:
    for role, status in (("submitter", 403), ("reader", 200), ("operator", 200), ("admin", 200)):
        assert stranger.get("/v1/audit", headers=key(role, name=role)).status_code == status


def test_what_is_done_to_a_request_is_found_without_reading_the_whole_log(engine: Engine) -> None:
    with engine.begin() as connection:
        audit.add(connection, [Entry("key:shop", "submit", allowed=True, target=f"t-{n}") for n in range(3_000)])
        audit.add(connection, [Entry("cli:ann", "cancel", allowed=True, target=AN_ID)])
        (found,) = audit.entries(connection, Wanted(request=UUID(AN_ID)), 10)
    assert (found.by, found.deed) == ("cli:ann", "cancel")


def test_a_confirmation_by_another_account_of_the_submitter_is_denied_and_told(
    stranger: httpx.Client, key: Key, engine: Engine, rows: Rows
) -> None:
    with engine.begin() as connection:
        access.add_user(connection, name="ann", role="operator", password_hash=PASSWORD, by="test")
    hers, boss = key("operator", name="laptop"), key("operator", name="boss")
    rows("UPDATE api_keys SET owner = 'ann' WHERE name = 'laptop'")
    stranger.post("/v1/session", json={"name": "ann", "password": PASSWORD})
    own = {"Origin": str(stranger.base_url).rstrip("/")}
    submitted = stranger.post("/v1/requests", json=JANE, headers=own)
    assert submitted.status_code == 201, submitted.text
    rows("UPDATE requests SET status = 'unconfirmed'")
    confirm = submitted.headers["location"] + "/confirm"
    stranger.cookies.clear()
    assert stranger.post(confirm, headers=hers).status_code == 409
    assert rows("SELECT by, allowed, status FROM audit_entries ORDER BY id DESC LIMIT 1") == [
        ("key:laptop", False, 409)
    ]
    assert stranger.post(confirm, headers=boss).status_code == 200
