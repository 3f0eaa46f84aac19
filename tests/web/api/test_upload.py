"""Uploads: streamed, all of it or nothing, whatever the client does half-way."""

import gzip
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
import pytest

from domain.emails import NO_EMAIL
from tests.web.conftest import Rows
from web import upload_stream
from web.context import Context
from web.pool import Pool

NDJSON, CSV = {"Content-Type": "application/x-ndjson"}, {"Content-Type": "text/csv; charset=utf-8"}
AT = "/v1/requests/upload?kind=erasure"
Key = Callable[..., dict[str, str]]


def people(count: int) -> Iterator[bytes]:
    for n in range(count):
        yield json.dumps({"user_id": f"jane-{n}", "email": f"jane-{n}@private.example"}).encode() + b"\n"


def test_ndjson_and_csv_become_requests(client: httpx.Client, rows: Rows) -> None:
    answer = client.post(AT, content=people(3_000), headers=NDJSON)
    assert answer.status_code == 201, answer.text
    assert answer.json()["subjects"] == 3_000
    table = b"user_id,insider.insider_id\nu-1,\nu-2,i-2\nu-1,\n"
    more = {"vendors": "insider", "options": '{"insider": {"whole": ["city"]}}', "not_before": "2026-11-01T00:00:00Z"}
    answer = client.post("/v1/requests/upload", params={"kind": "opt_out", **more}, content=table, headers=CSV)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["subjects"], answer.json()["duplicates"]) == (2, 1)
    assert rows("SELECT kind::text, cardinality(vendor_ids) FROM requests ORDER BY id") == [
        ("erasure", 2),
        ("opt_out", 1),
    ]


def test_an_upload_is_due_by_the_earliest_of_its_people(client: httpx.Client, rows: Rows) -> None:
    table = b"user_id,asked_at\nu-1,2026-10-09T08:00:00Z\nu-2,2026-10-02T08:00:00+02:00\nu-3,\n"
    params = {"kind": "erasure", "regulation": "ccpa", "asked_at": "2026-10-05T00:00:00Z"}
    assert client.post("/v1/requests/upload", params=params, content=table, headers=CSV).status_code == 201
    assert rows("SELECT asked_at = '2026-10-02T06:00Z', effective_at, due_at = '2026-11-16T06:00Z' FROM requests") == [
        (True, datetime(2026, 10, 9, 8, tzinfo=UTC), True)
    ]
    params = {"kind": "erasure", "regulation": "hipaa"}
    assert client.post("/v1/requests/upload", params=params, content=table, headers=CSV).status_code == 422


