"""Insider, for the conformance suite."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx

from adapters.conformance.sample import SECRET, Sample, answer, by_own
from adapters.contract import Call
from adapters.vendors.insider import Insider


def obliging() -> Callable[[Call, httpx.Request], httpx.Response]:
    return lambda _call, _request: answer(200, {})


def ids(request: httpx.Request) -> list[str]:
    return [user["identifiers"]["uuid"] for user in json.loads(request.content)["users"]]


SAMPLE = Sample(
    adapter=Insider,
    answers=Path(__file__).parent,
    settings={"partner_name": "mybrand", "request_token": SECRET},
    values={
        "vendors.insider.identifiers.email": "ann@example.org",
        "vendors.insider.identifiers.phone_number": "+821012345678",
        "vendors.insider.identifiers.custom": {"loyalty": "ann-1"},
    },
    own=by_own("insider", "insider_id"),
    own_seeded=True,
    some={"flags": ["sms_optin"]},
    probe_breaks=frozenset({"users_required"}),
    obliging=obliging,
    ids=ids,
    is_yes={
        "consent": frozenset({("200", "{}")}),
        "attributes": frozenset({("200", "{}")}),
        "probe": frozenset((status, "{}") for status in ("200", "400", "413", "422")),
    },
)
