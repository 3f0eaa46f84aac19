"""A person: found by any identifier, and all that was done for them in one line of time. Nothing of it is kept."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from domain.national_numbers import to_e164
from domain.requests import Subject
from ledger.keys import fingerprinter
from ledger.people.endings import Ending, endings_of
from ledger.people.involved import Involved, requests_of
from ledger.people.prints import Prints
from tasks.subjects import LOOKED_FOR, SubjectError, check_subject
from web.console.forms import read_form
from web.console.pages import page
from web.console.routing import page_router
from web.context import Context
from web.dependencies import Reader, TheContext

router = page_router()
FIELDS = {"user_id": "User id", "email": "E-mail", "phone_number": "Phone"}
SHOWN = 100
"""Requests shown of one person, the newest; an identifier that many share is in more."""


class Event(NamedTuple):
    """Something that happened for a person."""

    at: datetime
    request: Involved
    ending: Ending | None = None
    """How it ended at a vendor; None: the request came in."""


class Open(NamedTuple):
    """A request in which something of theirs is still pending, and where."""

    request: Involved
    vendors: list[str]


class Found(NamedTuple):
    """What there is of a person."""

    events: list[Event]
    """The newest first."""
    open: list[Open]
    requests: int
    left_out: int
    """Older requests that are not shown."""


@router.get("/person")
async def ask(request: Request, _: Reader) -> Response:
    """The empty form."""
    return _page(request)


@router.post("/person")
async def look_up(request: Request, context: TheContext, _: Reader) -> Response:
    """The person with any of these identifiers. They come in the body; that somebody looked is put on record."""
    given = await read_form(request, *FIELDS)
    try:
        person = _person(given, context.settings.phone_region)
    except SubjectError as error:
        wrong = {one.field if one.field in FIELDS else "": one.problem for one in error.faults}
        return _page(request, given, wrong=wrong)
    return _page(request, given, found=await context.reads.run(lambda: _find(context, person)))


def _page(
    request: Request,
    given: Mapping[str, str] | None = None,
    *,
    wrong: Mapping[str, str] | None = None,
    found: Found | None = None,
) -> Response:
    values = {"fields": FIELDS, "given": given or dict.fromkeys(FIELDS, ""), "wrong": wrong or {}, "found": found}
    return page(request, "person.html", status=422 if wrong else 200, **values)


def _person(given: Mapping[str, str], region: str | None) -> Subject:
    return check_subject(with_country({name: value for name, value in given.items() if value}, region), LOOKED_FOR)


def with_country(person: Mapping[str, str], region: str | None) -> dict[str, Any]:
    """The same identifiers; a phone number in national form with the country of this region, where one is set."""
    phone = person.get("phone_number", "")
    if region is None or not phone or phone.startswith("+"):
        return dict(person)
    return {**person, "phone_number": to_e164(phone, region) or phone}


def _find(context: Context, person: Subject) -> Found:
    with context.engine.begin() as connection:
        prints = Prints(fingerprinter(connection, context.masters))
        involved = requests_of(connection, *prints.to_look_for(person))
        shown = involved[-SHOWN:]
        endings = endings_of(connection, [(one.request_id, one.line) for one in shown])
    return Found(_events(shown, endings), _open(shown), len(involved), len(involved) - len(shown))


def _events(involved: Sequence[Involved], endings: Sequence[Ending]) -> list[Event]:
    by_place: dict[tuple[UUID, int], Involved] = {(one.request_id, one.line): one for one in involved}
    events = [Event(one.received_at, one) for one in involved]
    events += [Event(one.at, by_place[one.request_id, one.line], one) for one in endings]
    # What came in stands below what came of it, also within the same instant.
    return sorted(events, key=lambda event: (event.at, event.ending is not None), reverse=True)


def _open(involved: Sequence[Involved]) -> list[Open]:
    waiting = ((one, [name for name, outcome in one.vendors.items() if outcome == "pending"]) for one in involved)
    return [Open(one, sorted(vendors)) for one, vendors in waiting if vendors]
