"""Counts the requests received in a period."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from pydantic_core import to_json

from answers.report import report_as_csv, report_as_json
from ledger.desk.figures import LONGEST_DAYS, Figures, Period, PeriodError, figures_of
from web.api.models import RECEIVED, Moment, examples
from web.context import Context
from web.dependencies import Reader, TheContext
from web.problems import Problem

_COUNTED = {
    "received": 12,
    "people": 480,
    "done": 9,
    "in_part": 1,
    "not_done": 0,
    "refused": 1,
    "withheld": 0,
    "withdrawn": 1,
    "open": 1,
    "at_risk": 0,
    "mean_days": 1.4,
    "median_days": 1.1,
}
_EXCEPTION = {"vendor": "insider", "outcome": "refused", "reason": "rejected", "deliveries": 3, "requests": 1}


class ReportedRequests(BaseModel):
    """Requests of one sort, as they stand now."""

    model_config = examples(_COUNTED)
    received: int
    people: int
    done: int = Field(description="completed: everybody was reached")
    in_part: int = Field(description="closed with exceptions, and something was done")
    not_done: int = Field(description="closed with exceptions, and nothing was done")
    refused: int = Field(description="those closed in which a vendor refused somebody")
    withheld: int = Field(description="those closed in which a legal hold keeps somebody's data")
    withdrawn: int
    open: int
    at_risk: int = Field(description="due soon or overdue, and something is pending or needs a person")
    mean_days: float | None = Field(description="from when the controller was asked to the close")
    median_days: float | None


class ReportedException(BaseModel):
    """Deliveries that were not done, for one reason at a vendor."""

    model_config = examples(_EXCEPTION)
    vendor: str
    outcome: str
    reason: str | None
    deliveries: int
    requests: int


class Report(BaseModel):
    """What became of the requests received from one day to another, both included, in UTC."""

    model_config = examples(
        {
            "from": "2026-05-01",
            "to": "2026-05-31",
            "as_of": RECEIVED,
            "requests": _COUNTED,
            "kinds": {"erasure": _COUNTED},
            "regulations": {"gdpr": _COUNTED},
            "vendors": {"insider": {"pending": 0, "accepted": 477, "refused": 3}},
            "exceptions": [_EXCEPTION],
        }
    )
    first: date = Field(alias="from")
    last: date = Field(alias="to")
    as_of: Moment
    requests: ReportedRequests
    kinds: dict[str, ReportedRequests]
    regulations: dict[str, ReportedRequests]
    vendors: dict[str, dict[str, int]] = Field(description="vendor to outcome (or pending) to number of deliveries")
    exceptions: list[ReportedException]


router = APIRouter(tags=["requests"])
CSV = "text/csv; charset=utf-8"


@router.get(
    "/v1/report",
    summary="What became of the requests received in a period",
    response_model=Report,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "as `format` asks"}},
)
async def show_report(
    context: TheContext,
    _: Reader,
    *,
    first: Annotated[date, Query(alias="from", description="the first day, in UTC")],
    last: Annotated[date, Query(alias="to", description=f"the last day, which counts too; {LONGEST_DAYS} at most")],
    form: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
) -> Response:
    """Done in whole or part, refused and why, withdrawn, how many days they took, at risk; by kind, regulation and
    vendor."""
    try:
        found = await context.reads.run(lambda: _find(context, Period(first, last)))
    except PeriodError as error:
        raise Problem.unusable(f"from, to: {error}") from None
    if form == "csv":
        return Response(report_as_csv(found), media_type=CSV)
    return Response(to_json(report_as_json(found)), media_type="application/json")


def _find(context: Context, period: Period) -> Figures:
    with context.engine.connect() as connection:
        return figures_of(connection, period, context.settings.due_soon_days)
