"""Akinon, for the conformance suite."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx

from adapters.conformance.sample import SECRET, Sample, answer
from adapters.contract import Call
from adapters.vendors.akinon import Akinon
from domain.requests import Subject


def obliging() -> Callable[[Call, httpx.Request], httpx.Response]:
    profile: dict[str, object] = {"id": 77, "email": "owner@example.org", "phone": None}
    profile |= dict.fromkeys(("email_allowed", "sms_allowed", "whatsapp_allowed"), True) | {"call_allowed": None}

    def reply(_call: Call, request: httpx.Request) -> httpx.Response:
        if request.method == "PATCH":
            profile.update(json.loads(request.content))
        return answer(200, profile, {"set-cookie": "csrftoken=fresh-token; Path=/; SameSite=Lax"})

    return reply


def person(text: str) -> Subject:
    return {"user_id": text, "email": "owner@example.org", "vendors": {"akinon": {"session_id": "session-" + SECRET}}}


SAMPLE = Sample(
    adapter=Akinon,
    answers=Path(__file__).parent,
    settings={"base_url": "https://shop.example"},
    person=person,
    own=person,
    probe_breaks=frozenset({"session_cookie"}),
    obliging=obliging,
    ids=lambda _request: [],
    odd_ids=False,
    detours=("token", "refetch", "token_again", "permissions_again", "permissions_alone"),
    not_found={"token": "action/session_refused", "token_again": "action/session_refused"},
    is_yes={"probe": frozenset({("401", "any")})},
    unauthorized="action/session_expired",
)
