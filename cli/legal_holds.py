"""`consent legal-hold`: people whose data must be kept."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import typer

from cli.attention import check_text
from cli.given import read_day_or_moment, unusable
from cli.lookup import read_person
from cli.os_user import who
from cli.submit import waker
from cli.tables import print_rows
from cli.utc import as_utc, moment_or_none
from domain.moments import end_of, refuse_far
from domain.outcomes import Reason
from intake.exit_codes import Ending
from intake.stack import BAD_KEYS, LEDGER, Surroundings, master_keys, surroundings
from ledger import legal_holds
from ledger.sealing import UnsealError
from tasks.legal_holds import HoldError, Keeper

SHOWN = ("id", "reason", "because", "until", "added_by", "identifiers", "deliveries")
"""Columns of the table."""


def add(
    source: str | None,
    given: Mapping[str, str | None],
    reason: str,
    *,
    because: str,
    until: str | None,
    as_json: bool,
) -> Ending:
    """Add a hold, and print its number. Raises CommandError."""
    person = read_person(source, given)
    text, ends = check_text(because), read_day_or_moment("--until", until)
    try:
        until_then = end_of(refuse_far(ends)) if ends is not None else None
    except ValueError as error:
        raise unusable(f"--until {error}") from None
    with surroundings() as here, _keeper(here) as keeper:
        number = keeper.add(person, Reason(reason), text, until_then)
    answer = {"id": number, "reason": reason, "until": moment_or_none(until_then)}
    typer.echo(json.dumps(answer) if as_json else number)
    return Ending.DONE


def show(*, ended: bool, as_json: bool) -> Ending:
    """Print the holds in force, or all. Raises CommandError."""
    with surroundings(needed=LEDGER) as here, here.engine.connect() as connection:
        found = legal_holds.every(connection, ended=ended)
    rows = [one._asdict() for one in found]
    if as_json:
        told = [{name: as_utc(at) if isinstance(at, datetime) else at for name, at in row.items()} for row in rows]
        typer.echo(json.dumps({"legal_holds": told}))
    elif rows:
        shown = (*SHOWN, "ended_at", "ended_by") if ended else SHOWN
        print_rows([{name: row[name] for name in shown} | {"identifiers": _listed(row)} for row in rows])
    else:
        typer.echo("there was no legal hold" if ended else "no legal hold is in force")
    return Ending.DONE


def _listed(row: Mapping[str, Any]) -> str:
    return ", ".join(row["identifiers"])


def release(number: int, *, because: str | None, as_json: bool) -> Ending:
    """End a hold. Raises CommandError."""
    text = check_text(because) if because is not None else None
    with surroundings() as here, _keeper(here) as keeper:
        keeper.release(number, text)
    said = "released; what waited for it is on its way, unless another hold keeps the same person"
    typer.echo(json.dumps({"id": number, "released": True}) if as_json else said)
    return Ending.DONE


@contextmanager
def _keeper(here: Surroundings) -> Iterator[Keeper]:
    try:
        yield Keeper(here.engine, master_keys(here), who(), waker(here))
    except HoldError as error:
        raise unusable(str(error)) from None
    except UnsealError as error:
        raise unusable(f"{BAD_KEYS}{error}") from None
