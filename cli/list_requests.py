"""`consent list`: requests on record, the newest first."""

from dataclasses import replace
from typing import Any

from cli.given import unusable
from cli.paging import Listing
from cli.tables import print_requests
from cli.utc import as_utc
from intake.exit_codes import Ending
from intake.stack import LEDGER, LEDGER_AND_KEYS, master_keys, surroundings
from ledger.desk import listing
from ledger.desk.listing import Listed, Place, Wanted
from ledger.keys import fingerprinter
from ledger.requests.references import prints_of_reference
from web.cursors import REQUESTS, cursor_at, read_cursor
from web.problems import Problem


def show(wanted: Wanted, *, reference: str | None, limit: int, cursor: str | None, as_json: bool) -> Ending:
    """Print at most this many requests, beyond `cursor`; `reference`: what they are called. Raises CommandError."""
    after = _place(cursor)
    needed = LEDGER if reference is None else LEDGER_AND_KEYS
    with surroundings(needed=needed) as here, here.engine.begin() as connection:
        if reference is not None:
            prints = fingerprinter(connection, master_keys(here))
            wanted = replace(wanted, reference=prints_of_reference(prints, reference))
        found = listing.requests_by_receipt(connection, wanted, after, limit + 1)
    return LISTING.tell(found, limit, as_json=as_json)


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


LISTING = Listing[Listed](
    name="requests",
    none="no such request",
    option="--cursor",
    mark=lambda one: cursor_at(one.place),
    as_json=_as_json,
    print_table=print_requests,
)
