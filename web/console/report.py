"""The report: what became of the requests received from one day to another."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal

from fastapi import Query, Request
from pydantic_core import to_json
from starlette.responses import Response

from answers.report import report_as_csv, report_as_json
from ledger.desk.figures import LONGEST_DAYS, Figures, Period, PeriodError, figures_of
from web.console import words
from web.console.pages import page
from web.console.routing import page_router
from web.context import Context
from web.dependencies import Reader, TheContext
from web.problems import Problem

router = page_router()
Day = Annotated[str, Query(pattern=r"^(\d{4}-\d\d-\d\d)?$")]
USUAL_DAYS = 90


@router.get("/report")
async def show(
    request: Request,
    context: TheContext,
    _: Reader,
    *,
    first: Annotated[Day, Query(alias="from")] = "",
    last: Annotated[Day, Query(alias="to")] = "",
    form: Annotated[Literal["", "csv", "json"], Query(alias="format")] = "",
) -> Response:
    """The report on a period, the last 90 days where none is asked for; `format` saves it."""
    today = datetime.now(UTC).date()
    try:
        end = _day(last) or today
        period = Period(_day(first) or end - timedelta(days=USUAL_DAYS - 1), end).checked()
    except PeriodError as error:
        raise Problem.unusable(f"from, to: {error}") from None
    figures = await context.reads.run(lambda: _find(context, period))
    name = f"report-{period.first}-{period.last}"
    if form == "csv":
        return _saved(report_as_csv(figures), "text/csv; charset=utf-8", f"{name}.csv")
    if form == "json":
        return _saved(to_json(report_as_json(figures)), "application/json", f"{name}.json")
    return page(
        request,
        "report.html",
        figures=figures,
        kinds=[(words.say_kind(one), counts) for one, counts in figures.kinds.items()],
        laws=[(words.say_law(one), counts) for one, counts in figures.regulations.items()],
        vendors=figures.vendors,
        outcomes=_outcomes(figures),
        longest=LONGEST_DAYS,
    )


def _find(context: Context, period: Period) -> Figures:
    with context.engine.connect() as connection:
        return figures_of(connection, period, context.settings.due_soon_days)


def _day(written: str) -> date | None:
    try:
        return date.fromisoformat(written) if written else None
    except ValueError:
        raise PeriodError("there is no such day") from None


def _outcomes(figures: Figures) -> list[str]:
    """Those that any vendor has, in the order of the words."""
    found = {outcome for counts in figures.vendors.values() for outcome, count in counts.items() if count}
    return [*(one for one in words.OUTCOMES if one in found), *sorted(found - set(words.OUTCOMES))]


def _saved(body: str | bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(body, headers=headers, media_type=media_type)
