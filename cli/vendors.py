"""`consent vendor`: which vendors are on, and holds by hand."""

import json
from datetime import datetime
from typing import Any

import typer

from cli.attention import check_text
from cli.os_user import who
from cli.tables import print_vendors
from cli.utc import as_utc
from domain.counted import counted
from intake.exit_codes import CommandError, Ending, note
from intake.stack import LEDGER, surroundings
from ledger.accounts import audit
from ledger.accounts.audit import Entry
from ledger.delivery import switching, vendors
from ledger.delivery.restored import RestoredError
from ledger.delivery.vendors import Vendor
from ledger.session import Connection
from tasks import retire as retiring


def show_vendors(*, as_json: bool) -> Ending:
    """Print every vendor that the workers have announced."""
    with surroundings(needed=LEDGER) as here, here.engine.connect() as connection:
        known = vendors.all_vendors(connection)
    if as_json:
        typer.echo(json.dumps({"vendors": [_as_json(vendor) for vendor in known]}))
        return Ending.DONE
    print_vendors(known)
    for vendor in known:
        if vendor.enabled and not vendor.served:
            note(f"{vendor.name}: no worker with its credentials has looked for its chunks in the last minute")
    return Ending.DONE


def _as_json(vendor: Vendor) -> dict[str, Any]:
    return {
        "name": vendor.name,
        "enabled": vendor.enabled,
        "off_by": vendor.off_by,
        "retired_at": _utc(vendor.retired_at),
        "served": vendor.served,
        "held_at": _utc(vendor.held_at),
        "held_reason": vendor.held_reason,
        "held_by": vendor.held_by,
        "failing": vendor.failing or None,
        "steps": [
            {
                "step": held.step,
                "held_at": _utc(held.held_at),
                "held_reason": held.held_reason,
                "held_by": held.held_by,
                "next_try_at": _utc(held.probe_at),
            }
            for held in vendor.steps
        ],
    }


def _utc(at: datetime | None) -> str | None:
    return as_utc(at) if at else None


def hold(name: str) -> Ending:
    """Send nothing to a vendor until it is resumed. Raises CommandError."""
    with surroundings(needed=LEDGER) as here, here.engine.begin() as connection:
        if not vendors.hold(connection, name, who()):
            raise _unknown(connection)
        audit.add(connection, [Entry(who(), "vendor hold", allowed=True, target=name)])
    typer.echo(f"{name} is held; `consent vendor resume {name}` lets it go on")
    return Ending.DONE


def resume(name: str, step: str | None = None) -> Ending:
    """Lift the hold of a vendor, or of one of its steps; the workers notice within a second. Raises CommandError."""
    with surroundings(needed=LEDGER) as here, here.engine.begin() as connection:
        try:
            known = vendors.resume(connection, name, step)
        except RestoredError as error:
            raise CommandError(str(error), Ending.UNUSABLE) from None
        if not known:
            raise _unknown(connection)
        because = None if step is None else "one of its steps"
        audit.add(connection, [Entry(who(), "vendor resume", allowed=True, target=name, because=because)])
    typer.echo(f"{name} goes on" if step is None else f"{name} goes on at {step}")
    return Ending.DONE


def switch_on(name: str) -> Ending:
    """Send new requests to a vendor. Raises CommandError."""
    with surroundings(needed=LEDGER) as here, here.engine.begin() as connection:
        if not switching.switch_on(connection, name, who()):
            raise _unknown(connection)
    typer.echo(f"{name} is on; new requests go there")
    return Ending.DONE


def switch_off(name: str) -> Ending:
    """Send no new request to a vendor, and nothing else. Raises CommandError."""
    with surroundings(needed=LEDGER) as here, here.engine.begin() as connection:
        if not switching.switch_off(connection, name, who()):
            raise _unknown(connection)
    typer.echo(f"{name} is off; what is pending there waits until it is on again or retired")
    return Ending.DONE


def retire(name: str, *, because: str) -> Ending:
    """Retire a vendor. Raises CommandError."""
    text = check_text(because)
    with surroundings(needed=LEDGER) as here:
        try:
            retired = retiring.retire(here.engine, name, who(), text)
        except retiring.NoSuchVendorError:
            with here.engine.connect() as connection:
                raise _unknown(connection) from None
    how = "is retired" if retired.before is None else f"was retired before, on {as_utc(retired.before)}"
    if retired.before is not None and not (retired.pending or retired.waiting):
        typer.echo(f"{name} {how}; nothing was left to cancel")
        return Ending.DONE
    pending = counted(retired.pending, "pending delivery", "pending deliveries")
    typer.echo(
        f"{name} {how}: {pending} and {retired.waiting:,} that needed a person are cancelled now; those under way in a "
        "worker follow within seconds"
    )
    return Ending.DONE


def _unknown(connection: Connection) -> CommandError:
    known = ", ".join(vendor.name for vendor in vendors.all_vendors(connection))
    return CommandError(f"unknown vendor; known are {known or 'none until workers have started'}", Ending.UNUSABLE)
