"""What is said of a new request besides its people: kind, times, law, reference, vendors. The same on every form."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fastapi import Request
from pydantic import TypeAdapter, ValidationError

from domain.moments import GivenDayOrMoment, GivenMoment
from domain.noticed import Noticed
from domain.references import read_reference
from domain.refused_values import problem_of
from domain.regulations import Regulation
from domain.requests import Kind
from ledger.delivery.vendors import Vendor, all_vendors
from tasks.submission import Submission
from web.console import words
from web.context import Context
from web.origin import origin_of

DAYS = ("asked_at", "effective_at")
BEGINS = "not_before"
AT = "vendor."
"""What the name of a vendor's checkbox begins with."""
DAY: TypeAdapter[Any] = TypeAdapter(GivenDayOrMoment)
MOMENT: TypeAdapter[Any] = TypeAdapter(GivenMoment)


class Wrong(NamedTuple):
    """What is wrong with a field, for the page to show beside it; of the whole form where `field` is empty."""

    field: str
    problem: str


def vendors_on(context: Context) -> list[Vendor]:
    """Those that a request can go to."""
    with context.engine.connect() as connection:
        return [one for one in all_vendors(connection) if one.enabled and one.retired_at is None]


def option_fields(known: Sequence[Vendor]) -> list[str]:
    """The fields that `read_options` reads."""
    return ["kind", "regulation", *DAYS, BEGINS, "reference", "accept_unreachable", *(AT + one.name for one in known)]


def read_options(
    request: Request, given: Mapping[str, str], known: Sequence[Vendor], by: str, noticed: Noticed
) -> tuple[Submission | None, list[Wrong]]:
    """A submission of what was filled in, without people; None where something is wrong with it."""
    wrong: list[Wrong] = []
    times = {name: _time(DAY, given[name], name, wrong) for name in DAYS}
    # A browser's field of this type has no time zone; its label says that it is UTC.
    begins = given[BEGINS] + "Z" if given[BEGINS][-6:-5] not in ("+", "-") and given[BEGINS][-1:].isdigit() else ""
    times[BEGINS] = _time(MOMENT, begins or given[BEGINS], BEGINS, wrong)
    chosen = tuple(one.name for one in known if given[AT + one.name])
    if given["kind"] not in words.KINDS:
        wrong.append(Wrong("kind", "say what is asked for"))
    if given["regulation"] and given["regulation"] not in words.LAWS:
        wrong.append(Wrong("regulation", "is not a known law"))
    reference = _reference(given["reference"], wrong)
    if not chosen:
        wrong.append(Wrong("vendors", "choose one vendor at least"))
    if wrong:
        return None, wrong
    submission = Submission(
        Kind(given["kind"]),
        () if len(chosen) == len(known) else chosen,
        submitted_by=by,
        origin=origin_of(request.scope),
        regulation=Regulation(given["regulation"]) if given["regulation"] else None,
        reference=reference,
        accept_unreachable=bool(given["accept_unreachable"]),
        noticed=noticed,
        **times,
    )
    return submission, []


def _reference(written: str, wrong: list[Wrong]) -> str | None:
    try:
        return read_reference(written) if written else None
    except ValueError as error:
        wrong.append(Wrong("reference", str(error)))
        return None


def _time(form: TypeAdapter[Any], written: str, field: str, wrong: list[Wrong]) -> Any:
    try:
        return form.validate_python(written) if written else None
    except ValidationError as error:
        wrong.append(Wrong(field, problem_of(error.errors(include_input=False)[0])))
        return None
