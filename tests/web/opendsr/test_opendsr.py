"""OpenDSR as a controller meets it: over HTTP, at the real ledger, signatures checked by the certificate."""

import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from fastapi.routing import APIRoute

from adapters.receivers import Rules
from config.opendsr import OpenDsrSettings
from config.opendsr_signer import find_signer
from domain.opendsr import Version
from domain.signing import Signer
from local.signing_pair import self_signed
from tests import shifted_clock
from tests.web.conftest import Rows
from tests.web.serving import serving
from web.app import create_app
from web.context import Context
from web.opendsr import answers
from web.opendsr.answers import Processor
from web.opendsr.routes import router

VERSIONS = ("v2", "v3")
EMAIL = "johndoe@private.example"
Key = Callable[..., dict[str, str]]


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    folder = tmp_path_factory.mktemp("opendsr")
    (folder / "opendsr.pem").write_bytes(self_signed("localhost"))
    signer = find_signer(OpenDsrSettings(), folder)
    assert signer is not None
    return signer


@pytest.fixture
def url(context: Context, signer: Signer) -> Iterator[str]:
    with serving(create_app(context, Processor(signer, Rules(frozenset({"controller.example"}))))) as url:
        yield url


def request_for(version: str, **more: Any) -> dict[str, Any]:
    identities: Any = {"email": {"value": EMAIL, "encoding": "raw"}}
    if version == "v2":
        identities = [{"identity_type": "email", "identity_value": EMAIL, "identity_format": "raw"}]
    return {
        "regulation": "gdpr",
        "subject_request_id": str(uuid4()),
        "subject_request_type": "erasure",
        "submitted_time": "2018-10-02T15:00:00Z",
        "subject_identities": identities,
        "api_version": f"{version[1]}.0",
        **more,
    }


@pytest.mark.parametrize(("ahead", "given", "status"), [(-60, 0, 201), (60, 30, 400), (0, 6, 400), (0, 4, 201)])
def test_when_it_was_submitted_is_checked_by_postgresqls_clock(
    client: httpx.Client, rows: Rows, monkeypatch: pytest.MonkeyPatch, *, ahead: int, given: int, status: int
) -> None:
    shifted_clock.host(monkeypatch, timedelta(minutes=ahead))
    ((now,),) = rows("SELECT now()")
    asked = request_for("v2", submitted_time=(now + timedelta(minutes=given)).isoformat())
    answer = client.post("/opendsr/v2/requests", json=asked)
    assert answer.status_code == status, answer.text
    if status != 201:
        assert answer.json()["error"]["message"].startswith("submitted_time is in the future")
    assert rows("SELECT count(*) FROM requests") == [(int(status == 201),)]


def check_signature(answer: httpx.Response, certificate: bytes) -> None:
    """As section 8.8 and mParticle's page have it: by the certificate alone, over the bytes that came."""
    own = x509.load_pem_x509_certificate(certificate)
    names = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert answer.headers["X-OpenDSR-Processor-Domain"] in names.get_values_for_type(x509.DNSName)
    public = own.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    public.verify(b64decode(answer.headers["X-OpenDSR-Signature"]), answer.content, padding.PKCS1v15(), SHA256())


@pytest.mark.parametrize("version", VERSIONS)
def test_anybody_may_discover_what_is_supported_and_who_signs(stranger: httpx.Client, version: str) -> None:
    answer = stranger.get(f"/opendsr/{version}/discovery")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    found = answer.json()
    assert set(found) == {
        "api_version",
        "supported_identities",
        "supported_subject_request_types",
        "processor_certificate",
    }
    assert (found["api_version"], found["supported_subject_request_types"]) == (f"{version[1]}.0", ["erasure"])
    assert {"identity_type": "email", "identity_format": "raw"} in found["supported_identities"]
    certificate = stranger.get(found["processor_certificate"])
    assert certificate.status_code == 200
    check_signature(answer, certificate.content)
    assert stranger.get(f"/opendsr/{version}/discovery/").content == answer.content


