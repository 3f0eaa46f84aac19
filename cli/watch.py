"""`consent watch` and `--wait`: following a request until it closes."""

import time
from collections.abc import Iterator
from uuid import UUID

from rich.console import Console

from cli.progress import OPEN, Bars, Moment, PlainLines, why_held
from cli.status import find_status
from intake.exit_codes import Ending
from intake.stack import surroundings
from ledger.delivery.vendors import all_vendors
from ledger.session import Engine

EVERY_S = 0.5


def watch(request_id: str) -> Ending:
    """Show a request's progress on stdout until it closes. Raises CommandError."""
    with surroundings() as here:
        return show_until_closed(here.engine, request_id, Console())


def show_until_closed(engine: Engine, request_id: str | UUID, console: Console) -> Ending:
    """Show progress: bars on a terminal, else a line now and then. DONE where the request completed without exceptions.

    Raises CommandError.
    """
    live = console.is_terminal and not console.is_dumb_terminal
    status = ""
    with Bars(console) if live else PlainLines(console) as display:
        for moment in _moments(engine, request_id):
            display.show(moment)
            status = moment.status.status
    return Ending.DONE if status == "completed" else Ending.EXCEPTIONS


def _moments(engine: Engine, request_id: str | UUID) -> Iterator[Moment]:
    while True:
        with engine.connect() as connection:
            status = find_status(connection, request_id)
            held = {vendor.name: why for vendor in all_vendors(connection) if (why := why_held(vendor))}
        yield Moment(status, held, time.monotonic())
        if status.status not in OPEN:
            return
        time.sleep(EVERY_S)
