"""The status of a request, for people and as JSON."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cli.terminal import console, table
from cli.utc import as_utc, for_people, moment_or_none
from domain.counted import counted, counted_people
from domain.outcomes import Outcome
from intake.card_wording import say_operations
from intake.exit_codes import answer, note
from ledger.desk.status import PENDING, Status, WaitedFor
from tasks.unreachable import missing_identifiers


class Directory(NamedTuple):
    """The controller's directory, of a request that waits for it: a line for people, and what is wrong with its
    answers."""

    state: str
    fault: str | None


class Told(NamedTuple):
    """The status of a request, and what is told with it."""

    status: Status
    at_risk: bool
    vendors: Sequence[WaitedFor]
    """Those that it waits for."""
    directory: Directory | None = None
    reference: str | None = None
    """What its submitter calls it."""


def tell(told: Told, *, as_json: bool) -> None:
    """Print it: on stdout, and what keeps it from going on as notes."""
    if as_json:
        answer(json.dumps(_as_json(told)))
        return
    status = told.status
    _print_status(told)
    if status.forgotten:
        note(say_forgotten(status))
    if told.directory:
        note(f"nothing is sent before the directory is asked what people lack: {told.directory.state}")
    if status.resolved:
        note("answers of the directory: " + ", ".join(f"{one:,} {name}" for name, one in status.resolved.items()))
    for vendor in told.vendors:
        if vendor.why_held:
            note(f"{vendor.name}: held, what is pending there waits ({vendor.why_held}); see `consent vendor list`")
        elif vendor.failing:
            note(f"{vendor.name}: failing, not held yet; what is pending there is tried again ({vendor.failing})")
    for vendor in told.vendors:
        if not vendor.served:
            note(f"{vendor.name}: nobody has looked for its deliveries in the last minute; see `consent vendor list`")


def _print_status(told: Told) -> None:
    """A row for each vendor."""
    status, to = told.status, console()
    whom = counted_people(status.subjects)
    whom += f", {counted(status.duplicates, 'repeat')} left out" if status.duplicates else ""
    to.print(f"{status.request_id}: {status.kind}, {status.status}; {whom}", highlight=False)
    if told.reference:
        to.print(f"reference: {told.reference}", highlight=False, markup=False)
    due = f"due {for_people(status.due_at)}" + (", at risk" if told.at_risk else "")
    to.print(f"received {for_people(status.received_at)}, {due}", highlight=False)
    if status.due_reason:
        to.print(f"extended: {status.due_reason}", highlight=False, markup=False)
    if status.status == "unconfirmed":
        to.print(f"waits for someone other than {status.submitted_by} to confirm it", highlight=False)
    if status.not_before > max(status.received_at, status.now):
        to.print(f"not sent before {for_people(status.not_before)}", highlight=False)
    found = {name for counts in status.vendors.values() for name in counts}
    outcomes = [PENDING, *(outcome.value for outcome in Outcome if outcome in found)]  # always in this order
    grid = table("vendor")
    for outcome in outcomes:
        grid.add_column(outcome, justify="right")
    for vendor, counts in status.vendors.items():
        grid.add_row(vendor, *(f"{counts.get(outcome, 0):,}" for outcome in outcomes))
    to.print(grid)
    for vendor, missing in missing_identifiers(status).items():
        accepted = f"; accepted by {missing.accepted_by}" if missing.accepted_by else ""
        message = f"{vendor}: {missing.deliveries:,} unreachable ({missing.reason}), give {missing.give}{accepted}"
        to.print(message, highlight=False, markup=False)
    if Outcome.ACCEPTED in outcomes:
        to.print("accepted: the vendor said yes, and it has not been, or cannot be, read back", highlight=False)
    for vendor, counts in status.vendors.items():
        if counts.get(Outcome.ACCEPTED) or counts.get(Outcome.VERIFIED):
            _print_ways(vendor, say_operations(vendor, status.kind))


def _print_ways(vendor: str, ways: Sequence[str]) -> None:
    """What was done there, a line for each way: which it was depends on the size of the request and on the settings.
    None for a recipient without an API: a person knows."""
    to = console()
    if len(ways) == 1:
        to.print(f"{vendor}: {ways[0]}", highlight=False, markup=False)
    elif ways:
        to.print(f"{vendor}, in one of these ways (`consent export` says which):", highlight=False, markup=False)
        for way in ways:
            to.print(f"  {way}", highlight=False, markup=False)


def _as_json(told: Told) -> Mapping[str, Any]:
    status = told.status
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
        "at_risk": told.at_risk,
        "reference": told.reference,
        "submitted_by": status.submitted_by,
        "confirmed_by": status.confirmed_by,
        **({"forgotten_at": moment_or_none(status.forgotten_at)} if status.forgotten else {}),
        **({"forget_at": as_utc(status.forget_at)} if status.forget_at else {}),
        "vendors": status.vendors,
        "missing_identifiers": missing,
        **_directory_json(status, told.directory),
        "held": {one.name: one.why_held for one in told.vendors if one.why_held},
        "failing": {one.name: one.failing for one in told.vendors if one.failing},
        "unserved": [one.name for one in told.vendors if not one.served],
    }


def say_forgotten(status: Status) -> str:
    """That the people of a request are forgotten, and since when."""
    since = f" since {as_utc(status.forgotten_at)}" if status.forgotten_at else ""
    return f"its people are forgotten{since}: nobody can tell who they were; how many ended how stays on record"


def _directory_json(status: Status, directory: Directory | None) -> dict[str, Any]:
    if not (status.to_resolve or status.resolved):
        return {}
    fault = directory.fault if directory else None
    return {"directory": {"waits": status.to_resolve, "fault": fault, "answers": status.resolved}}
