"""`consent legal-hold`: the arguments. `legal_holds` does the work."""

from typing import Annotated

import typer

from cli.options import AsJson, Because, Email, HoldReasonName, PersonAsJson, PhoneNumber, UserId
from intake.command_line import Family
from intake.exit_codes import Ending

legal_hold = typer.Typer(
    cls=Family,
    help="Legal holds: people whose data must be kept. What would destroy it waits until the hold ends.",
    no_args_is_help=True,
)


@legal_hold.command()
def add(
    *,
    reason: Annotated[
        HoldReasonName,
        typer.Option(help="legal claims; a law or public task; health, archives, research; freedom of expression"),
    ],
    because: Because,
    source: PersonAsJson = None,
    user_id: UserId = None,
    email: Email = None,
    phone_number: PhoneNumber = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="ISO8601", help="a moment, or the last day, in UTC; else until it is released"),
    ] = None,
    as_json: AsJson = False,
) -> Ending:
    """Keep a person's data from now on, and print the hold's number.

    Give every identifier that you know. A hold is about anyone who shares one of them and contradicts none. Whatever
    destroys data of this person ends as `withheld`, and is sent when the hold ends. Opt-outs that destroy nothing go.
    What a vendor has already accepted cannot be taken back.
    """
    from cli import legal_holds as holding

    given = {"user_id": user_id, "email": email, "phone_number": phone_number}
    return holding.add(source, given, reason, because=because, until=until, as_json=as_json)


@legal_hold.command("list")
def list_holds(
    ended: Annotated[bool, typer.Option("--ended", help="those that have ended, too")] = False,
    as_json: AsJson = False,
) -> Ending:
    """Show the holds in force.

    Why, until when, by whom, and how many deliveries wait for each.
    """
    from cli import legal_holds as holding

    return holding.show(ended=ended, as_json=as_json)


@legal_hold.command()
def release(
    number: Annotated[int, typer.Argument(metavar="ID", help="as `consent legal-hold list` shows it")],
    because: Annotated[str | None, typer.Option(metavar="TEXT", help="kept for good: name no person")] = None,
    as_json: AsJson = False,
) -> Ending:
    """End a hold now. What waited for it is sent, unless another hold keeps the same person."""
    from cli import legal_holds as holding

    return holding.release(number, because=because, as_json=as_json)
