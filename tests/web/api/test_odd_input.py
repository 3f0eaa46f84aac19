"""Odd but valid input: reported, and neither ignored nor a crash."""

import gzip
import json
import threading
from collections.abc import Callable

import httpx
import pytest

from domain.refused_values import WORDS
from ledger.desk.reports import Row
from tests.web.conftest import Rows
from web.api import lists
from web.bodies import MOST_OBJECTS, SMALL_JSON
from web.context import Context
from web.pool import BusyError

Key = Callable[..., dict[str, str]]
ANN = {"kind": "opt_out", "subjects": [{"user_id": "u-1"}]}
JSON, NDJSON = {"Content-Type": "application/json"}, {"Content-Type": "application/x-ndjson"}
PROBLEM = "urn:consent:problem:"


def told(answer: httpx.Response, status: int = 422) -> str:
    """The field of the only fault."""
    assert answer.status_code == status, answer.text
    (only,) = answer.json()["errors"]
    return str(only["field"])


def test_moments_are_text_with_a_time_zone_and_on_our_calendar(client: httpx.Client, rows: Rows) -> None:
    bad: tuple[object, ...] = (
        1_700_000_000,
        "1700000000",
        "2026-05-25",
        "2026-05-25T00:00:00",
        "0001-01-01T00:00:00+14:00",  # a year 0 in UTC
        "9999-12-31T23:59:59-14:00",
        "1899-12-31T23:59:59Z",
    )
    for moment in bad:
        # When somebody asked may be told by the day alone, when to begin may not.
        for field in ("not_before",) if moment == "2026-05-25" else ("effective_at", "not_before"):
            assert told(client.post("/v1/requests", json={**ANN, field: moment})) == field
            upload = {"kind": "opt_out", field: str(moment)}
            answer = client.post("/v1/requests/upload", params=upload, content=b"{}", headers=NDJSON)
            assert told(answer) == f"query.{field}"
    for moment in bad[:6]:
        for field in ("received_from", "received_before"):
            assert told(client.get("/v1/requests", params={field: str(moment)})) == f"query.{field}"
    # Nothing is kept of it here.
    assert client.get("/v1/requests", params={"received_from": str(bad[6])}).status_code == 200
    assert rows("SELECT count(*) FROM requests") == [(0,)]
    good = {**ANN, "effective_at": "1900-01-01T00:00:00+00:00"}
    place = client.post("/v1/requests", json=good).headers["location"]
    assert client.get(place).json()["effective_at"] == "1900-01-01T00:00:00.000Z"


def test_a_nul_in_a_name_is_a_fault_and_no_crash(stranger: httpx.Client, key: Key) -> None:
    assert told(stranger.post("/v1/session", json={"name": "a\0b", "password": "p"})) == "name"
    reason = stranger.get("/v1/attention", params={"reason": "a\0b"}, headers=key())
    assert told(reason) == "query.reason"


def test_an_origin_that_is_none_is_not_ours(stranger: httpx.Client) -> None:
    stranger.cookies.set(f"consent_session_{httpx.URL(str(stranger.base_url)).port}", "x")
    for origin in ("http://[", "null", "", "//", "http://"):
        refused = stranger.post("/v1/vendors/insider/hold", headers={"Origin": origin})
        assert (refused.status_code, refused.json()["type"]) == (403, f"{PROBLEM}other-site"), origin


def test_no_parameter_is_left_aside(client: httpx.Client, rows: Rows) -> None:
    upload = {"content": b'{"user_id": "u-1"}\n', "headers": NDJSON}
    misspelt = client.post("/v1/requests/upload?kind=erasure&vendor=dfinery", **upload)
    assert told(misspelt) == "query.vendor"
    assert told(client.post("/v1/requests/upload?kind=erasure&kind=opt_in", **upload)) == "query.kind"
    assert told(client.get("/v1/requests?stauts=running")) == "query.stauts"
    personal = client.get("/v1/vendors?jane@private.example=1")
    assert told(personal) == "query.(a key)"
    assert "jane" not in personal.text
    assert rows("SELECT count(*) FROM requests") == [(0,)]
    twice = client.post("/v1/requests/upload?kind=opt_out&vendors=dfinery&vendors=insider", **upload)
    assert twice.status_code == 201


def test_no_body_is_left_aside(client: httpx.Client, context: Context, rows: Rows) -> None:
    at = client.post("/v1/requests", json=ANN).headers["location"]
    for path in (f"{at}/cancel", f"{at}/confirm", "/v1/vendors/insider/hold", "/v1/vendors/insider/resume"):
        meant = client.post(path, json={"vendor": "dfinery"})
        assert (meant.status_code, meant.json()["detail"]) == (422, "this takes no body; nothing was done"), path
    assert client.post(f"{at}/retry", content=b'{"vendor": "dfinery"}').status_code == 415
    assert client.get(at).json()["status"] == "running"
    assert client.post(f"{at}/retry", headers=JSON).status_code == 200  # many clients always say so
    assert client.post(f"{at}/cancel", json={}).status_code == 200


