"""`consent list`: requests on record, the newest first."""

import json
from dataclasses import replace
from typing import Any

import typer

from cli.given import unusable
from cli.tables import print_requests
from cli.utc import as_utc
from intake.exit_codes import Ending, note
from intake.stack import master_keys, surroundings
from ledger.desk import listing
from ledger.desk.listing import Listed, Place, Wanted
from ledger.keys import fingerprinter
from ledger.requests.references import prints_of_reference
from web.cursors import REQUESTS, cursor_at, read_cursor
from web.problems import Problem


def show(wanted: Wanted, *, reference: str | None, limit: int, cursor: str | None, as_json: bool) -> Ending:
    """Print at most this many requests, beyond `cursor`; `reference`: what they are called. Raises CommandError."""
    after = _place(cursor)
    with surroundings() as here, here.engine.begin() as connection:
        if reference is not None:
            prints = fingerprinter(connection, master_keys(here))
            wanted = replace(wanted, reference=prints_of_reference(prints, reference))
        found = listing.requests_by_receipt(connection, wanted, after, limit + 1)
    page, more = found[:limit], len(found) > limit
    following = cursor_at(page[-1].place) if more else None
    if as_json:
        typer.echo(json.dumps({"requests": [_as_json(one) for one in page], "next": following}))
        return Ending.DONE
    if page:
        print_requests(page)
    else:
        typer.echo("no such request")
    if following is not None:
        note(f"there are more: --cursor {following}")
    return Ending.DONE


def _place(cursor: str | None) -> Place | None:
    try:
        return Place(*read_cursor(cursor, REQUESTS)) if cursor is not None else None
    except Problem:
        raise unusable("--cursor is not what a page before gave as `next`") from None


def _as_json(one: Listed) -> dict[str, Any]:
    fields = one._asdict()
    del fields["place"]
    return fields | {
        "request_id": str(one.request_id),
        "received_at": as_utc(one.received_at),
        "due_at": as_utc(one.due_at),
    }
