"""The HTTP API over the real ledger."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

from ledger.delivery import restored
from ledger.session import Engine
from tests.ledger.given_up import give_up_master_key
from tests.web.conftest import Rows
from tests.web.serving import serving
from web.api import health
from web.app import create_app
from web.context import Context

JANE = {"user_id": "jane-1", "email": "jane-1@private.example"}
Key = Callable[..., dict[str, str]]


def submit(client: httpx.Client, *people: dict[str, object], **more: object) -> httpx.Response:
    headers = {"Idempotency-Key": str(more.pop("key"))} if "key" in more else {}
    body = {"kind": "erasure", "subjects": list(people) or [JANE], **more}
    return client.post("/v1/requests", json=body, headers=headers)


def settle(context: Context, rows: Rows, outcome: str, reason: str | None, vendor: str = "insider") -> None:
    """As a worker does that has delivered line 1 of request 1."""
    values = {"outcome": outcome, "reason": reason, "vendor": vendor}
    rows(
        """
        WITH of AS (SELECT id FROM vendors WHERE name = :vendor),
        settled AS (
            INSERT INTO outcomes (request_id, vendor_id, round, line, attempts, outcome, reason)
            SELECT 1, id, 1, 1, 1, CAST(:outcome AS outcome), :reason FROM of),
        closed AS (
            UPDATE chunks SET state = 'closed'
            WHERE request_id = 1 AND vendor_id = (SELECT id FROM of) AND last_line = 1)
        INSERT INTO tallies SELECT 1, id, CAST(:outcome AS outcome), 1 FROM of
        """,
        **values,
    )


def test_a_request_is_recorded_and_answered(client: httpx.Client, rows: Rows, woken: list[str]) -> None:
    answer = submit(client, JANE, {"user_id": "joe-2"}, JANE)
    assert answer.status_code == 201, answer.text
    receipt = answer.json()
    assert (receipt["subjects"], receipt["duplicates"], receipt["repeated"]) == (2, 1, False)
    assert sorted(woken) == ["dfinery", "insider"]
    assert rows("SELECT submitted_by, subjects FROM requests") == [("key:shop", 2)]
    status = client.get(answer.headers["location"])
    assert status.status_code == 200
    assert status.json()["vendors"] == {"dfinery": {"pending": 2}, "insider": {"pending": 2}}
    assert status.headers["cache-control"] == "no-store"


def test_a_thousand_people_and_one_more(client: httpx.Client, rows: Rows) -> None:
    people = [{"user_id": f"u-{n}", "email": f"p{n}@private.example"} for n in range(1001)]
    assert submit(client, *people[:1000]).status_code == 201
    assert rows("SELECT count(*) FROM subjects") == [(1000,)]
    refused = submit(client, *people)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "subjects"


def test_the_same_key_is_the_same_request_and_another_producers_key_its_own(
    client: httpx.Client, key: Key, rows: Rows
) -> None:
    first, again = submit(client, key="42"), submit(client, key="42")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == {**first.json(), "repeated": True}
    taken = submit(client, {"user_id": "other"}, key="42")
    assert (taken.status_code, taken.json()["type"]) == (409, "urn:consent:problem:idempotency-key-taken")
    client.headers.update(key(name="crm"))
    assert submit(client, key="42").status_code == 201
    assert rows("SELECT count(*) FROM requests") == [(2,)]


FAULTS: list[tuple[dict[str, object], str]] = [
    ({"kind": "forget"}, "kind"),
    ({"subjects": []}, "subjects"),
    ({"subjects": [{"user_id": "u-1"}, {"email": "secret-no-address"}]}, "subjects.1.email"),
    ({"subjects": [{"user_id": "u-1", "secret-name@example.org": 1}]}, "subjects.0.(a key)"),
    ({"subjects": [{"vendors": {"insider": {"nonsense": "secret"}}}]}, "subjects.0.vendors.insider.nonsense"),
    ({"subjects": [{}]}, "subjects.0"),
    ({"subjects": "secret"}, "subjects"),
    ({"vendors": ["Secret Name"]}, "vendors.0"),
    ({"effective_at": "2026-05-25T00:00:00"}, "effective_at"),
    ({"asked_at": "2026-05-25T00:00:00"}, "asked_at"),
    ({"regulation": "secret"}, "regulation"),
    ({"subjects": [{"user_id": "u-1", "asked_at": "secret"}]}, "subjects.0.asked_at"),
    ({"subjects": [{"user_id": "u-1", "asked_at": "2999-01-01T00:00:00Z"}]}, "subjects.0.asked_at"),
    ({"subjects": [{"asked_at": "2026-01-01T00:00:00Z"}]}, "subjects.0"),
    ({"dry_run": True}, "dry_run"),
]


def test_faults_are_told_by_field_and_never_by_value(client: httpx.Client, rows: Rows) -> None:
    for more, field in FAULTS:
        answer = submit(client, **more)
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["errors"][0]["field"] == field
        assert "secret" not in answer.text.lower()
    assert rows("SELECT count(*) FROM requests") == [(0,)]


MAY_24 = datetime(2026, 5, 24, 12, 1, tzinfo=UTC)
UNUSABLE: list[tuple[dict[str, object], str]] = [
    ({"vendors": ["akinon"]}, "unknown or switched-off vendor; known are dfinery, insider"),
    ({"options": {"insider": {"whole": 3}}}, "options.insider.whole"),
    ({"effective_at": "2099-01-01T00:00:00Z"}, "effective_at is in the future"),
    ({"asked_at": "2099-01-01T00:00:00Z"}, "asked_at is in the future"),
    ({"not_before": "2099-01-01T00:00:00Z"}, "would not be sent before it is due"),
]


def test_what_cannot_be_submitted_is_told(client: httpx.Client) -> None:
    for more, told in UNUSABLE:
        answer = submit(client, **more)
        assert answer.status_code == 422
        assert told in answer.json()["detail"]


def test_any_time_zone_is_read(client: httpx.Client, rows: Rows) -> None:
    """PostgreSQL refuses zones of sixteen hours and more."""
    far = "2026-05-25T12:00:00+23:59"
    for person, more in (
        ({"user_id": "u-1"}, {"asked_at": far}),
        ({"user_id": "u-1"}, {"effective_at": far}),
        ({"user_id": "u-1", "asked_at": far}, {}),
    ):
        assert submit(client, person, **more).status_code == 201
    assert rows("SELECT min(effective_at), max(effective_at) FROM requests") == [(MAY_24, MAY_24)]
    for path in (
        "/v1/requests?received_before=",
        "/v1/requests?received_from=",
        "/v1/audit?since=",
        "/v1/audit?until=",
    ):
        assert client.get(path + quote(far)).status_code == 200
        assert client.get(path + quote("0001-01-01T00:00:00+14:00")).status_code == 422


def test_a_request_is_due_by_when_it_was_asked_and_its_regulation(client: httpx.Client) -> None:
    dated = submit(client, {"user_id": "u-1"}, asked_at="2026-10-31T10:00:00+09:00", regulation="gdpr")
    found = client.get(f"/v1/requests/{dated.json()['request_id']}").json()
    assert (found["asked_at"], found["effective_at"], found["due_at"], found["regulation"]) == (
        "2026-10-31T01:00:00.000Z",
        "2026-10-31T01:00:00.000Z",
        "2026-11-30T01:00:00.000Z",
        "gdpr",
    )
    by_record = submit(
        client,
        {"user_id": "u-1", "asked_at": "2026-10-20T00:00:00Z"},
        {"user_id": "u-2", "asked_at": "2026-10-02T00:00:00Z"},
        kind="erasure",
        regulation="pipa",
    )
    found = client.get(f"/v1/requests/{by_record.json()['request_id']}").json()
    assert (found["asked_at"], found["effective_at"], found["due_at"], found["at_risk"]) == (
        "2026-10-02T00:00:00.000Z",
        "2026-10-20T00:00:00.000Z",
        "2026-10-12T00:00:00.000Z",
        True,
    )


def test_a_day_will_do_even_today(client: httpx.Client) -> None:
    today = datetime.now(UTC).date().isoformat()  # a midnight in between makes it yesterday, which will do as well
    for body in (
        {"asked_at": today},
        {"effective_at": today, "asked_at": today},
        {"subjects": [{"user_id": "u-1", "asked_at": today}]},
    ):
        answer = submit(client, {"user_id": "u-1"}, kind="opt_out", **body)
        assert answer.status_code == 201
        found = client.get(f"/v1/requests/{answer.json()['request_id']}").json()
        assert found["asked_at"] == f"{today}T00:00:00.000Z"
        assert f"{today}T00:00:00.000Z" < found["effective_at"] <= found["received_at"]


def test_requests_are_listed_newest_first_page_by_page(client: httpx.Client, key: Key) -> None:
    ids = [submit(client, {"user_id": f"u-{n}"}, kind=kind).json()["request_id"] for n, kind in enumerate(
        ["erasure", "opt_out", "erasure", "erasure", "opt_in"])]  # fmt: skip
    seen: list[str] = []
    cursor = None
    while cursor is not None or not seen:
        page = client.get("/v1/requests", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [one["request_id"] for one in page["requests"]]
        cursor = page["next"]
    assert seen == ids[::-1]
    erasures = client.get("/v1/requests", params={"kind": "erasure", "status": "running"}).json()["requests"]
    assert [one["request_id"] for one in erasures] == [ids[3], ids[2], ids[0]]
    received = client.get(f"/v1/requests/{ids[2]}").json()["received_at"]
    assert client.get("/v1/requests", params={"received_before": "2020-01-01T00:00:00Z"}).json()["requests"] == []
    assert len(client.get("/v1/requests", params={"received_from": received}).json()["requests"]) >= 3
    client.headers.update(key("submitter", name="crm"))
    assert client.get("/v1/requests").json() == {"requests": [], "next": None}
    assert client.get("/v1/requests", params={"cursor": "AAAA"}).json()["type"] == "urn:consent:problem:bad-cursor"


def test_deliveries_are_paged_filtered_and_streamed(client: httpx.Client, context: Context, rows: Rows) -> None:
    place = submit(client, *({"user_id": f"u-{n}"} for n in range(1, 6))).headers["location"] + "/deliveries"
    settle(context, rows, "refused", "rejected")
    whole = client.get(place).json()["deliveries"]
    assert [(one["vendor"], one["line"]) for one in whole] == [
        (vendor, line) for vendor in ("dfinery", "insider") for line in range(1, 6)
    ]
    assert (whole[5]["outcome"], whole[5]["reason"], whole[6]["outcome"]) == ("refused", "rejected", "pending")
    assert (whole[5]["done"], whole[6]["done"]) == ("Not done, or not to the end: the vendor refused it.", None)
    seen, cursor = [], None
    while cursor is not None or not seen:
        page = client.get(place, params={"limit": 3, **({"cursor": cursor} if cursor else {})}).json()
        seen += page["deliveries"]
        cursor = page["next"]
    assert seen == whole
    assert client.get(place, params={"outcome": "refused"}).json()["deliveries"] == [whole[5]]
    assert client.get(place, params={"outcome": "pending", "vendor": "insider"}).json()["deliveries"] == whole[6:]
    assert client.get(place, params={"outcome": "absent"}).json()["deliveries"] == []
    streamed = client.get(place, headers={"Accept": "application/x-ndjson"})
    assert [httpx.Response(200, content=line).json() for line in streamed.text.splitlines()] == whole


def test_deeds_go_through_the_desk_and_are_signed(client: httpx.Client, context: Context, rows: Rows) -> None:
    request_id = submit(client).json()["request_id"]
    settle(context, rows, "exhausted", "busy")
    at = f"/v1/requests/{request_id}"
    found = client.get("/v1/attention", params={"request_id": request_id}).json()
    assert (found["deliveries"], found["groups"][0]["vendor"]) == (1, "insider")
    assert found["groups"][0]["what_to_do"]
    again = client.post(f"{at}/retry", json={"vendor": "insider"})
    assert again.json() == {"deliveries": 1, "vendors": {"insider": 1}, "without_session": 0, "unreachable": 0}
    assert client.post(f"{at}/retry").json()["deliveries"] == 0
    assert client.post(f"{at}/retry", json={"reason": "no such"}).status_code == 422
    extended = client.post(f"{at}/extend", json={"months": 1, "because": "many at once"})
    assert extended.json()["due_reason"] == "many at once"
    assert client.post(f"{at}/extend", json={"months": 1, "because": "many at once"}).json() == extended.json()
    assert client.post(f"{at}/extend", json={"months": 3, "because": "more"}).status_code == 409
    for neither_nor_both in ({}, {"months": 1, "days": 1}):
        assert client.post(f"{at}/extend", json={**neither_nor_both, "because": "more"}).status_code == 422
    named = client.post(f"{at}/extend", json={"months": 1, "because": "jane@private.example asked"})
    assert (named.status_code, named.json()["errors"][0]["field"]) == (422, "because")
    assert client.post(f"{at}/confirm").status_code == 409
    assert client.post(f"{at}/forget", json={"because": "asked for"}).status_code == 409, "it still runs"
    assert client.post(f"{at}/cancel").json()["status"] == "cancelled"
    assert client.post(f"{at}/retry").status_code == 409
    forgotten = client.post(f"{at}/forget", json={"because": "asked for"})
    assert forgotten.status_code == 200, forgotten.text
    told = client.get(at).json()
    assert (told["forgotten"], told["forgotten_at"]) == (True, forgotten.json()["forgotten_at"])
    deeds = rows("SELECT by, deed FROM notes ORDER BY id")
    assert deeds == [("key:shop", deed) for deed in ("retry", "extend", "cancel", "forget")]
    assert client.post(f"/v1/requests/{uuid4()}/cancel").status_code == 404


def test_a_large_request_is_confirmed_by_somebody_else(client: httpx.Client, rows: Rows, key: Key) -> None:
    request_id = submit(client).json()["request_id"]
    rows("UPDATE requests SET status = 'unconfirmed'")
    assert client.post(f"/v1/requests/{request_id}/confirm").status_code == 409  # who submitted it
    client.headers.update(key("operator", name="boss"))
    assert client.post(f"/v1/requests/{request_id}/confirm").status_code == 200
    assert rows("SELECT status::text, confirmed_by FROM requests") == [("running", "key:boss")]


def test_a_person_is_found_by_what_stands_in_the_body(client: httpx.Client) -> None:
    request_id = submit(client).json()["request_id"]
    found = client.post("/v1/people/lookup", json={"email": "JANE-1@private.example"}).json()["requests"]
    assert [(one["request_id"], one["line"]) for one in found] == [(request_id, 1)]
    assert client.post("/v1/people/lookup", json={"user_id": "nobody-else"}).json() == {"requests": []}
    nobody = client.post("/v1/people/lookup", json={})
    assert (nobody.status_code, nobody.json()["type"]) == (422, "urn:consent:problem:unusable")
    assert client.post("/v1/people/lookup", json={"email": "no address"}).json()["errors"][0]["field"] == "email"


def test_a_vendor_is_held_and_resumed(client: httpx.Client, rows: Rows) -> None:
    held = client.post("/v1/vendors/insider/hold").json()
    assert (held["held_reason"], held["held_by"]) == ("by_hand", "key:shop")
    listed = {one["name"]: one["held_by"] for one in client.get("/v1/vendors").json()["vendors"]}
    assert listed == {"dfinery": None, "insider": "key:shop"}
    assert client.post("/v1/vendors/insider/resume").json()["held_at"] is None
    assert client.post("/v1/vendors/acme/hold").status_code == 404


def test_a_ledger_from_a_backup_says_so_and_lets_no_single_vendor_go(
    client: httpx.Client, stranger: httpx.Client, engine: Engine
) -> None:
    with engine.begin() as connection:
        assert restored.note(connection, 10, 20, b"r" * 32)
    ready = stranger.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "ok"), "it takes requests"
    assert "consent restored" in ready.json()["notes"]["restored"]
    refused = client.post("/v1/vendors/insider/resume")
    assert (refused.status_code, "consent restored" in refused.json()["detail"]) == (409, True)
    held = {one["name"]: one["held_reason"] for one in client.get("/v1/vendors").json()["vendors"]}
    assert held == dict.fromkeys(held, "restored")


def test_a_vendor_is_switched_off_and_on_and_retired(client: httpx.Client, rows: Rows) -> None:
    off = client.post("/v1/vendors/dfinery/off").json()
    assert (off["enabled"], off["off_by"], off["served"]) == (False, "key:shop", False)
    while (told := submit(client, vendors=["dfinery"])).status_code == 201:  # what is known of vendors is a second old
        time.sleep(0.1)
    assert (told.status_code, "known are insider" in told.json()["detail"]) == (422, True)
    on = client.post("/v1/vendors/dfinery/on").json()
    assert (on["enabled"], on["off_by"]) == (True, None)

    while (taken := submit(client, vendors=["dfinery"])).status_code == 422:
        time.sleep(0.1)
    request_id = taken.json()["request_id"]
    named = client.post("/v1/vendors/dfinery/retire", json={"because": "jane@private.example asked"})
    assert (named.status_code, named.json()["errors"][0]["field"]) == (422, "because")
    assert client.post("/v1/vendors/dfinery/retire").status_code in {400, 415, 422}
    retired = client.post("/v1/vendors/dfinery/retire", json={"because": "the contract has ended"})
    assert retired.json()["pending"] >= 1
    found = client.get(f"/v1/requests/{request_id}").json()
    assert (found["status"], found["vendors"]) == ("completed", {"dfinery": {"pending": 0, "cancelled": 1}})
    states = {one["name"]: one["retired_at"] is not None for one in client.get("/v1/vendors").json()["vendors"]}
    assert states == {"dfinery": True, "insider": False}
    for path, body in (("on", None), ("off", None), ("retire", {"because": "gone"})):
        assert client.post(f"/v1/vendors/acme/{path}", json=body).status_code == 404
    assert rows("SELECT deed, because FROM audit_entries WHERE deed LIKE 'vendor%' ORDER BY id") == [
        ("vendor off", None),
        ("vendor on", None),
        ("vendor retire", "the contract has ended"),
    ]
    entries = "SELECT count(*) FROM audit_entries WHERE target = 'dfinery' AND allowed"
    assert rows(entries) == [(3,)], "one each, written with the deed"


def test_health_is_open_and_tells_what_is_missing(stranger: httpx.Client, rows: Rows) -> None:
    assert stranger.get("/healthz").json() == {"status": "ok", "checks": {}}
    assert stranger.get("/readyz").json() == {"status": "ok", "checks": {"postgres": "ok", "redis": "ok"}}
    ((newest,),) = rows("SELECT version_num FROM alembic_version")
    rows("UPDATE alembic_version SET version_num = '0000'")
    try:
        behind = stranger.get("/readyz")
        assert behind.status_code == 503
        assert behind.json()["checks"]["postgres"].startswith("not migrated")
    finally:
        rows("UPDATE alembic_version SET version_num = :newest", newest=newest)


def test_a_redis_that_hangs_keeps_nobody_from_reading(
    context: Context, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "WITHIN_S", 3_600.0)
    hangs = threading.Event()
    stuck = replace(context, redis_answers=lambda: not hangs.wait(120))
    try:
        with serving(create_app(stuck)) as url, ThreadPoolExecutor(8) as many:
            asked = [many.submit(httpx.get, f"{url}/readyz", timeout=60) for _ in range(8)]
            deadline = time.monotonic() + 60
            while context.checks._inside < 8:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            assert httpx.get(f"{url}/v1/vendors", headers=key(), timeout=60).status_code == 200
            assert not any(one.done() for one in asked)
            monkeypatch.setattr(health, "WITHIN_S", 0.2)
            answers = [httpx.get(f"{url}/readyz", timeout=60)]  # which does not wait for the others
            hangs.set()
            answers += [one.result() for one in asked]
            assert {one.status_code for one in answers} == {503}
            assert {one.json()["checks"]["redis"] for one in answers} == {"away"}
    finally:
        hangs.set()


def test_also_what_the_framework_refuses_is_a_problem(client: httpx.Client) -> None:
    for method, path, status in (("GET", "/v1/jane@private.example", 404), ("PUT", "/healthz", 405)):
        answer = client.request(method, path)
        assert (answer.status_code, answer.json()["status"]) == (status, status)
        assert answer.headers["content-type"] == "application/problem+json"
        assert "jane" not in answer.text


def test_who_cannot_be_found_is_counted_accepted_and_told_of(
    client: httpx.Client, context: Context, rows: Rows
) -> None:
    receipt = submit(client, {"email": "jane-1@private.example"}).json()
    assert receipt["unreachable"] == {"dfinery": 1}
    settle(context, rows, "unreachable", "no_identifier", "dfinery")
    one = f"/v1/requests/{receipt['request_id']}"
    (group,) = client.get("/v1/attention").json()["groups"]
    assert (group["vendor"], group["outcome"], group["reason"]) == ("dfinery", "unreachable", "no_identifier")
    assert "vendors.dfinery.user_id" in group["what_to_do"]
    missing = {"deliveries": 1, "reason": "no_identifier", "give": "user_id", "accepted_by": None}
    assert client.get(one).json()["missing_identifiers"] == {"dfinery": missing}
    assert client.post(f"{one}/accept", json={"vendor": "dfinery"}).status_code == 422
    accepted = client.post(f"{one}/accept", json={"vendor": "dfinery", "because": "known by e-mail only"})
    assert accepted.json() == {"request_id": receipt["request_id"], "deliveries": 1}
    assert client.get("/v1/attention").json() == {"deliveries": 0, "groups": [], "withheld": []}
    assert client.get(one).json()["missing_identifiers"]["dfinery"]["accepted_by"] == "key:shop"
    assert client.get(one).json()["vendors"]["dfinery"] == {"pending": 0, "unreachable": 1}


def test_it_may_be_accepted_with_the_request(client: httpx.Client, rows: Rows) -> None:
    submit(client, {"email": "jane-1@private.example"}, accept_unreachable=True)
    upload = client.post(
        "/v1/requests/upload?kind=opt_out&accept_unreachable=true",
        content=b"email\njane-2@private.example\n",
        headers={"Content-Type": "text/csv"},
    )
    assert upload.json()["unreachable"] == {"dfinery": 1}
    assert rows("SELECT request_id, by, deed FROM notes ORDER BY id") == [
        (1, "key:shop", "accept"),
        (2, "key:shop", "accept"),
    ]
    assert submit(client, JANE, accept_unreachable="yes").status_code == 422


def test_what_it_is_called_is_told_to_who_may_act_on_it(
    client: httpx.Client, key: Callable[..., dict[str, str]]
) -> None:
    called, plain = (
        f"/v1/requests/{submit(client, JANE, **more).json()['request_id']}" for more in ({"reference": "DSR 7"}, {})
    )
    assert [client.get(at).json()["reference"] for at in (called, plain)] == ["DSR 7", None]
    assert client.get(called, headers=key("reader", "looker")).json()["reference"] is None


def test_a_status_is_told_though_the_key_of_the_request_was_given_up(client: httpx.Client, rows: Rows) -> None:
    at = f"/v1/requests/{submit(client, JANE, reference='DSR 7').json()['request_id']}"
    give_up_master_key(rows)
    told = client.get(at)
    assert (told.status_code, told.json()["reference"]) == (200, None)


def test_what_it_is_called_is_kept_sealed_and_stands_in_no_address(client: httpx.Client, rows: Rows) -> None:
    submit(client, JANE, reference="DSR 7")
    headers = {"Content-Type": "text/csv", "Reference": "dsr 7"}
    assert (
        client.post("/v1/requests/upload?kind=opt_out", content=b"user_id\nu-1\n", headers=headers).status_code == 201
    )
    assert rows("SELECT count(*), count(DISTINCT print) FROM request_references") == [(2, 1)]
    (fault,) = submit(client, JANE, reference="a\nb").json()["errors"]
    assert fault == {"field": "reference", "problem": "must be 1 to 200 printable characters"}
    at = "/v1/requests/upload?kind=opt_out&reference=7"
    assert client.post(at, content=b"user_id\nu-1\n", headers=headers).status_code == 422
