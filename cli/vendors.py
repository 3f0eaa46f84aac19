"""`consent vendor`: which vendors are on, and holds by hand."""

import typer

from cli.attention import check_text
from cli.os_user import who
from cli.status import as_utc
from cli.tables import print_vendors
from intake.exit_codes import CommandError, Ending, note
from intake.stack import surroundings
from ledger.accounts import audit
from ledger.accounts.audit import Entry
from ledger.delivery import switching, vendors
from ledger.session import Connection
from tasks import retire as retiring


def show_vendors() -> Ending:
    """Print every vendor that the workers have announced."""
    with surroundings() as here, here.engine.connect() as connection:
        known = vendors.all_vendors(connection)
    print_vendors(known)
    for vendor in known:
        if vendor.enabled and not vendor.served:
            note(f"{vendor.name}: no worker with its credentials has looked for its chunks in the last minute")
    return Ending.DONE


def hold(name: str) -> Ending:
    """Send nothing to a vendor until it is resumed. Raises CommandError."""
    with surroundings() as here, here.engine.begin() as connection:
        if not vendors.hold(connection, name, who()):
            raise _unknown(connection)
        audit.add(connection, [Entry(who(), "vendor hold", allowed=True, target=name)])
    typer.echo(f"{name} is held; `consent vendor resume {name}` lets it go on")
    return Ending.DONE


def resume(name: str, step: str | None = None) -> Ending:
    """Lift the hold of a vendor, or of one of its steps; the workers notice within a second. Raises CommandError."""
    with surroundings() as here, here.engine.begin() as connection:
        if not vendors.resume(connection, name, step):
            raise _unknown(connection)
        because = None if step is None else "one of its steps"
        audit.add(connection, [Entry(who(), "vendor resume", allowed=True, target=name, because=because)])
    typer.echo(f"{name} goes on" if step is None else f"{name} goes on at {step}")
    return Ending.DONE


def switch_on(name: str) -> Ending:
    """Send new requests to a vendor. Raises CommandError."""
    with surroundings() as here, here.engine.begin() as connection:
        if not switching.switch_on(connection, name, who()):
            raise _unknown(connection)
    typer.echo(f"{name} is on; new requests go there")
    return Ending.DONE


def switch_off(name: str) -> Ending:
    """Send no new request to a vendor, and nothing else. Raises CommandError."""
    with surroundings() as here, here.engine.begin() as connection:
        if not switching.switch_off(connection, name, who()):
            raise _unknown(connection)
    typer.echo(f"{name} is off; what is pending there waits until it is on again or retired")
    return Ending.DONE


def retire(name: str, *, because: str) -> Ending:
    """Retire a vendor. Raises CommandError."""
    text = check_text(because)
    with surroundings() as here:
        try:
            retired = retiring.retire(here.engine, name, who(), text)
        except retiring.NoSuchVendorError:
            with here.engine.connect() as connection:
                raise _unknown(connection) from None
    how = "is retired" if retired.before is None else f"was retired before, on {as_utc(retired.before)}"
    if retired.before is not None and not (retired.pending or retired.waiting):
        typer.echo(f"{name} {how}; nothing was left to cancel")
        return Ending.DONE
    typer.echo(
        f"{name} {how}: {retired.pending:,} pending deliveries and {retired.waiting:,} that needed a person are "
        "cancelled now; those under way in a worker follow within seconds"
    )
    return Ending.DONE


def _unknown(connection: Connection) -> CommandError:
    known = ", ".join(vendor.name for vendor in vendors.all_vendors(connection))
    return CommandError(f"unknown vendor; known are {known or 'none until workers have started'}", Ending.UNUSABLE)
