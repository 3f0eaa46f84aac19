"""`consent audit`: who was admitted or refused, and what they did."""

from typing import Any

from cli.audit_table import print_audit
from cli.paging import Listing
from cli.utc import as_utc
from intake.exit_codes import Ending
from intake.stack import LEDGER, surroundings
from ledger.accounts import audit
from ledger.accounts.audit import Wanted, Written


def show(wanted: Wanted, *, limit: int, as_json: bool) -> Ending:
    """Print at most this many entries, newest first. Raises CommandError."""
    with surroundings(needed=LEDGER) as here, here.engine.connect() as connection:
        found = audit.entries(connection, wanted, limit + 1)
    return LISTING.tell(found, limit, as_json=as_json)


def _as_json(entry: Written) -> dict[str, Any]:
    fields = entry._asdict()
    return {
        "id": fields.pop("id"),
        "at": as_utc(fields.pop("at")),
        "by": fields.pop("by"),
        "action": fields.pop("deed"),
        "key": fields.pop("key_prefix"),
        **fields,
    }


LISTING = Listing[Written](
    name="entries",
    none="no such entry",
    option="--before",
    mark=lambda entry: entry.id,
    as_json=_as_json,
    print_table=print_audit,
)