@pytest.mark.parametrize("version", VERSIONS)
def test_a_request_is_taken_told_of_and_cancelled(
    client: httpx.Client, signer: Signer, rows: Rows, version: str
) -> None:
    began = datetime.now(UTC).replace(microsecond=0)
    asked = request_for(version)
    body = json.dumps(asked, indent=1).encode()
    taken = client.post(f"/opendsr/{version}/requests", content=body, headers={"Content-Type": "application/json"})
    assert (taken.status_code, taken.headers["content-type"]) == (201, "application/json"), taken.text
    check_signature(taken, signer.certificate)
    receipt = taken.json()
    assert set(receipt) == {
        "controller_id",
        "expected_completion_time",
        "received_time",
        "encoded_request",
        "subject_request_id",
    }
    assert (receipt["controller_id"], receipt["subject_request_id"]) == ("shop", asked["subject_request_id"])
    assert b64decode(receipt["encoded_request"]) == body
    received = datetime.fromisoformat(receipt["received_time"])
    assert began <= received <= datetime.now(UTC)
    assert receipt["expected_completion_time"] == "2018-11-02T15:00:00Z"  # a month after submitted_time
    assert rows("SELECT CAST(kind AS text), submitted_by FROM requests") == [("erasure", "key:shop")]

    one = f"/opendsr/{version}/requests/{asked['subject_request_id']}"
    status = client.get(one)
    assert status.status_code == 200
    check_signature(status, signer.certificate)
    told = status.json()
    assert (told["request_status"], told["api_version"]) == ("pending", f"{version[1]}.0")
    assert told["expected_completion_time"] == receipt["expected_completion_time"]
    assert [vendor["name"] for vendor in told["extensions"]["localhost"]["distribution_status"]] == [
        "dfinery",
        "insider",
    ]
    assert client.get(one.replace("requests", "status")).json() == told

    cancelled = client.delete(one)
    assert cancelled.status_code == 202
    check_signature(cancelled, signer.certificate)
    assert {**cancelled.json(), "received_time": None, "expected_completion_time": None} == {
        "controller_id": "shop",
        "subject_request_id": asked["subject_request_id"],
        "received_time": None,
        "api_version": f"{version[1]}.0",
        "expected_completion_time": None,
    }
    assert client.get(one).json()["request_status"] == "cancelled"
    assert client.delete(one).status_code == 202
    ours = told["extensions"]["localhost"]["request_id"]
    assert client.get(f"/v1/requests/{ours}").json()["status"] == "cancelled"
    withdrawal = f"DELETE /opendsr/{version}/requests/{{subject_request_id}}"
    assert rows("SELECT by, deed FROM audit_entries WHERE target = :ours ORDER BY id", ours=ours) == [
        ("key:shop", "submit"),  # in the same transaction; the answer adds none
        ("key:shop", withdrawal),
        ("key:shop", withdrawal),
    ]


def test_the_same_again_is_answered_the_same_and_other_content_is_a_conflict(client: httpx.Client, rows: Rows) -> None:
    asked = request_for("v2")
    first = client.post("/opendsr/v2/requests", json=asked)
    again = client.post("/opendsr/v2/requests/", json=asked)
    assert (again.status_code, again.json()) == (201, first.json())
    other = client.post("/opendsr/v2/requests", json={**asked, "regulation": "ccpa"})
    assert other.status_code == 409
    assert other.json()["error"]["code"] == 409
    assert rows("SELECT count(*) FROM requests") == [(1,)]


def test_a_request_of_one_version_can_be_asked_after_in_the_other(client: httpx.Client) -> None:
    asked = request_for("v3", group_id="spring")
    client.post("/opendsr/v3/requests", json=asked)
    there = client.get(f"/opendsr/v2/requests/{asked['subject_request_id']}").json()
    assert "group_id" not in there
    group = client.get("/opendsr/v3/requests", params={"group_id": "spring"}).json()
    assert [(one["group_id"], one["subject_request_id"], one["results_url"]) for one in group] == [
        ("spring", asked["subject_request_id"], None)
    ]
    assert client.get("/opendsr/v3/requests", params={"group_id": "autumn"}).json() == []
    assert client.get("/opendsr/v3/requests").status_code == 400


def test_a_controller_is_its_key_and_sees_nobody_elses(
    stranger: httpx.Client, key: Key, signer: Signer, rows: Rows
) -> None:
    asked = request_for("v2")
    shop, other, auditor = key("submitter", "shop"), key("submitter", "crm"), key("reader", "auditor")
    assert stranger.post("/opendsr/v2/requests", json=asked, headers=shop).status_code == 201
    one = f"/opendsr/v2/requests/{asked['subject_request_id']}"
    assert stranger.get(one, headers=shop).json()["controller_id"] == "shop"
    for who in (other, auditor):
        missing = stranger.get(one, headers=who)
        assert (missing.status_code, missing.json()["error"]["code"]) == (404, 404)
    assert stranger.get(one, headers=key("reader", "shop")).status_code == 200
    assert stranger.delete(one, headers=other).status_code == 404
    denied = rows("SELECT by, target, status FROM audit_entries WHERE NOT allowed ORDER BY id")
    told = (asked["subject_request_id"], 404)
    assert denied == [("key:crm", *told), ("key:auditor", *told), ("key:crm", *told)]
    assert stranger.delete(one, headers=key("reader", "shop")).status_code == 403
    for refused in (stranger.get(one), stranger.post("/opendsr/v2/requests", json=asked), stranger.delete(one)):
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")
        assert refused.json()["error"]["errors"][0]["domain"] == "Authentication"
        check_signature(refused, signer.certificate)


