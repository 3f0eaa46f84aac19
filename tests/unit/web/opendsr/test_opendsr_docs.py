"""docs/opendsr.md shows requests that are taken, and every path that there is."""

import re
from pathlib import Path

from fastapi.routing import APIRoute

from domain.opendsr import Version
from domain.requests import Kind
from web.opendsr.reading import read_request
from web.opendsr.routes import CERTIFICATE, router

PAGE = (Path(__file__).parents[4] / "docs/opendsr.md").read_text("utf-8")


def test_the_requests_shown_are_taken() -> None:
    second, third = (block.encode() for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
    asked = read_request(second, Version.V2, "opendsr.example.com")
    assert asked.subjects == ({"user_id": "u-1", "email": "johndoe@example.com"},)
    asked = read_request(third, Version.V3, "opendsr.example.com")
    assert (asked.kind, asked.subjects) == (
        Kind.OPT_OUT,
        ({"email": "johndoe@example.com", "phone_number": "+821012345678"},),
    )


def test_every_path_is_shown() -> None:
    routes = [route for route in router(Version.V2).routes if isinstance(route, APIRoute)]
    ways = {(method, route.path) for route in routes for method in route.methods if not route.path.endswith("/")}
    shown = set(re.findall(r"^\| `([A-Z]+) ([^`?]*)", PAGE, re.MULTILINE)) - {("GET", CERTIFICATE)}
    assert shown | {("GET", "/opendsr/v2/status/{subject_request_id}")} == ways
