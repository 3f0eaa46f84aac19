"""`consent confirm`, `cancel` and `extend`: decisions about a whole request."""

import json
import sys
from dataclasses import asdict

import typer

from cli.attention import check_text, deeds
from cli.given import unusable
from cli.request_ids import read_id
from cli.utc import as_utc, moment_or_none
from domain.counted import counted
from domain.periods import Period, Unit
from intake.exit_codes import Ending
from intake.stack import BAD_KEYS, master_keys, surroundings
from ledger.sealing import UnsealError


def confirm(request_id: str, *, own: bool, as_json: bool = False) -> Ending:
    """Let a large request run. Raises CommandError."""
    public_id = read_id(request_id)
    with surroundings() as here, deeds(here) as desk:
        desk.confirm(public_id, own=own)
    answer = {"request_id": str(public_id), "status": "running"}
    typer.echo(json.dumps(answer) if as_json else "confirmed; it is on its way")
    return Ending.DONE


def cancel(request_id: str, *, as_json: bool) -> Ending:
    """Cancel what was not sent, and print what happened to the rest. Raises CommandError."""
    public_id = read_id(request_id)
    with surroundings() as here, deeds(here) as desk:
        stopped = desk.cancel(public_id)
    if as_json:
        typer.echo(json.dumps({"request_id": str(public_id), "status": "cancelled", **asdict(stopped)}))
    else:
        not_sent = counted(stopped.cancelled, "delivery was not sent", "deliveries were not sent")
        under_way = counted(stopped.under_way, "is under way", "are under way")
        typer.echo(f"cancelled: {not_sent}, {stopped.done:,} had ended before, {under_way}")
    return Ending.DONE


def forget(request_id: str, *, because: str, yes: bool, as_json: bool) -> Ending:
    """Forget a request's people. Raises CommandError."""
    text = check_text(because)
    public_id = read_id(request_id)
    if not yes and sys.stdin is not None and sys.stdin.isatty():
        typer.confirm("Its people can never be read or found again, here or in its answers. Forget them?", abort=True)
    with surroundings() as here, deeds(here) as desk:
        try:
            at = moment_or_none(desk.forget(public_id, text, master_keys(here)))
        except UnsealError as error:
            raise unusable(f"{BAD_KEYS}{error}") from None
    answer = {"request_id": str(public_id), "forgotten_at": at}
    since = f" since {at}" if at else ""
    said = f"forgotten{since}: nobody can read or find its people; their fingerprints are deleted within the hour"
    typer.echo(json.dumps(answer) if as_json else said)
    return Ending.DONE


def extend(request_id: str, *, months: int | None, days: int | None, because: str, as_json: bool) -> Ending:
    """Extend a request's due date. Raises CommandError."""
    text = check_text(because)
    by = _period(months, days)
    public_id = read_id(request_id)
    with surroundings() as here, deeds(here) as desk:
        due_at = as_utc(desk.extend(public_id, by, text))
    answer = {"request_id": str(public_id), "due_at": due_at, "due_reason": text}
    typer.echo(
        json.dumps(answer) if as_json else f"due {due_at}; the people must be told, and why, before the original date"
    )
    return Ending.DONE


def _period(months: int | None, days: int | None) -> Period:
    given = {Unit.MONTHS: months, Unit.DAYS: days}
    found = [(count, unit) for unit, count in given.items() if count is not None]
    if len(found) != 1:
        raise unusable("give --months or --days, and not both")
    try:
        return Period(*found[0])
    except ValueError as error:
        raise unusable(str(error)) from None
