"""A request for one person, by a form."""

from collections.abc import Mapping
from typing import NamedTuple

from fastapi import Request
from starlette.responses import Response

from domain.noticed import Noticed
from domain.requests import Kind, Subject
from ledger.delivery.vendors import Vendor
from tasks.reach import fields_at
from tasks.subjects import SubjectError, check_subject
from tasks.submission import SubmitError
from tasks.unreachable import what_to_give
from web.console import words
from web.console.forms import read_form
from web.console.pages import go_to, page
from web.console.request_options import AT, Wrong, option_fields, read_options, vendors_on
from web.console.routing import page_router
from web.dependencies import Submitter, TheContext

router = page_router()
PERSON = {"user_id": "User id", "email": "E-mail address", "phone_number": "Phone number, with its country (+49…)"}


class Reach(NamedTuple):
    """Whether a person can be found at a vendor by what was given."""

    name: str
    chosen: bool
    found: bool
    applies: bool
    give: str


@router.get("/new")
async def show(request: Request, context: TheContext, _: Submitter) -> Response:
    """The empty form."""
    known = await context.reads.run(lambda: vendors_on(context))
    return _form(request, known, {AT + one.name: "on" for one in known}, [])


@router.post("/new/reach")
async def reach(request: Request, context: TheContext, _: Submitter) -> Response:
    """At which vendors the person can be found by what is given so far. It comes in the body and is not kept."""
    known = await context.reads.run(lambda: vendors_on(context))
    given = await read_form(request, *_fields(known))
    request.state.audited = True  # nothing is changed by it
    return page(request, "reach.html", reach=_reach(known, given))


@router.post("/new")
async def submit(request: Request, context: TheContext, principal: Submitter) -> Response:
    """Record the request; or show the form again, with what is wrong beside each field."""
    known = await context.reads.run(lambda: vendors_on(context))
    given = await read_form(request, *_fields(known))
    noticed = Noticed()
    person, wrong = _person(given, noticed)
    submission, more = read_options(request, given, known, principal.name, noticed)
    if submission is None or person is None:
        request.state.audited = True  # nothing was recorded
        return _form(request, known, given, wrong + more)
    try:
        receipt = await context.submit(submission, [person])
    except SubmitError as error:
        return _form(request, known, given, [Wrong("", f"{error}; nothing was recorded")])
    request.state.target = str(receipt.recorded.public_id)
    request.state.audited = not receipt.repeated
    said = "The request was on record already." if receipt.repeated else "The request is on record."
    said += f" {receipt.recorded.erased_before}." if receipt.recorded.erased_before else ""
    return go_to(request, f"/requests/{receipt.recorded.public_id}", said)


def _fields(known: list[Vendor]) -> list[str]:
    return [*PERSON, *option_fields(known)]


def _form(request: Request, known: list[Vendor], given: Mapping[str, str], wrong: list[Wrong]) -> Response:
    return page(
        request,
        "new.html",
        status=422 if wrong else 200,
        given={name: given.get(name, "") for name in _fields(known)},
        wrong={one.field: one.problem for one in wrong},
        kinds=words.KINDS,
        laws=words.LAWS,
        person=PERSON,
        reach=_reach(known, given),
    )


def _reach(known: list[Vendor], given: Mapping[str, str]) -> list[Reach]:
    kind = given.get("kind", "")
    fields = fields_at(known, Kind(kind)) if kind in words.KINDS else fields_at(known, Kind.ERASURE)
    filled = {name for name in PERSON if given.get(name)}
    return [
        Reach(
            one.name,
            chosen=bool(given.get(AT + one.name)),
            found=bool(filled & {*fields.get(one.name, ())}),
            applies=one.name in fields,
            give=what_to_give(one.name, fields.get(one.name, ())),
        )
        for one in known
    ]


def _person(given: Mapping[str, str], noticed: Noticed) -> tuple[Subject | None, list[Wrong]]:
    try:
        return check_subject({name: given[name] for name in PERSON if given[name]}, noticed), []
    except SubjectError as error:
        return None, [Wrong(one.field if one.field in PERSON else "person", one.problem) for one in error.faults]
