"""`consent vendor`: which vendors there are, and holding one back by hand."""

import typer

from intake.display import print_vendors
from intake.endings import CommandError, Ending
from intake.surroundings import surroundings
from intake.who import who
from ledger import vendors
from ledger.session import Connection


def show_vendors() -> Ending:
    """Print every vendor the workers have announced."""
    with surroundings() as here, here.engine.connect() as connection:
        print_vendors(vendors.all_vendors(connection))
    return Ending.DONE


def hold(name: str) -> Ending:
    """Send nothing to a vendor until it is resumed. Raises CommandError."""
    with surroundings() as here, here.engine.begin() as connection:
        if not vendors.hold(connection, name, who()):
            raise _unknown(connection)
    typer.echo(f"{name} is held; `consent vendor resume {name}` lets it go on")
    return Ending.DONE


def resume(name: str, step: str | None = None) -> Ending:
    """Let a held vendor go on, or one step of it; the workers see it within a second. Raises CommandError."""
    with surroundings() as here, here.engine.begin() as connection:
        if not vendors.resume(connection, name, step):
            raise _unknown(connection)
    typer.echo(f"{name} goes on" if step is None else f"{name} goes on at {step}")
    return Ending.DONE


def _unknown(connection: Connection) -> CommandError:
    known = ", ".join(vendor.name for vendor in vendors.all_vendors(connection))
    return CommandError(f"unknown vendor; known are {known or 'none until workers have started'}", Ending.UNUSABLE)
