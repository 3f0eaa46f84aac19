"""`consent watch` and `--wait`: following a request until it closes."""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING
from uuid import UUID

from cli.moment import OPEN, Moment
from cli.status import find_status
from cli.terminal import console
from intake.exit_codes import Ending, note
from intake.stack import LEDGER, surroundings
from ledger.delivery.vendors import all_vendors
from ledger.desk.status import PENDING
from ledger.session import Engine

if TYPE_CHECKING:
    from rich.console import Console

EVERY_S = 0.5


def watch(request_id: str, *, wait_s: float | None, as_json: bool) -> Ending:
    """Show a request's progress on stdout until it closes, or for so long. Raises CommandError."""
    with surroundings(needed=LEDGER) as here:
        if as_json:
            return _followed(_print_changes(here.engine, request_id, wait_s), request_id)
        return show_until_closed(here.engine, request_id, console(), wait_s=wait_s)


def show_until_closed(engine: Engine, request_id: str | UUID, to: "Console", *, wait_s: float | None = None) -> Ending:
    """Show progress: bars on a terminal, else a line now and then. DONE where the request completed without exceptions,
    STILL_RUNNING where `wait_s` are over before.

    Raises CommandError.
    """
    from cli.progress import Bars, PlainLines  # noqa: PLC0415 - scripts ask for JSON, and need no bars

    live = to.is_terminal and not to.is_dumb_terminal

    def statuses() -> Iterator[str]:
        with Bars(to) if live else PlainLines(to) as display:
            for moment in _moments(engine, request_id, wait_s):
                display.show(moment)
                yield moment.status.status

    return _followed(statuses(), request_id)


def _followed(statuses: Iterator[str], request_id: str | UUID) -> Ending:
    """How it ended, by the last of its statuses."""
    status = ""
    try:
        for now in statuses:
            status = now
    except KeyboardInterrupt:
        note(f"no longer watching; the request goes on: `consent watch {request_id}`, or `consent cancel {request_id}`")
        return Ending.INTERRUPTED
    if status in OPEN:
        note(f"it is {status} still, and goes on: `consent watch {request_id}`")
        return Ending.STILL_RUNNING
    return Ending.DONE if status == "completed" else Ending.EXCEPTIONS


def _print_changes(engine: Engine, request_id: str, wait_s: float | None) -> Iterator[str]:
    """Prints an object on a line for each change."""
    last = None
    for moment in _moments(engine, request_id, wait_s):
        status = moment.status
        held, failing = (_with_work(moment, whom) for whom in (moment.held, moment.failing))
        told = {"status": status.status, "vendors": status.vendors, "held": held, "failing": failing}
        if told != last:
            sys.stdout.write(json.dumps({"request_id": str(status.request_id), **told}) + "\n")
            sys.stdout.flush()
        last = told
        yield status.status


def _with_work(moment: Moment, whom: Mapping[str, str]) -> dict[str, str]:
    counts = moment.status.vendors
    return {name: why for name, why in whom.items() if counts.get(name, {}).get(PENDING)}


def _moments(engine: Engine, request_id: str | UUID, wait_s: float | None) -> Iterator[Moment]:
    until = time.monotonic() + wait_s if wait_s is not None else None
    while True:
        with engine.connect() as connection:
            status = find_status(connection, request_id)
            vendors = all_vendors(connection)
        now = time.monotonic()
        held = {vendor.name: why for vendor in vendors if (why := vendor.why_held)}
        yield Moment(status, held, {vendor.name: vendor.failing for vendor in vendors if vendor.failing}, now)
        if status.status not in OPEN or (until is not None and now >= until):
            return
        time.sleep(EVERY_S if until is None else max(min(EVERY_S, until - now), 0.01))
