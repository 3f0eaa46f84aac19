"""Algonomy, for the conformance suite."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import httpx
import yarl

from adapters.conformance.sample import SECRET, Sample, answer, by_own
from adapters.contract import Call
from adapters.vendors.algonomy import Algonomy


def obliging() -> Callable[[Call, httpx.Request], httpx.Response]:
    return lambda _call, _request: answer(200)


def ids(request: httpx.Request) -> list[str]:
    # As it is, and as the client library that sends it normalises it.
    urls = [yarl.URL(str(request.url), encoded=True), yarl.URL(str(request.url))]
    paths = [request.url.raw_path.decode(), *(url.raw_path for url in urls)]
    segments = [path.removeprefix("/profile-command/v1/optOut/") for path in paths]
    assert not any("/" in segment for segment in segments)
    read = {unquote(segment, errors="strict") for segment in segments}
    assert len(read) == 1
    return [*read]


SAMPLE = Sample(
    adapter=Algonomy,
    answers=Path(__file__).parent,
    settings={"client_id": "ours", "client_secret": SECRET, "allow_opt_in": True},
    own=by_own("algonomy", "user_id"),
    own_seeded=True,
    obliging=obliging,
    ids=ids,
    is_yes={"opt_out": frozenset({("2xx", ""), ("2xx", "{}")})},
    not_found={"opt_out": "user/unknown_person?"},
    unauthorized="reauthenticate/bad_credentials",
)
