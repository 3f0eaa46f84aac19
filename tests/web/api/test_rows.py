"""Odd identifiers over HTTP: the same rules in bodies and uploads, and the same way to allow one."""

import json

import httpx
import pytest

from tests.web.conftest import Rows

CSV = {"Content-Type": "text/csv"}
UPLOAD = "/v1/requests/upload?kind=erasure"
BAD = [
    ({"user_id": "None"}, "user_id"),
    ({"user_id": "u-1\u200b"}, "user_id"),
    ({"user_id": "1.23457E+11"}, "user_id"),
    ({"email": "<a@x.org>"}, "email"),
    ({"phone_number": "+8201012345678"}, "phone_number"),
    ({"user_id": "u-1", "vendors": {"akinon": {"id": 1, "session_id": "s3ss10n"}}}, "vendors.akinon.id"),
    ({"user_id": "u-1", "vendors": {"b2core": {"profile_id": "#REF!"}}}, "vendors.b2core.profile_id"),
]


@pytest.mark.parametrize(("person", "field"), BAD)
def test_a_body_and_an_upload_refuse_the_same(client: httpx.Client, rows: Rows, person: object, field: str) -> None:
    body = client.post("/v1/requests", json={"kind": "erasure", "subjects": [{"user_id": "u-9"}, person]})
    assert body.status_code == 422
    assert [one["field"] for one in body.json()["errors"]] == [f"subjects.1.{field}"]
    content = '{"user_id": "u-9"}\n\n' + json.dumps(person)
    upload = client.post(UPLOAD, content=content.encode(), headers={"Content-Type": "application/x-ndjson"})
    assert [(one["line"], one["field"]) for one in upload.json()["errors"]] == [(3, field)]
    assert rows("SELECT count(*) FROM requests") == [(0,)]


def test_who_is_really_called_so_is_taken_by_saying_so(client: httpx.Client, rows: Rows) -> None:
    people = [{"user_id": "1"}, {"vendors": {"insider": {"insider_id": "guest"}}}]
    allowed = {"user_id": ["1"], "vendors.insider.insider_id": ["guest"]}
    refused = client.post("/v1/requests", json={"kind": "erasure", "subjects": people})
    assert "allow_placeholders" in refused.json()["detail"]
    for body in (  # wherever it stands among the fields
        {"allow_placeholders": allowed, "subjects": people, "kind": "erasure"},
        {"kind": "erasure", "subjects": people, "allow_placeholders": allowed},
    ):
        assert client.post("/v1/requests", json=body).status_code == 201
    half = {"kind": "erasure", "subjects": people, "allow_placeholders": {"user_id": ["1"]}}
    assert [one["field"] for one in client.post("/v1/requests", json=half).json()["errors"]] == [
        "subjects.1.vendors.insider.insider_id"
    ]
    header = {**CSV, "Allow-Placeholders": json.dumps({"user_id": ["1"]})}
    assert client.post(UPLOAD, content=b"user_id\n1\n", headers=CSV).status_code == 422
    assert client.post(UPLOAD, content=b"user_id\n1\n", headers=header).status_code == 201
    broken = client.post(UPLOAD, content=b"user_id\n1\n", headers={**CSV, "Allow-Placeholders": "user_id=1"})
    assert broken.json()["errors"][0]["field"] == "header.Allow-Placeholders"
    assert "user_id=1" not in broken.text
    assert rows("SELECT DISTINCT deed, reason FROM notes ORDER BY reason") == [
        ("allow_placeholders", "insider.insider_id (1), user_id (1)"),
        ("allow_placeholders", "user_id (1)"),
    ]


def test_an_empty_field_beside_a_good_one_is_told_and_left_aside(client: httpx.Client) -> None:
    people = [{"user_id": "u-1", "email": ""}, {"email": "a@example.org", "phone_number": " "}]
    answer = client.post("/v1/requests", json={"kind": "erasure", "subjects": people})
    assert (answer.status_code, answer.json()["left_aside"]) == (201, {"email": 1, "phone_number": 1})
    nobody = client.post("/v1/requests", json={"kind": "erasure", "subjects": [{"user_id": " "}]})
    assert nobody.status_code == 422


def test_crowds_are_told(client: httpx.Client) -> None:
    people = [{"user_id": f"u-{n}", "email": "shop@example.org"} for n in range(6)] + [{"user_id": "v"}] * 3
    answer = client.post("/v1/requests", json={"kind": "erasure", "subjects": people}).json()
    assert answer["crowds"] == [
        {"shared": "email", "values": 1, "people": 6, "most": 6},
        {"shared": "line", "values": 1, "people": 3, "most": 3},
    ]


def test_deliveries_and_lookups_name_the_line_of_the_file(client: httpx.Client) -> None:
    upload = client.post(UPLOAD, content=b"user_id\nu-1\n\nu-2\n", headers=CSV)
    at = upload.headers["location"]
    found = client.get(f"{at}/deliveries").json()["deliveries"]
    assert {(one["line"], one["file_line"]) for one in found} == {(1, 2), (2, 4)}
    streamed = client.get(f"{at}/deliveries", headers={"Accept": "application/x-ndjson"}).text.splitlines()
    assert {(one["line"], one["file_line"]) for one in map(json.loads, streamed)} == {(1, 2), (2, 4)}
    involved = client.post("/v1/people/lookup", json={"user_id": "u-2"}).json()["requests"]
    assert [(one["line"], one["file_line"]) for one in involved] == [(2, 4)]
    small = client.post("/v1/requests", json={"kind": "erasure", "subjects": [{"user_id": "u-7"}]})
    assert {one["file_line"] for one in client.get(f"{small.headers['location']}/deliveries").json()["deliveries"]} == {
        None
    }
