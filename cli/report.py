"""`consent report`: what became of the requests received in a period."""

import json
import sys
from datetime import date

import typer

from answers.report import report_as_csv, report_as_json
from cli.report_tables import print_report
from intake.exit_codes import CommandError, Ending
from intake.stack import LEDGER, surroundings
from ledger.desk.figures import Period, PeriodError, figures_of


def report(first: date, last: date, *, as_json: bool, as_csv: bool) -> Ending:
    """Print the report. Raises CommandError, BrokenPipeError."""
    if as_json and as_csv:
        raise CommandError("give --json or --csv, not both", Ending.UNUSABLE)
    try:
        period = Period(first, last).checked()
    except PeriodError as error:
        raise CommandError(f"--from, --to: {error}", Ending.UNUSABLE) from None
    with surroundings(needed=LEDGER) as here, here.engine.connect() as connection:
        figures = figures_of(connection, period, here.settings.due_soon_days)
    if as_json:
        typer.echo(json.dumps(report_as_json(figures)))
    elif as_csv:
        sys.stdout.write(report_as_csv(figures))
    else:
        print_report(figures)
    return Ending.DONE
