"""The check-up of vendors: what is sent, and what a person is told of the answer."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.contract import Answer, Verdict
from adapters.examine import examine
from adapters.registry import ADAPTERS, create
from adapters.transport import AnswerLostError, NotSentError, Transport
from cli.doctor.checkup import ADVICE, _advice, _opendsr
from config.opendsr import OpenDsrSettings
from config.settings import Settings
from domain.outcomes import Reason
from local.signing_pair import self_signed
from tests.table_rows import each_row

SECRET = "hunter2-hunter2"
SETTINGS: dict[str, dict[str, Any]] = {
    "akinon": {},
    "algonomy": {"client_id": "us", "client_secret": SECRET},
    "b2core": {"client_id": "us", "client_secret": SECRET},
    "dfinery": {"api_token": SECRET},
    "insider": {"partner_name": "us", "request_token": SECRET},
}
CHANGES_NOTHING = {
    ("akinon", "GET /users/profile/"),
    ("algonomy", "POST /oauth2/token"),
    ("b2core", "POST /tokens"),
    ("b2core", "GET /profiles"),
    ("dfinery", "POST /users/profile"),
    ("insider", "POST /api/user/v1/attribute/delete"),
}
GOOD = {
    "akinon": httpx.Response(401, json={}),
    "dfinery": httpx.Response(200, json={"result_code": 2000, "result_data": {}}),
    "insider": httpx.Response(400, json={"success": False, "message": "users is empty"}),
}
TOKEN = httpx.Response(200, json={"access_token": "t-1", "token_type": "bearer"})


def adapter_of(vendor: str) -> Any:
    model = ADAPTERS[vendor].settings_model
    return create(vendor, model(base_url="https://vendor.test", **SETTINGS[vendor]))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[httpx.Request]:
    """Requests that went out; `answers` (by path) are what came back."""
    requests: list[httpx.Request] = []

    async def send(_: Transport, request: httpx.Request) -> httpx.Response:
        requests.append(request)
        if "token" in request.url.path:
            return TOKEN
        if request.url.path == "/profiles":
            return httpx.Response(200 if request.headers.get("authorization") == "Bearer t-1" else 401, json=[])
        return GOOD[next(vendor for vendor, what in CHANGES_NOTHING if what.endswith(request.url.path))]

    monkeypatch.setattr(Transport, "send", send)
    return requests


@pytest.mark.parametrize("vendor", SETTINGS)
def test_a_vendor_is_examined_without_changing_anything(vendor: str, sent: list[httpx.Request]) -> None:
    answer = asyncio.run(examine(adapter_of(vendor)))

    assert answer == Answer(Verdict.APPLIED)
    calls = {(vendor, f"{request.method} {request.url.path}") for request in sent}
    assert calls == {known for known in CHANGES_NOTHING if known[0] == vendor}
    if vendor == "insider":
        assert sent[0].content == b'{"users":[]}'


@pytest.mark.parametrize(
    ("came", "reason"),
    [
        (NotSentError(), Reason.NO_CONNECTION),
        (AnswerLostError(), Reason.ANSWER_LOST),
        (httpx.Response(503), Reason.SERVER_ERROR),
        (httpx.Response(429), Reason.RATE_LIMITED),
        (httpx.Response(200, text="<html>"), Reason.WRONG_ADDRESS),
        (httpx.Response(404, json={}), None),
    ],
)
@pytest.mark.parametrize("vendor", SETTINGS)
def test_what_is_wrong_is_never_taken_for_right(
    vendor: str, came: httpx.Response | Exception, reason: Reason | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def send(_: Transport, request: httpx.Request) -> httpx.Response:
        if isinstance(came, Exception):
            raise came
        return came

    monkeypatch.setattr(Transport, "send", send)

    answer = asyncio.run(examine(adapter_of(vendor)))

    assert answer is not None
    assert answer.verdict is not Verdict.APPLIED
    assert reason is None or answer.reason is reason


def test_a_vendor_without_a_harmless_call_is_left_alone(sent: list[httpx.Request]) -> None:
    class Mute:
        settings = adapter_of("dfinery").settings

    assert asyncio.run(examine(Mute())) is None
    assert sent == []


@each_row("reason", ADVICE)
@each_row("vendor", SETTINGS)
def test_advice_names_variables_and_no_secret(vendor: str, reason: Reason) -> None:
    says = _advice(adapter_of(vendor), Answer(Verdict.VENDOR, reason))

    assert SECRET not in says
    assert "{" not in says
    if reason is Reason.BAD_CREDENTIALS:
        assert all(f"CONSENT_{vendor.upper()}__{name.upper()}" in says for name in SETTINGS[vendor])


@pytest.mark.parametrize(("days", "good"), [(15, True), (13, False)])
def test_a_certificate_that_runs_out_soon_is_a_fault(tmp_path: Path, days: int, *, good: bool) -> None:
    assert list(_opendsr(Settings(data_dir=tmp_path))) == []
    (tmp_path / "opendsr.pem").write_bytes(self_signed("localhost", timedelta(days=days)))
    (finding,) = _opendsr(Settings(data_dir=tmp_path))
    assert (finding.is_good, finding.says.split(",")[0]) == (good, "signs as localhost")
    (finding,) = _opendsr(Settings(data_dir=tmp_path, opendsr=OpenDsrSettings(processor_domain="consent.example")))
    assert not finding.is_good
    assert "is not issued for" in finding.says
