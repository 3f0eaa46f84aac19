"""Zendra, for the conformance suite."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx

from adapters.conformance.sample import SECRET, Sample, answer, by_own
from adapters.contract import Call
from adapters.vendors.zendra import Zendra


def obliging() -> Callable[[Call, httpx.Request], httpx.Response]:
    states: dict[str, str] = {}

    def reply(call: Call, request: httpx.Request) -> httpx.Response:
        become = {"erase": "erased", "stop": "stopped", "resume": "active"}
        told = []
        for one in ids(request):
            if call.step != "state":
                states[one] = become[call.step]
            # Before anything is done, somebody is in a state that no order leads to.
            told.append({"id": one, "status": states.get(one, "new") if call.step == "state" else "done"})
        return answer(200, {"results": told})

    return reply


def ids(request: httpx.Request) -> list[str]:
    told: list[str] = json.loads(request.content)["ids"]
    return told


SAMPLE = Sample(
    adapter=Zendra,
    settings={"api_key": SECRET},
    obliging=obliging,
    ids=ids,
    answers=Path(__file__).parent,
    own=by_own("zendra", "user_id"),
    own_seeded=True,
)
