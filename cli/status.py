"""`consent status` and `consent export`: a request as it is in the ledger."""

import csv
import json
import sys
from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from cli.os_user import who
from cli.request_ids import no_such_request, read_id
from cli.status_words import Directory, Told, say_forgotten, tell
from cli.untaken import say_untaken
from cli.utc import as_utc
from domain.counted import counted
from domain.outcomes import Reason
from intake.card_wording import say_done
from intake.exit_codes import CommandError, Ending, note
from intake.stack import LEDGER, LEDGER_AND_KEYS, Surroundings, master_keys, surroundings
from ledger.accounts import audit
from ledger.accounts.audit import Entry
from ledger.desk.reports import Row, deliveries_of, status_of
from ledger.desk.status import Status, waited_for
from ledger.requests import resolving
from ledger.requests.references import reference_of
from ledger.requests.resolving import DirectoryState
from ledger.sealing import UnsealError
from ledger.session import Connection, asking

DROPPED = (
    "the deliveries of this request are past their retention and gone; `consent status` still tells how many were what"
)


def find_status(connection: Connection, request_id: str | UUID) -> Status:
    """The status of a request. Raises CommandError where the id is not a UUID, or unknown."""
    status = status_of(connection, read_id(request_id))
    if status is None:
        raise no_such_request()
    return status


def status(request_id: str, *, as_json: bool) -> Ending:
    """Print the status of a request. Raises CommandError."""
    with surroundings(needed=LEDGER_AND_KEYS) as here, here.engine.connect() as connection:
        found = find_status(connection, request_id)
        state = resolving.directory_state(connection) if found.to_resolve else None
        directory = Directory(say_directory_state(state), state.fault) if state else None
        vendors = waited_for(asking(connection), found.pending_at)
        reference = _reference(here, connection, found)
    tell(Told(found, found.at_risk(here.settings.due_soon_days), vendors, directory, reference), as_json=as_json)
    redis_url = here.stack.redis_url
    if not as_json and redis_url and (untaken := say_untaken(found, redis_url, here.stack.redis_ca)):
        note(untaken)
    return Ending.DONE


def _reference(here: Surroundings, connection: Connection, found: Status) -> str | None:
    """What a request is called; None where its people are forgotten, or its key was given up."""
    try:
        return reference_of(connection, found.request_id, master_keys(here)) if found.has_reference else None
    except UnsealError:
        note("its reference cannot be read with these master keys")
        return None


def say_directory_state(directory: DirectoryState) -> str:
    """The state of the controller's directory, in one line."""
    if directory.fault is None or directory.failing_since is None:
        return "it answers" if directory.waiting else "nobody waits for it"
    failing = (
        f"{directory.fault}; {counted(directory.failures, 'time')} in a row since {as_utc(directory.failing_since)}"
    )
    return f"{failing}, and {counted(directory.waiting, 'request waits', 'requests wait')}"


class Which(NamedTuple):
    """Which deliveries to export; what is None does not matter."""

    vendor: str | None = None
    outcome: str | None = None
    reason: str | None = None

    def has(self, row: Row) -> bool:
        """Whether this one is meant."""
        return (
            self.vendor in (None, row.vendor)
            and self.outcome in (None, row.outcome)
            and self.reason in (None, row.reason)
        )


def export(request_id: str, which: Which, *, as_csv: bool) -> Ending:
    """Print deliveries of a request, streamed from the ledger. Raises CommandError, BrokenPipeError."""
    with surroundings(needed=LEDGER) as here, here.engine.connect() as connection:
        found = find_status(connection, request_id)
        if found.dropped:
            raise CommandError(DROPPED, Ending.UNUSABLE)
        if which.vendor is not None and which.vendor not in found.vendors:
            known = ", ".join(found.vendors)
            raise CommandError(f"--vendor: the request does not go there; it goes to {known}", Ending.UNUSABLE)
        if which.reason is not None and which.reason not in list(Reason):
            raise CommandError(f"unknown --reason; known are {', '.join(Reason)}", Ending.UNUSABLE)
        audit.add(connection, [Entry(who(), "export", allowed=True, target=str(found.request_id))])
        connection.commit()
        if found.forgotten:
            note(say_forgotten(found))
        rows = (row for row in deliveries_of(connection, found.request_id) if which.has(row))
        (_write_csv if as_csv else _write_ndjson)(found.kind, rows)
    return Ending.DONE


def _write_csv(kind: str, rows: Iterable[Row]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow((*Row._fields[:-1], "done", "superseded_by"))
    writer.writerows((*row[:-2], _settled_at(row), _done(kind, row), row.superseded_by) for row in rows)


def _write_ndjson(kind: str, rows: Iterable[Row]) -> None:
    for row in rows:
        fields = row._asdict() | {"settled_at": _settled_at(row), "done": _done(kind, row)}
        fields["superseded_by"] = str(row.superseded_by) if row.superseded_by else None
        sys.stdout.write(json.dumps(fields) + "\n")


def _settled_at(row: Row) -> str | None:
    return as_utc(row.settled_at) if row.settled_at else None


def _done(kind: str, row: Row) -> str | None:
    return say_done(row.vendor, kind, row.outcome, row.reason)
