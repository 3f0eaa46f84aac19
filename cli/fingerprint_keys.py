"""`consent fingerprint-key`: what needs each key, and rotation."""

import json
from datetime import datetime, timedelta
from typing import Any

import typer

from cli.os_user import who
from cli.progress_notes import noting
from cli.utc import as_utc
from domain.counted import counted, counted_people
from intake.exit_codes import CommandError, Ending, note
from intake.stack import BAD_KEYS, LEDGER, LEDGER_AND_KEYS, master_keys, surroundings
from ledger.requests.fingerprint_keys import StillWritingError
from ledger.requests.key_needs import Key, keys_of
from ledger.sealing import UnsealError
from tasks.fingerprint_keys import rotate as replace_key

NONE_YET = "there is no fingerprint key yet: the first request makes one"


def status(*, as_json: bool) -> Ending:
    """Print what needs each key. Raises CommandError."""
    with surroundings(needed=LEDGER) as here, here.engine.connect() as connection:
        keys = keys_of(connection)
        _print({}, keys, here.settings.suppression_days, as_json=as_json)
    return Ending.EXCEPTIONS if any(one.state == "reprinting" for one in keys) else Ending.DONE


def rotate(*, as_json: bool) -> Ending:
    """Replace the key. Raises CommandError."""
    progress = noting(lambda people: f"{counted_people(people)} fingerprinted anew so far")
    with surroundings(needed=LEDGER_AND_KEYS) as here:
        try:
            done = replace_key(here.engine, master_keys(here), who(), progress)
        except UnsealError as error:
            raise CommandError(f"{BAD_KEYS}{error}", Ending.UNUSABLE) from None
        except StillWritingError:
            raise CommandError(
                "submissions under way did not end in time, a file that is being uploaded for instance: run it again",
                Ending.EXCEPTIONS,
            ) from None
        if not as_json:
            goes_on = "; a rotation that was begun before is done" if done.resumed else ""
            typer.echo(f"{counted_people(done.people)} fingerprinted anew{goes_on}")
        told = {"reprinted": done.people, "unreadable": done.unreadable, "resumed": done.resumed}
        _print(told, done.keys, here.settings.suppression_days, as_json=as_json)
    if done.unreadable:
        note(f"{counted_people(done.unreadable)} cannot be read any more, and so not be fingerprinted anew")
    return Ending.DONE


def _print(told: dict[str, Any], keys: list[Key], days: float | None, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(told | {"keys": [_as_json(one, days) for one in keys]}))
        return
    for one in keys:
        typer.echo(_line(one, days))
    if not keys:
        typer.echo(NONE_YET)


def _as_json(one: Key, days: float | None) -> dict[str, Any]:
    until = _until(one, days)
    return {
        "key": one.number,
        "made_at": as_utc(one.made_at),
        "newest": one.state is None,
        "state": one.state or "in use",
        "suppression_entries": one.entries,
        "until": as_utc(until) if until else None,
        "idempotency_keys": one.requests,
        "legal_holds": one.holds,
        "needed": one.is_needed,
    }


def _until(one: Key, days: float | None) -> datetime | None:
    return one.newest_entry + timedelta(days=days) if one.newest_entry and days is not None else None


def _line(one: Key, days: float | None) -> str:
    key = f"key {one.number}, made {as_utc(one.made_at)}"
    match one.state:
        case None:
            return f"{key}: fingerprints everybody from now on"
        case "reprinting":
            return f"{key}: being replaced, people are found by it too; `consent fingerprint-key rotate` goes on"
        case "tidying":
            return f"{key}: replaced; fingerprints by it are being deleted"
    if not one.is_needed:
        return f"{key}: not needed any more, and deleted within the hour"
    until = _until(one, days)
    ends = f", until {as_utc(until)}" if until else ", for ever"
    needs = [f"{counted_people(one.entries)} on the suppression list{ends}"] if one.entries else []
    if one.requests:
        requests = counted(one.requests, "request", "requests")
        needs.append(f"the idempotency keys of {requests}, until they are forgotten")
    if one.holds:
        needs.append(f"{counted(one.holds, 'legal hold', 'legal holds')}, by which people are found meanwhile")
    if one.people_left:
        needs.append("people who are being forgotten now")
    return f"{key}: kept for {'; '.join(needs)}"
