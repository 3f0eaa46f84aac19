"""B2core, for the conformance suite."""

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, unquote

import httpx
import yarl

from adapters.conformance.sample import NOT_ASKED, SECRET, Sample, answer, by_own
from adapters.contract import Call
from adapters.vendors.b2core import B2core


def obliging() -> Callable[[Call, httpx.Request], httpx.Response]:
    gone = False
    contacts = {"c 1": "email", "c/2": "phone"}
    profile: dict[str, object] = {"profileId": "6006dda2/72", "uuid": None, "enabled": None}

    def reply(call: Call, request: httpx.Request) -> httpx.Response:
        nonlocal gone
        if call.step == "find" or (call.step == "read" and request.url.query):
            uuid = parse_qs(request.url.query.decode())["filter[uuid]"][0]
            return answer(200, [] if gone else [profile | {"uuid": uuid}])
        if call.step == "contacts":
            return answer(200, [{"contactId": contact, "key": key} for contact, key in contacts.items()])
        if call.step == "enabled":
            profile.update(json.loads(request.content))
            return answer(200, profile)
        if call.step == "profile":
            gone = True
            return answer(204)
        if call.step == "contact":
            contacts.pop(unquote(request.url.raw_path.decode().rpartition("/")[2]), None)
            return answer(204)
        return answer(404) if gone else answer(200, profile)

    return reply


def ids(request: httpx.Request) -> list[str]:
    if not request.url.query:
        return []
    urls = [yarl.URL(str(request.url), encoded=True), yarl.URL(str(request.url))]
    queries = [request.url.query.decode(), *(url.raw_query_string for url in urls)]
    read = {parse_qs(query, strict_parsing=True, errors="strict")["filter[uuid]"][0] for query in queries}
    assert len(read) == 1
    return [*read]


SAMPLE = Sample(
    adapter=B2core,
    answers=Path(__file__).parent,
    settings={
        "base_url": "https://ib.example/v1",
        "client_id": "ours",
        "client_secret": SECRET,
        "opt_out_disables": True,
        "opt_in_enables": True,
    },
    own=by_own("b2core", "profile_id"),
    obliging=obliging,
    ids=ids,
    is_yes={
        "find": frozenset({("2xx", "[]")}),  # nobody there
        "read": frozenset({("2xx", "[]")}),
        "probe": frozenset({("2xx", "[]")}),
        "contacts": frozenset({("2xx", "[]")}),  # no contacts: on to the profile
        # A deleted contact proves nothing yet: on to the profile. A body where none belongs: on to look for it.
        "contact": frozenset({("2xx", "any")}),
        "profile": frozenset({("2xx", "any")}),
    },
    not_found={
        "read": NOT_ASKED,
        "contacts": "proceed",
        "contact": "proceed",
        "profile": "applied",
        "gone": "applied",
        "enabled": "absent",
        "changed": "absent",
    },
    detours=("gone", "changed"),
    unauthorized="reauthenticate/bad_credentials",
)
