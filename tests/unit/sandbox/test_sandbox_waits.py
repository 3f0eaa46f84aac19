"""In whatever form a sandbox vendor says how long to wait, our transport carries it and it is read."""

from datetime import UTC, datetime

import httpx
import pytest
from aiohttp.test_utils import TestServer

from adapters.transport import Transport
from adapters.triage import triage
from adapters.waits import UNREAD_WAIT_S
from domain.outcomes import Reason
from sandbox.app import build_app
from sandbox.faults import WAIT_FORMS, read_plans
from sandbox.state import Sandbox


@pytest.mark.parametrize("form", WAIT_FORMS)
@pytest.mark.parametrize("vendor", ["dfinery", "akinon"])
async def test_a_wait_in_any_form_is_read_off_the_wire(form: str, vendor: str) -> None:
    sandbox = Sandbox()
    sandbox.set_faults({vendor: {"too_many": 1.0, "retry_after_s": 40, "wait_form": form}})
    transport = Transport(timeout_s=10)
    async with TestServer(build_app(sandbox)) as server:
        response = await transport.send(httpx.Request("GET", str(server.make_url(f"/{vendor}/anything"))))
        await transport.aclose()
    told = triage(response, datetime.now(UTC))
    assert told is not None
    assert told.reason is Reason.RATE_LIMITED
    expected = UNREAD_WAIT_S if form == "unreadable" else 40.0
    assert told.retry_after_s == pytest.approx(expected, abs=3)


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(ValueError, match="wait_form"):
        read_plans({"dfinery": {"wait_form": "smoke signals"}}, {"dfinery": {}})