def test_a_key_that_stands_twice_is_refused(client: httpx.Client, rows: Rows) -> None:
    for body in (
        b'{"kind": "opt_in", "kind": "erasure", "subjects": [{"user_id": "u-1"}]}',
        b'{"kind": "erasure", "subjects": [{"user_id": "u-1", "user_\\u0069d": "u-2"}]}',
    ):
        answer = client.post("/v1/requests", content=body, headers=JSON)
        assert answer.status_code == 422
        assert "a key twice" in answer.json()["detail"]
    large = {**ANN, "options": {"insider": {"whole": [{}] * MOST_OBJECTS}}}
    assert "objects" in client.post("/v1/requests", json=large).json()["detail"]
    assert rows("SELECT count(*) FROM requests") == [(0,)]


def test_compressed_bodies_are_refused(client: httpx.Client) -> None:
    packed = {"Content-Encoding": "gzip"}
    for path, form in (("/v1/requests", JSON), ("/v1/requests/upload?kind=opt_out", NDJSON)):
        answer = client.post(path, content=gzip.compress(b"{}"), headers={**form, **packed})
        assert (answer.status_code, answer.json()["type"]) == (415, f"{PROBLEM}encoded")
    as_it_is = {"Content-Encoding": "identity"}
    assert client.post("/v1/requests", json=ANN, headers=as_it_is).status_code == 201


def test_a_stranger_cannot_have_much_kept_in_memory(stranger: httpx.Client) -> None:
    login = json.dumps({"name": "ann", "password": "p"}).encode()
    assert stranger.post("/v1/session", content=login + b" " * SMALL_JSON, headers=JSON).status_code == 413


def test_names_of_parameters_are_told_and_values_are_not(client: httpx.Client) -> None:
    answer = client.post("/v1/requests", json=ANN, headers={"Idempotency-Key": "jane jones"})
    assert told(answer) == "header.Idempotency-Key"
    answer = client.get("/v1/requests/jane")
    assert answer.json()["errors"] == [{"field": "path.request_id", "problem": WORDS["uuid_parsing"]}]


def test_a_path_with_a_slash_too_many_leads_nowhere(client: httpx.Client) -> None:
    for answer in (client.get("/v1/requests/"), client.post("/v1/requests/", json=ANN)):
        assert (answer.status_code, answer.json()["type"]) == (404, f"{PROBLEM}not-found")


def test_every_method_that_a_path_takes_is_told(client: httpx.Client) -> None:
    for path, methods in (("/v1/requests", "GET, POST"), ("/v1/session", "DELETE, GET, POST"), ("/healthz", "GET")):
        answer = client.patch(path)
        assert (answer.status_code, answer.headers["allow"]) == (405, methods)


def test_the_last_page_says_so_and_an_unknown_vendor_is_no_empty_page(client: httpx.Client) -> None:
    people = [{"user_id": f"u-{n}"} for n in range(3)]
    place = client.post("/v1/requests", json={**ANN, "subjects": people}).headers["location"] + "/deliveries"
    assert client.get("/v1/requests", params={"limit": 1}).json()["next"] is None
    assert client.get(place, params={"limit": 6}).json()["next"] is None
    assert client.get(place, params={"limit": 5}).json()["next"] is not None
    unknown = client.get(place, params={"vendor": "acme"})
    assert (unknown.status_code, unknown.json()["type"]) == (404, f"{PROBLEM}no-such-vendor")


def test_a_stream_waits_where_the_ledger_is_busy(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    place = client.post("/v1/requests", json=ANN).headers["location"] + "/deliveries"
    whole, refused = lists._Pages.lines, [True, True, False, True, False]

    def busy(pages: lists._Pages, after: tuple[str, int]) -> tuple[bytes, tuple[str, int]] | None:
        if refused.pop(0):
            raise BusyError
        return whole(pages, after)

    monkeypatch.setattr(lists._Pages, "lines", busy)
    streamed = client.get(place, headers={"Accept": "application/x-ndjson"})
    assert len(streamed.text.splitlines()) == 2
    assert refused == []


def test_rows_are_written_by_threads_and_not_where_everybody_waits(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = client.post("/v1/requests", json=ANN).headers["location"] + "/deliveries"
    whole: Callable[[object, Row], dict[str, object]] = lists._Pages._as_json
    writers: set[str] = set()

    def told(pages: object, row: Row) -> dict[str, object]:
        writers.add(threading.current_thread().name.partition("_")[0])
        return whole(pages, row)

    monkeypatch.setattr(lists._Pages, "_as_json", told)
    page = client.get(place).json()["deliveries"]
    streamed = client.get(place, headers={"Accept": "application/x-ndjson"}).text.splitlines()
    assert [json.loads(line) for line in streamed] == page
    assert writers == {"reads"}