def test_who_is_not_let_in_costs_one_signature_however_often(
    context: Context, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed: list[bytes] = []
    headers = Signer.headers

    def counted(signer: Signer, body: bytes) -> dict[str, str]:
        signed.append(body)
        return headers(signer, body)

    monkeypatch.setattr(Signer, "headers", counted)
    answers._signed_once.cache_clear()
    with serving(create_app(context, Processor(signer, Rules()))) as url:
        for number in range(4):
            shown = {"Authorization": f"Bearer {number}"} if number % 2 else {}
            answer = httpx.get(f"{url}/opendsr/v2/requests/{uuid4()}", headers=shown)
            assert answer.status_code == 401
            check_signature(answer, signer.certificate)
    assert len(signed) == 1


def test_every_path_but_discovery_is_shut(stranger: httpx.Client) -> None:
    for version in Version:
        for route in router(version).routes:
            assert isinstance(route, APIRoute)
            for method in route.methods:
                answer = stranger.request(method, route.path.format(subject_request_id=uuid4()))
                assert answer.status_code == (200 if "/discovery" in route.path else 401), route.path


@pytest.mark.parametrize("version", VERSIONS)
def test_refusals_are_the_specifications_error_object_and_tell_nothing(
    client: httpx.Client, signer: Signer, rows: Rows, version: str
) -> None:
    answer = client.post(f"/opendsr/{version}/requests", json=request_for(version, subject_request_id=EMAIL))
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json;charset=UTF-8")
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    check_signature(answer, signer.certificate)
    message = "subject_request_id must be a UUID of version 4 in lower case"
    error = {
        "code": 400,
        "message": message,
        "errors": [{"domain": "Validation", "reason": "invalid", "message": message}],
    }
    # mParticle's examples of the 3.0 shape have it at the top.
    assert answer.json() == ({"error": error} if version == "v2" else {"error": error, **error})
    assert EMAIL not in answer.text
    assert rows("SELECT count(*) FROM requests") == [(0,)]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"subject_request_type": "access"}, "subject_request_type is not supported here"),
        ({"subject_request_type": "portability"}, "subject_request_type is not supported here"),
        (
            {"subject_identities": {"email": {"value": EMAIL, "encoding": "sha256"}}},
            "subject_identities.email.encoding",
        ),
        ({"subject_identities": {"roku_publisher_id": {"value": "x", "encoding": "raw"}}}, "subject_identities nobody"),
        ({"status_callback_urls": ["http://controller.example/"]}, "status_callback_urls.0 is not https"),
        (
            {"status_callback_urls": ["https://controller.example/", f"https://{EMAIL}.example/"]},
            "status_callback_urls.1 ",
        ),
    ],
)
def test_what_is_not_supported_is_said_by_its_place(client: httpx.Client, change: dict[str, Any], says: str) -> None:
    answer = client.post("/opendsr/v3/requests", json=request_for("v3", **change))
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(says)
    assert EMAIL not in answer.text


def test_bodies_that_are_none_are_refused_cheaply(client: httpx.Client) -> None:
    def post(content: bytes, media_type: str = "application/json") -> tuple[int, int]:
        answer = client.post("/opendsr/v2/requests", content=content, headers={"Content-Type": media_type})
        return answer.status_code, answer.json()["error"]["code"]

    assert post(b"{") == (400, 400)
    assert post(b"[" * 60_000) == (400, 400)
    assert post(json.dumps(request_for("v2")).encode(), "text/plain") == (400, 400)
    assert post(b" " * 70_000) == (413, 413)
    for method in ("GET", "DELETE"):
        assert client.request(method, f"/opendsr/v2/requests/{EMAIL}").status_code == 400
        assert client.request(method, f"/opendsr/v2/requests/{uuid4()}").status_code == 404


def test_what_has_begun_is_not_cancelled(client: httpx.Client, rows: Rows, context: Context) -> None:
    asked = request_for("v2", extensions={"localhost": {"request_kind": "opt_out"}})
    client.post("/opendsr/v2/requests", json=asked)
    assert rows("SELECT CAST(kind AS text) FROM requests") == [("opt_out",)]
    rows("UPDATE chunks SET starts = 1 WHERE vendor_id = 1 RETURNING id")
    one = f"/opendsr/v2/requests/{asked['subject_request_id']}"
    assert client.get(one).json()["request_status"] == "in_progress"
    refused = client.delete(one)
    assert (refused.status_code, refused.json()["error"]["errors"][0]["reason"]) == (400, "not_pending")
    assert client.get(one).json()["request_status"] == "in_progress"


def test_without_a_key_that_signs_the_door_is_shut(context: Context) -> None:
    with serving(create_app(context)) as url:
        assert httpx.get(f"{url}/opendsr/v2/discovery").status_code == 404
