"""What the check-up says of the proxy."""

import asyncio
import socket

import pytest

from cli.doctor.egress_findings import egress_findings
from cli.doctor.findings import Finding
from config.settings import Settings
from tests.proxy import ConnectProxy


@pytest.fixture(autouse=True)
def a_vendor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENT_DFINERY__BASE_URL", "https://vendor.example/api/v1")
    monkeypatch.setenv("CONSENT_DFINERY__API_TOKEN", "t")


async def found(monkeypatch: pytest.MonkeyPatch, port: int, exceptions: str = "") -> list[Finding]:
    monkeypatch.setenv("CONSENT_EGRESS_PROXY", f"http://ann:hunter2@127.0.0.1:{port}")
    monkeypatch.setenv("CONSENT_EGRESS_EXCEPTIONS", exceptions)
    settings = Settings.load()
    findings = await asyncio.to_thread(lambda: list(egress_findings(settings)))
    assert "hunter2" not in str(findings)
    return findings


async def test_a_proxy_that_opens_the_way_is_good(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ConnectProxy().listening() as proxy:
        proxy.leads_to = proxy.port  # to where somebody listens
        (finding,) = await found(monkeypatch, proxy.port)
    assert finding.is_good
    assert f"http://127.0.0.1:{proxy.port}" in finding.says
    assert proxy.asked_for == ["vendor.example:443"]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"HTTP/1.1 407 Who\r\n\r\n", "it asks for another user and password (HTTP status 407)"),
        (b"HTTP/1.1 503 Away\r\n\r\n", "it refuses CONNECT with the HTTP status 503"),
        (None, "hangs up"),
    ],
)
async def test_one_that_does_not_is_a_fault(monkeypatch: pytest.MonkeyPatch, answer: bytes | None, says: str) -> None:
    async with ConnectProxy(9, answer).listening() as proxy:
        (finding,) = await found(monkeypatch, proxy.port)
    assert not finding.is_good
    assert says in finding.says
    assert "CONSENT_EGRESS_PROXY" in finding.do


async def test_so_is_one_where_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        (finding,) = await found(monkeypatch, taken.getsockname()[1])
    assert not finding.is_good
    assert "no connection to the proxy can be made" in finding.says


async def test_where_nothing_goes_through_it_that_is_said_and_without_one_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (finding,) = await found(monkeypatch, 9, ".example")
    assert finding.is_good
    monkeypatch.delenv("CONSENT_EGRESS_PROXY")
    assert list(egress_findings(Settings.load())) == []