def test_the_same_upload_under_one_key_is_one_request(client: httpx.Client, rows: Rows) -> None:
    headers = {**NDJSON, "Idempotency-Key": "file-7"}
    first = client.post(AT, content=people(1_500), headers=headers)
    again = client.post(AT, content=people(1_500), headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["request_id"] == first.json()["request_id"]
    assert client.post(AT, content=people(1_501), headers=headers).status_code == 409
    assert rows("SELECT count(*) FROM requests") == [(1,)]


def test_faults_are_told_by_line_and_nothing_is_recorded(client: httpx.Client, rows: Rows) -> None:
    content = b"".join(people(1_200)) + b'{"email": "secret"}\nsecret\n' * 30
    answer = client.post(AT, content=content, headers=NDJSON)
    assert answer.status_code == 422
    told = answer.json()
    assert told["errors"][0] == {"line": 1_201, "field": "email", "problem": NO_EMAIL}
    assert (len(told["errors"]), told["errors_total"]) == (20, 60)
    assert "secret" not in answer.text
    assert client.post(AT, content=b"", headers=NDJSON).status_code == 422
    assert rows("SELECT count(*) FROM requests") == [(0,)]
    assert rows("SELECT count(*) FROM subjects") == [(0,)]


def test_what_is_not_asked_for_rightly_is_refused_before_it_is_read(client: httpx.Client) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 65_536

    for params, headers, status in (
        ({"kind": "forget"}, NDJSON, 422),
        ({"kind": "erasure", "options": "[1]"}, NDJSON, 422),
        ({"kind": "erasure", "vendors": "akinon"}, NDJSON, 422),
        ({"kind": "erasure"}, {"Content-Type": "multipart/form-data; boundary=x"}, 415),
        ({"kind": "erasure", "region": "XX"}, NDJSON, 422),
        ({"kind": "erasure", "map": "Kundennummer"}, NDJSON, 422),
    ):
        try:
            answer = client.post("/v1/requests/upload", params=params, content=endless(), headers=headers)
        except httpx.TransportError:  # it hung up on us while we were still sending, as it should
            continue
        assert answer.status_code == status


def test_a_body_beyond_the_limit_leaves_nothing(
    client: httpx.Client, rows: Rows, monkeypatch: pytest.MonkeyPatch, context: Context
) -> None:
    monkeypatch.setitem(context.settings.__dict__, "upload_max_bytes", 200_000)
    whole = b"".join(people(10_000))
    for content in (whole, people(10_000)):  # by its length, or while it streams
        with suppress(httpx.TransportError):  # it hangs up on who goes on sending
            assert client.post(AT, content=content, headers=NDJSON).status_code == 413
    assert rows("SELECT count(*) FROM subjects") == [(0,)]


def raw(url: str, headers: dict[str, str]) -> socket.socket:
    """A connection on which an upload without a known length has begun."""
    where = urlsplit(url)
    connection = socket.create_connection((where.hostname, where.port), timeout=20)
    lines = [f"POST {AT} HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", *(f"{k}: {v}" for k, v in headers.items())]
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    return connection


def send(connection: socket.socket, content: bytes) -> None:
    connection.sendall(b"%x\r\n%b\r\n" % (len(content), content))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_client_that_goes_away_leaves_nothing(url: str, context: Context, key: Key, rows: Rows) -> None:
    copying = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%COPY subjects%' AND pid <> pg_backend_pid()"
    copying += " AND state = 'active'"
    connection = raw(url, {**NDJSON, **key(), "Idempotency-Key": "cut"})
    send(connection, b"".join(people(20_000)))
    until(lambda: rows(copying) == [(1,)])  # it is being recorded
    connection.close()
    until(lambda: rows(copying) == [(0,)])
    until(lambda: context.uploads._inside == 0)
    assert rows("SELECT count(*) FROM requests") == rows("SELECT count(*) FROM subjects") == [(0,)]
    with httpx.Client(base_url=url, headers=key()) as client:  # the key and the thread are free again
        answer = client.post(AT, content=people(10), headers={**NDJSON, "Idempotency-Key": "cut"})
    assert answer.status_code == 201


def test_who_dribbles_is_cut_off(url: str, key: Key, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_stream, "BETWEEN_S", 0.3)
    connection = raw(url, {**NDJSON, **key()})
    send(connection, next(people(1)))
    assert connection.recv(65_536).startswith(b"HTTP/1.1 408")
    connection.close()
    # Steadily, but less than it must be; and what came fast at first buys no time.
    for at_first in (b"", b"".join(people(20_000))):
        dribble(url, {**NDJSON, **key()}, at_first)
    assert rows("SELECT count(*) FROM requests") == [(0,)]


def dribble(url: str, headers: dict[str, str], at_first: bytes) -> None:
    with raw(url, headers) as connection:
        if at_first:
            send(connection, at_first)
        began = time.monotonic()
        while time.monotonic() - began < 60:
            try:
                send(connection, b"\n")
            except OSError:
                break
            time.sleep(0.05)
        assert time.monotonic() - began < 60


def test_no_more_uploads_at_once_than_there_are_threads(url: str, context: Context, key: Key) -> None:
    assert isinstance(context.uploads, Pool)
    first, second = raw(url, {**NDJSON, **key()}), raw(url, {**NDJSON, **key()})
    until(lambda: context.uploads._inside == 2)
    with httpx.Client(base_url=url, headers=key()) as client:
        refused = client.post(AT, content=people(1), headers=NDJSON)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "10")
        single = {"kind": "erasure", "subjects": [{"user_id": "u-1"}]}
        assert client.post("/v1/requests", json=single).status_code == 201  # and nobody else waits for them
        others = client.post(AT, content=people(1), headers={**NDJSON, **key(name="crm")})
        assert others.status_code == 201  # half of the places are for other keys
    for connection in (first, second):
        connection.close()
    until(lambda: context.uploads._inside == 0)


def test_files_are_told_apart_by_content_and_read_as_the_query_says(client: httpx.Client, rows: Rows) -> None:
    table = "Nr;Handy;Notiz\nK-71;0151 23456789;x\n".encode("utf-16")
    query = {"kind": "erasure", "map": "Nr=user_id", "ignore": "notiz", "region": "de"}
    for content in (table, gzip.compress(table)):
        answer = client.post("/v1/requests/upload", params=query, content=content, headers=NDJSON)
        assert (answer.status_code, answer.json()["subjects"]) == (201, 1), answer.text
    array = b'[{"user_id": "u-7"}, {"user_id": "u-8"}]'
    answer = client.post(AT, content=array, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["subjects"]) == (201, 2), answer.text
    refused = client.post(AT, content=table, headers=CSV).json()["errors"]
    assert [fault["field"] for fault in refused] == ["column 1", "column 3"]
    assert client.post(AT, content=b"%PDF-1.7", headers=CSV).json()["errors"][0]["problem"].startswith("is a PDF")
