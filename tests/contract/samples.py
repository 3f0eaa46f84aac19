"""What the conformance suite must know of each vendor: settings, people, a vendor that says yes, and which odd answers
really are a yes there."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

import httpx
import yarl

from adapters.contract import Adapter, Call
from adapters.registry import ADAPTERS, create
from domain.requests import Kind, Subject

SECRET = "s3cr3t-Token_of.ours"
PERSONAL = "Zoë/Quixote+7"
"""A part of every identifier of `Sample.person`, so that a leak can be searched for."""


def _by_user_id(text: str) -> Subject:
    return {"user_id": text}


def _by(vendor: str, name: str) -> Callable[[str], Subject]:
    return lambda text: {"vendors": {vendor: {name: text}}}


@dataclass(frozen=True)
class Sample:
    """One vendor, for the suite."""

    settings: Mapping[str, Any]
    person: Callable[[str], Subject]  # somebody whose identifiers are made of the text given
    obliging: Callable[[], Callable[[Call, httpx.Request], httpx.Response]]  # a vendor that says yes to everything
    ids: Callable[[httpx.Request], list[str]]  # whom the vendor would understand a request to be about
    own: Callable[[str], Subject] = _by_user_id  # the same, by the id that only this vendor knows
    odd_ids: bool = True  # whether the vendor takes any text for an id
    is_yes: Mapping[str, frozenset[tuple[str, str]]] = field(default_factory=dict)
    """step -> (status, body) of BODIES that are a yes there, "2xx" standing for any status of that class."""
    not_found: Mapping[str, str] = field(default_factory=dict)  # step -> what a 404 is, where not vendor/wrong_address
    unauthorized: str = "vendor/bad_credentials"
    detours: tuple[str, ...] = ()  # steps that only trouble leads to
    own_seeded: bool = False  # whether the sandbox takes such an id of its own from who is seeded
    some: Mapping[str, Any] = field(default_factory=dict)  # options of an opt-in to some of the vendor's flags
    probe_breaks: frozenset[str] = frozenset()  # rules of the sandbox that a probe breaks on purpose

    def takes_for_yes(self, step: str, response: httpx.Response) -> bool:
        """Whether this answer, odd as it looks, is a yes at this step."""
        statuses = {str(response.status_code), "2xx" if response.is_success else ""}
        bodies = {response.text, "any"}
        return any(status in statuses and body in bodies for status, body in self.is_yes.get(step, ()))


def adapter_of(vendor: str, **settings: Any) -> Adapter:
    """The vendor's adapter with the sample's settings, some of them replaced."""
    model = ADAPTERS[vendor].settings_model
    return create(vendor, model.model_validate({**SAMPLES[vendor].settings, **settings}))


def answer(status: int, body: object = None, headers: Mapping[str, str] | None = None) -> httpx.Response:
    """A response with a JSON body, or none."""
    return httpx.Response(status, headers=headers, content=b"" if body is None else json.dumps(body).encode())


# Algonomy


def _algonomy() -> Callable[[Call, httpx.Request], httpx.Response]:
    return lambda _call, _request: answer(200)


def _last_segment(request: httpx.Request) -> list[str]:
    # As it stands, and as the client library that sends it writes it down again.
    urls = [yarl.URL(str(request.url), encoded=True), yarl.URL(str(request.url))]
    paths = [request.url.raw_path.decode(), *(url.raw_path for url in urls)]
    segments = [path.removeprefix("/profile-command/v1/optOut/") for path in paths]
    assert not any("/" in segment for segment in segments)
    read = {unquote(segment, errors="strict") for segment in segments}
    assert len(read) == 1
    return [*read]


# Dfinery


def _dfinery() -> Callable[[Call, httpx.Request], httpx.Response]:
    flags: dict[str, dict[str, str]] = {}

    def reply(call: Call, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        if call.step in ("flags", "flags_alone"):
            flags.update({row["user_id"]: row["properties"] for row in body["user_properties"]})
            data = {"successful_user_ids": [row["user_id"] for row in body["user_properties"]], "failure_details": None}
        elif call.step == "ci":
            data = {"successful_user_ids": body["user_ids"], "failure_details": []}
        elif call.step == "read_flags":
            rows = [{"user_id": user, "properties": flags.get(user, {})} for user in body["user_ids"]]
            data = {"successful_user_properties": rows, "failure_details": []}
        else:
            rows = [{"user_id": user, "properties": {}} for user in body["user_ids"]]
            data = {"successful_user_ci_properties": rows, "failure_details": []}
        return answer(200, {"result_code": 2000, "result_msg": None, "result_data": data})

    return reply


def _dfinery_ids(request: httpx.Request) -> list[str]:
    body = json.loads(request.content)
    return [row["user_id"] for row in body["user_properties"]] if "user_properties" in body else body["user_ids"]


# Insider


def _insider() -> Callable[[Call, httpx.Request], httpx.Response]:
    return lambda _call, _request: answer(200, {})


def _insider_ids(request: httpx.Request) -> list[str]:
    return [user["identifiers"]["uuid"] for user in json.loads(request.content)["users"]]


# Akinon


def _akinon() -> Callable[[Call, httpx.Request], httpx.Response]:
    profile: dict[str, object] = {"id": 77, "email": "owner@example.org", "phone": None}
    profile |= dict.fromkeys(("email_allowed", "sms_allowed", "whatsapp_allowed"), True) | {"call_allowed": None}

    def reply(_call: Call, request: httpx.Request) -> httpx.Response:
        if request.method == "PATCH":
            profile.update(json.loads(request.content))
        return answer(200, profile, {"set-cookie": "csrftoken=fresh-token; Path=/; SameSite=Lax"})

    return reply


def _akinon_person(text: str) -> Subject:
    return {"user_id": text, "email": "owner@example.org", "vendors": {"akinon": {"session_id": "session-" + SECRET}}}


# B2CORE


def _b2core() -> Callable[[Call, httpx.Request], httpx.Response]:
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


def _b2core_ids(request: httpx.Request) -> list[str]:
    if not request.url.query:
        return []
    urls = [yarl.URL(str(request.url), encoded=True), yarl.URL(str(request.url))]
    queries = [request.url.query.decode(), *(url.raw_query_string for url in urls)]
    read = {parse_qs(query, strict_parsing=True, errors="strict")["filter[uuid]"][0] for query in queries}
    assert len(read) == 1
    return [*read]


EMPTY_OR_OBJECT = frozenset({("2xx", ""), ("2xx", "{}")})
ONLY_PAGE_FORM = frozenset({("200", "{}")})

SAMPLES: Mapping[str, Sample] = {
    "algonomy": Sample(
        settings={"client_id": "ours", "client_secret": SECRET, "allow_opt_in": True},
        person=_by_user_id,
        own=_by("algonomy", "user_id"),
        own_seeded=True,
        obliging=_algonomy,
        ids=_last_segment,
        is_yes={"opt_out": EMPTY_OR_OBJECT},
        not_found={"opt_out": "user/unknown_person?"},
        unauthorized="reauthenticate/bad_credentials",
    ),
    "dfinery": Sample(
        settings={"api_token": SECRET},
        person=_by_user_id,
        own=_by("dfinery", "user_id"),
        own_seeded=True,
        some={"flags": ["mkt_push_flag"]},
        obliging=_dfinery,
        ids=_dfinery_ids,
        detours=("flags_alone",),
    ),
    "insider": Sample(
        settings={"partner_name": "mybrand", "request_token": SECRET},
        person=_by_user_id,
        own=_by("insider", "insider_id"),
        own_seeded=True,
        some={"flags": ["sms_optin"]},
        probe_breaks=frozenset({"users_required"}),
        obliging=_insider,
        ids=_insider_ids,
        is_yes={
            "consent": ONLY_PAGE_FORM,
            "attributes": ONLY_PAGE_FORM,
            "probe": frozenset((status, "{}") for status in ("200", "400", "413", "422")),
        },
    ),
    "akinon": Sample(
        settings={"base_url": "https://shop.example"},
        person=_akinon_person,
        own=_akinon_person,
        probe_breaks=frozenset({"session_cookie"}),
        obliging=_akinon,
        ids=lambda _request: [],
        odd_ids=False,
        detours=("token", "refetch", "token_again", "permissions_again", "permissions_alone"),
        not_found={"token": "action/session_refused", "token_again": "action/session_refused"},
        is_yes={"probe": frozenset({("401", "any")})},
        unauthorized="action/session_expired",
    ),
    "b2core": Sample(
        settings={
            "base_url": "https://ib.example/v1",
            "client_id": "ours",
            "client_secret": SECRET,
            "opt_out_disables": True,
            "opt_in_enables": True,
        },
        person=_by_user_id,
        own=_by("b2core", "profile_id"),
        obliging=_b2core,
        ids=_b2core_ids,
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
            "contacts": "proceed",
            "contact": "proceed",
            "profile": "applied",
            "gone": "applied",
            "enabled": "absent",
            "changed": "absent",
        },
        detours=("gone", "changed"),
        unauthorized="reauthenticate/bad_credentials",
    ),
}

BODIES = ("", "[]", "{}", "null", '{"cut": "off', "0", '"yes"', "<!DOCTYPE html><title>Sorry</title>", "nonsense")
KINDS = tuple(Kind)
