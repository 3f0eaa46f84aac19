"""Dfinery, for the conformance suite."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx

from adapters.conformance.sample import SECRET, Sample, answer, by_own
from adapters.contract import Call
from adapters.vendors.dfinery import Dfinery


def obliging() -> Callable[[Call, httpx.Request], httpx.Response]:
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


def ids(request: httpx.Request) -> list[str]:
    body = json.loads(request.content)
    return [row["user_id"] for row in body["user_properties"]] if "user_properties" in body else body["user_ids"]


SAMPLE = Sample(
    adapter=Dfinery,
    answers=Path(__file__).parent,
    settings={"api_token": SECRET},
    own=by_own("dfinery", "user_id"),
    own_seeded=True,
    some={"flags": ["mkt_push_flag"]},
    obliging=obliging,
    ids=ids,
    detours=("flags_alone",),
)
