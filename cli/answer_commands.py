"""The commands that make what is sent to people and authorities: an answer, and the report."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from answers.choices import Form, Language, Reader
from cli.options import AsJson, RequestId
from intake.exit_codes import Ending

DAY = ["%Y-%m-%d"]


def answer(
    request_id: RequestId,
    *,
    line: Annotated[
        int | None, typer.Option(min=1, max=2**31 - 1, help="only the person on this line, as `export` names it")
    ] = None,
    lang: Annotated[Language, typer.Option(help="its language")] = Language.ENGLISH,
    reader: Annotated[Reader, typer.Option("--for", help="whom it is for")] = Reader.PERSON,
    form: Annotated[Form, typer.Option("--format", help="how to write it")] = Form.HTML,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="write it there; else to standard output")] = None,
    as_json: AsJson = False,
) -> Ending:
    """Make the answer to send back.

    It says what was asked, what was done at each recipient, what was not and why, and what happens next. It is made,
    and never sent.

    For a person, in plain words, with their identifiers masked; or for a supervisory authority, with counts, dates and
    deeds. With --line the audit log says who asked for it.
    """
    from cli import answer as answering

    return answering.answer(
        request_id, line=line, reader=reader, language=lang, form=Form.JSON if as_json else form, out=out
    )


def report(
    first: Annotated[datetime, typer.Option("--from", formats=DAY, help="the first day, in UTC")],
    last: Annotated[datetime, typer.Option("--to", formats=DAY, help="the last day, in UTC; it counts too")],
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="one row for each figure")] = False,
) -> Ending:
    """Count the requests received from one day to another.

    Done in whole or part, refused and why, withdrawn, how many days they took, at risk; by kind, regulation and vendor.
    """
    from cli import report as reporting

    return reporting.report(first.date(), last.date(), as_json=as_json, as_csv=as_csv)
