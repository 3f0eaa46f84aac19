"""`consent retention`: what the ledger holds of how long people can be read and records are kept, and changing it."""

import json
from collections.abc import Mapping
from typing import Any

import typer

from cli.attention import check_text
from cli.given import unusable
from cli.os_user import who
from config.retention import LEAST_RECORD_DAYS, NEVER, days_of
from domain.requests import Kind
from intake.exit_codes import Ending
from intake.stack import LEDGER, surroundings
from ledger import retention as ledger_retention
from ledger.accounts import audit
from ledger.accounts.audit import Entry
from ledger.retention import RECORD, Kept


def show(*, as_json: bool) -> Ending:
    """Print the periods. Raises CommandError."""
    with surroundings(needed=LEDGER) as here, here.engine.connect() as connection:
        kept = ledger_retention.kept(connection)
        chosen = here.settings.chosen()
    _print(kept, chosen, as_json=as_json)
    return Ending.DONE


def set_days(
    forget_after: str | None, retention: str | None, *, kind: str | None, because: str, as_json: bool
) -> Ending:
    """Change periods. Raises CommandError."""
    text = check_text(because)
    if forget_after is None and retention is None:
        raise unusable("say what to change: --forget-after-days, --retention-days, or both")
    if kind is not None and forget_after is None:
        raise unusable("--kind goes with --forget-after-days: records of all kinds are dropped together")
    days: dict[str, float | None] = {}
    if forget_after is not None:
        kinds = [kind] if kind is not None else [one.value for one in Kind]
        days |= dict.fromkeys(kinds, _days("--forget-after-days", forget_after, 0.0))
    if retention is not None:
        days[RECORD] = _days("--retention-days", retention, LEAST_RECORD_DAYS)
    with surroundings(needed=LEDGER) as here, here.engine.begin() as connection:
        ledger_retention.set_days(connection, days, who())
        change = ", ".join(f"{name}: {said(one)}" for name, one in days.items())
        entry = Entry(who(), "retention set", allowed=True, target=change, because=text)
        audit.add(connection, [entry])
        kept = ledger_retention.kept(connection)
        chosen = here.settings.chosen()
    _print(kept, chosen, as_json=as_json)
    return Ending.DONE


def _days(option: str, given: str, least: float) -> float | None:
    try:
        return days_of(given, least)
    except ValueError as error:
        raise unusable(f"{option} {error}") from None


def said(days: float | None) -> str:
    """Days in words."""
    return NEVER if days is None else f"after {days:g} days"


def _print(kept: Mapping[str, Kept], chosen: Mapping[str, float | None], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(_as_json(kept, chosen)))
        return
    for kind in Kind:
        typer.echo(f"people of {kind.value:<8} forgotten: {_line(kept.get(kind.value))}")
    typer.echo(f"records           dropped:   {_line(kept.get(RECORD))}")
    for name, days in differing(kept, chosen).items():
        typer.echo(f"{name}: the environment says {said(days)}; the ledger's value holds")


def _line(one: Kept | None) -> str:
    if one is None or one.as_before:
        return "as the workers' settings say: they write it down when they start"
    return f"{said(one.days)} (set by {one.set_by})"


def differing(kept: Mapping[str, Kept], chosen: Mapping[str, float | None]) -> dict[str, float | None]:
    """What the environment sets otherwise than the ledger, by name."""
    held = {name: one.days for name, one in kept.items() if not one.as_before}
    return {name: days for name, days in chosen.items() if name in held and held[name] != days}


def _as_json(kept: Mapping[str, Kept], chosen: Mapping[str, float | None]) -> dict[str, Any]:
    known = {name: one for name, one in kept.items() if not one.as_before}
    return {
        "forget_after_days": {kind.value: known[kind.value].days for kind in Kind if kind.value in known},
        "retention_days": known[RECORD].days if RECORD in known else None,
        "written_down": len(known) == len(Kind) + 1,
        "differing": differing(kept, chosen),
    }
