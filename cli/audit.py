"""`consent audit`: who was admitted or refused, and what they did."""

import json
from typing import Any

import typer

from cli.audit_table import print_audit
from cli.utc import as_utc
from intake.exit_codes import Ending, note
from intake.stack import surroundings
from ledger.accounts import audit
from ledger.accounts.audit import Wanted, Written


def show(wanted: Wanted, *, limit: int, as_json: bool) -> Ending:
    """Print at most this many entries, newest first. Raises CommandError."""
    with surroundings() as here, here.engine.connect() as connection:
        found = audit.entries(connection, wanted, limit + 1)
    page, more = found[:limit], len(found) > limit
    following = page[-1].id if more else None
    if as_json:
        typer.echo(json.dumps({"entries": [_as_json(entry) for entry in page], "next": following}))
        return Ending.DONE
    if page:
        print_audit(page)
    else:
        typer.echo("no such entry")
    if following is not None:
        note(f"there are more: --before {following}")
    return Ending.DONE


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
