"""Checks a query: only its route's parameters, each of them once."""

from collections import Counter
from typing import get_origin

from fastapi import Request
from fastapi.routing import APIRoute

from intake.files.faults import Fault
from tasks.subjects import shown
from web.problems import NOWHERE, Problem, first


def refuse_misspelt(request: Request) -> None:
    """Raise Problem where a parameter is unknown or duplicate: if a misspelt `vendors` were ignored, an erasure would
    go to every vendor."""
    if not request.scope["query_string"]:  # usually, for submissions
        return
    route = request.scope["route"]
    assert isinstance(route, APIRoute)  # noqa: S101 - for the type checker
    known = {field.alias: field.field_info.annotation for field in route.dependant.query_params}
    given = Counter(name for name, _ in request.query_params.multi_items())
    faults = [
        Fault(NOWHERE, f"query.{shown(name)}", "stands twice" if name in known else "is not a known parameter")
        for name, times in given.items()
        if name not in known or (times > 1 and get_origin(known[name]) is not list)
    ]
    if faults:
        kept, total = first(faults)
        raise Problem.unusable("some of what was asked cannot be understood", kept, total)
