"""`consent webhook`: who gets changes of status, and what still waits for them."""

import asyncio
import json
from datetime import UTC, datetime

import typer

from cli.os_user import who
from cli.tables import print_receivers
from intake import receivers as trying
from intake.exit_codes import CommandError, Ending
from intake.stack import LEDGER, surroundings
from ledger.accounts import audit
from ledger.accounts.audit import Entry
from ledger.notices import receivers
from ledger.notices.webhooks import switch_receiver_off, switch_receiver_on


def show_receivers(*, as_json: bool) -> Ending:
    """Print the state of every receiver; EXCEPTIONS where sending fails or was given up."""
    with surroundings(needed=LEDGER) as here, here.engine.connect() as connection:
        found = receivers.receiver_states(connection)
    if as_json:
        rows = [one._asdict() | {"oldest": one.oldest.isoformat() if one.oldest else None} for one in found]
        typer.echo(json.dumps({"receivers": rows}))
    else:
        print_receivers(found, datetime.now(UTC))
    return Ending.EXCEPTIONS if any(one.failing or one.given_up for one in found) else Ending.DONE


def switch_on(name: str) -> Ending:
    """Send a receiver every change from now on. Raises CommandError."""
    with surroundings(needed=LEDGER) as here, here.engine.begin() as connection:
        if not switch_receiver_on(connection, name, who()):
            raise _unknown()
    typer.echo(f"{name} is on; it gets every change from now on")
    return Ending.DONE


def switch_off(name: str) -> Ending:
    """Send a receiver nothing more. Raises CommandError."""
    with surroundings(needed=LEDGER) as here, here.engine.begin() as connection:
        if not switch_receiver_off(connection, name, who()):
            raise _unknown()
    typer.echo(f"{name} is off; what still waited is given up")
    return Ending.DONE


def _unknown() -> CommandError:
    return CommandError("no such receiver or host; see `consent webhook list`", Ending.UNUSABLE)


def retry(receiver: str | None) -> Ending:
    """Send what failed at once; the workers notice within two seconds. Raises CommandError."""
    with surroundings(needed=LEDGER) as here, here.engine.begin() as connection:
        messages = receivers.retry(connection, receiver, who())
        if messages is None:
            raise _unknown()
    typer.echo(f"messages that go out again: {messages:,}")
    return Ending.DONE


def try_out(name: str) -> Ending:
    """Send a receiver a signed test message; EXCEPTIONS where it does not take it. Raises CommandError."""
    with surroundings(needed=LEDGER) as here:
        try:
            result = asyncio.run(trying.try_out(here.settings, name))
        except trying.UnknownReceiverError as error:
            raise CommandError(str(error), Ending.UNUSABLE) from None
        with here.engine.begin() as connection:
            audit.add(connection, [Entry(who(), "webhook test", allowed=True, target=name, because=result.failure)])
    typer.echo(f"{name}: {trying.say_result(result)}")
    return Ending.DONE if result.failure is None else Ending.EXCEPTIONS
