"""A request for one person, by a form."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from fastapi import Request
from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from domain.moments import GivenDayOrMoment
from domain.noticed import Noticed
from domain.refused_values import problem_of
from domain.regulations import Regulation
from domain.requests import Kind, Subject
from ledger.delivery.vendors import Vendor, all_vendors
from tasks.reach import fields_at, what_to_give
from tasks.subjects import SubjectError, check_subject
from tasks.submission import Submission, SubmitError
from web.console import words
from web.console.forms import read_form
from web.console.pages import go_to, page
from web.console.routing import page_router
from web.context import Context
from web.dependencies import Submitter, TheContext
from web.origin import origin_of

router = page_router()
PERSON = {"user_id": "User id", "email": "E-mail address", "phone_number": "Phone number, with its country (+49…)"}
DAYS = ("asked_at", "effective_at")
AT = "vendor."
"""What the name of a vendor's checkbox begins with."""
DAY = TypeAdapter(GivenDayOrMoment)


class Reach(NamedTuple):
    """Whether a person can be found at a vendor by what was given."""

    name: str
    chosen: bool
    found: bool
    applies: bool
    give: str


class Wrong(NamedTuple):
    """What is wrong with a field, for the page to show beside it."""

    field: str
    problem: str


@router.get("/new")
async def show(request: Request, context: TheContext, _: Submitter) -> Response:
    """The empty form."""
    known = await context.reads.run(lambda: _vendors(context))
    return _form(request, known, {AT + one.name: "on" for one in known}, [])


@router.post("/new/reach")
async def reach(request: Request, context: TheContext, _: Submitter) -> Response:
    """At which vendors the person can be found by what is given so far. It comes in the body and is not kept."""
    known = await context.reads.run(lambda: _vendors(context))
    given = await read_form(request, *_fields(known))
    request.state.audited = True  # nothing is changed by it
    return page(request, "reach.html", reach=_reach(known, given))


@router.post("/new")
async def submit(request: Request, context: TheContext, principal: Submitter) -> Response:
    """Record the request; or show the form again, with what is wrong beside each field."""
    known = await context.reads.run(lambda: _vendors(context))
    given = await read_form(request, *_fields(known))
    noticed = Noticed()
    submission, person, wrong = _read(request, given, known, principal.name, noticed)
    if submission is None or person is None:
        request.state.audited = True  # nothing was recorded
        return _form(request, known, given, wrong)
    try:
        receipt = await context.submit(submission, [person])
    except SubmitError as error:
        return _form(request, known, given, [Wrong("", f"{error}; nothing was recorded")])
    request.state.target = str(receipt.recorded.public_id)
    request.state.audited = not receipt.repeated
    said = "The request was on record already." if receipt.repeated else "The request is on record."
    return go_to(request, f"/requests/{receipt.recorded.public_id}", said)


def _vendors(context: Context) -> list[Vendor]:
    with context.engine.connect() as connection:
        return [one for one in all_vendors(connection) if one.enabled and one.retired_at is None]


def _fields(known: list[Vendor]) -> list[str]:
    return ["kind", "regulation", *PERSON, *DAYS, *(AT + one.name for one in known)]


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
            give=what_to_give(one.name),
        )
        for one in known
    ]


def _read(
    request: Request, given: Mapping[str, str], known: list[Vendor], by: str, noticed: Noticed
) -> tuple[Submission | None, Subject | None, list[Wrong]]:
    wrong: list[Wrong] = []
    person: Subject | None = None
    try:
        person = check_subject({name: given[name] for name in PERSON if given[name]}, noticed)
    except SubjectError as error:
        wrong += [Wrong(one.field if one.field in PERSON else "person", one.problem) for one in error.faults]
    days: dict[str, Any] = {name: _day(given[name], name, wrong) for name in DAYS}
    chosen = tuple(one.name for one in known if given[AT + one.name])
    if given["kind"] not in words.KINDS:
        wrong.append(Wrong("kind", "say what is asked for"))
    if given["regulation"] and given["regulation"] not in words.LAWS:
        wrong.append(Wrong("regulation", "is not a known law"))
    if not chosen:
        wrong.append(Wrong("vendors", "choose one vendor at least"))
    if wrong:
        return None, None, wrong
    submission = Submission(
        Kind(given["kind"]),
        () if len(chosen) == len(known) else chosen,
        submitted_by=by,
        origin=origin_of(request.scope),
        regulation=Regulation(given["regulation"]) if given["regulation"] else None,
        noticed=noticed,
        **days,
    )
    return submission, person, []


def _day(written: str, field: str, wrong: list[Wrong]) -> Any:
    try:
        return DAY.validate_python(written) if written else None
    except ValidationError as error:
        wrong.append(Wrong(field, problem_of(error.errors(include_input=False)[0])))
        return None
