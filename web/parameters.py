"""Checks a query: only its route's parameters, each of them once."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, get_origin

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from intake.files.faults import Fault
from tasks.subjects import shown
from web.problems import NOWHERE, Problem, first


def _known(route: APIRoute) -> Mapping[str, Any]:
    """By name, the type of each parameter of a route and of what it depends on."""
    return {name: annotation for each in _with_needed(route.dependant) for name, annotation in _declared(each)}


def _with_needed(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for needed in dependant.dependencies:
        yield from _with_needed(needed)


def _declared(dependant: Dependant) -> Iterator[tuple[str, Any]]:
    for field in dependant.query_params:
        yield field.alias, field.field_info.annotation


def refuse_misspelt(request: Request) -> None:
    """Raise Problem where a parameter is unknown or duplicate: if a misspelt `vendors` were ignored, an erasure would
    go to every vendor."""
    if not request.scope["query_string"]:  # usually, for submissions
        return
    route = request.scope["route"]
    assert isinstance(route, APIRoute)  # noqa: S101 - for the type checker
    known = _known(route)
    given = Counter(name for name, _ in request.query_params.multi_items())
    faults = [
        Fault(NOWHERE, f"query.{shown(name)}", "stands twice" if name in known else "is not a known parameter")
        for name, times in given.items()
        if name not in known or (times > 1 and get_origin(known[name]) is not list)
    ]
    if faults:
        kept, total = first(faults)
        raise Problem.unusable("some of what was asked cannot be understood", kept, total)
