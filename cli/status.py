"""`consent status` and `consent export`: a request as it is in the ledger."""

import csv
import json
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import typer
from redis.exceptions import RedisError

from cli.os_user import who
from cli.tables import print_status
from domain.counted import counted
from domain.outcomes import Reason
from intake.card_wording import say_done
from intake.exit_codes import CommandError, Ending, note
from intake.stack import Surroundings, surroundings
from intake.take_in.inbox import say_nobody_takes_in, waiting
from ledger.accounts import audit
from ledger.accounts.audit import Entry
from ledger.delivery.vendors import all_vendors
from ledger.desk.reports import PENDING, Row, Status, deliveries_of, status_of
from ledger.requests import resolving
from ledger.requests.resolving import DirectoryState
from ledger.session import Connection
from tasks.reach import missing_identifiers
from tasks.redis_connections import connect

NO_SUCH_REQUEST = (
    "there is no request of this id; `consent submit` printed it, as in 123e4567-e89b-42d3-a456-426614174000"
)
DROPPED = (
    "the deliveries of this request are past their retention and gone; `consent status` still tells how many were what"
)


def no_such_request() -> CommandError:
    """The error for an unknown id."""
    return CommandError(NO_SUCH_REQUEST, Ending.UNUSABLE)


def read_id(request_id: str | UUID) -> UUID:
    """Read an id from the command line. Raises CommandError where it is not a UUID."""
    try:
        return UUID(str(request_id))
    except ValueError:
        raise no_such_request() from None


def find_status(connection: Connection, request_id: str | UUID) -> Status:
    """The status of a request. Raises CommandError where the id is not a UUID, or unknown."""
    status = status_of(connection, read_id(request_id))
    if status is None:
        raise no_such_request()
    return status


def status(request_id: str, *, as_json: bool) -> Ending:
    """Print the status of a request. Raises CommandError."""
    with surroundings() as here, here.engine.connect() as connection:
        found = find_status(connection, request_id)
        at_risk = found.at_risk(here.settings.due_soon_days)
        directory = resolving.directory_state(connection) if found.to_resolve else None
        waits_at = [name for name, tally in found.vendors.items() if tally.get(PENDING)]
        vendors = [one for one in all_vendors(connection) if one.name in waits_at]
    unserved = [one.name for one in vendors if not one.served]
    held = {one.name: one.why_held for one in vendors if one.why_held}
    if as_json:
        typer.echo(json.dumps({**_as_json(found, directory, at_risk=at_risk), "held": held, "unserved": unserved}))
    else:
        print_status(found, at_risk=at_risk)
        if found.forgotten:
            note(say_forgotten(found))
        if directory is not None:
            note(f"nothing is sent before the directory is asked what people lack: {say_directory_state(directory)}")
        if found.resolved:
            note("answers of the directory: " + ", ".join(f"{one:,} {name}" for name, one in found.resolved.items()))
        for vendor, why in held.items():
            note(f"{vendor}: held, what is pending there waits ({why}); see `consent vendor list`")
        for vendor in unserved:
            note(f"{vendor}: nobody has looked for its deliveries in the last minute; see `consent vendor list`")
        if untaken := _say_untaken(here):
            note(untaken)
    return Ending.DONE


def _say_untaken(here: Surroundings) -> str | None:
    """Whether requests of Celery producers wait and no process takes them in: more may follow."""
    try:
        with connect(here.stack.redis_url, here.stack.redis_ca) as client:
            messages, processes = waiting(client)
    except RedisError:
        return None  # the status is known without Redis
    return say_nobody_takes_in(messages) if messages and not processes else None


def say_directory_state(directory: DirectoryState) -> str:
    """The state of the controller's directory, in one line."""
    if directory.fault is None or directory.failing_since is None:
        return "it answers" if directory.waiting else "nobody waits for it"
    failing = (
        f"{directory.fault}; {counted(directory.failures, 'time')} in a row since {as_utc(directory.failing_since)}"
    )
    return f"{failing}, and {counted(directory.waiting, 'request waits', 'requests wait')}"


def _as_json(status: Status, directory: DirectoryState | None, *, at_risk: bool) -> Mapping[str, Any]:
    missing = {name: one._asdict() for name, one in missing_identifiers(status).items()}
    return {
        "request_id": str(status.request_id),
        "kind": status.kind,
        "status": status.status,
        "subjects": status.subjects,
        "duplicates": status.duplicates,
        "regulation": status.regulation,
        "received_at": as_utc(status.received_at),
        "asked_at": as_utc(status.asked_at),
        "effective_at": as_utc(status.effective_at),
        "not_before": as_utc(status.not_before),
        "due_at": as_utc(status.due_at),
        "due_reason": status.due_reason,
        "at_risk": at_risk,
        "submitted_by": status.submitted_by,
        "confirmed_by": status.confirmed_by,
        **({"forgotten_at": moment_or_none(status.forgotten_at)} if status.forgotten else {}),
        "vendors": status.vendors,
        "missing_identifiers": missing,
        **_directory_json(status, directory),
    }


def say_forgotten(status: Status) -> str:
    """That the people of a request are forgotten, and since when."""
    since = f" since {as_utc(status.forgotten_at)}" if status.forgotten_at else ""
    return f"its people are forgotten{since}: nobody can tell who they were; how many ended how stays on record"


def moment_or_none(moment: datetime | None) -> str | None:
    """The same as `as_utc`, where there is one."""
    return as_utc(moment) if moment else None


def _directory_json(status: Status, directory: DirectoryState | None) -> dict[str, Any]:
    if not (status.to_resolve or status.resolved):
        return {}
    fault = directory.fault if directory else None
    return {"directory": {"waits": status.to_resolve, "fault": fault, "answers": status.resolved}}


def as_utc(moment: datetime) -> str:
    """ISO 8601, in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


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
    with surroundings() as here, here.engine.connect() as connection:
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
