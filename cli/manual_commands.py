"""`consent manual`: the arguments. `manual` does the work."""

from pathlib import Path
from typing import Annotated

import typer

from cli.options import AsJson, Because, RequestId
from intake.command_line import Family
from intake.exit_codes import Ending

manual = typer.Typer(
    cls=Family,
    help="Recipients without an API. What to ask them for, the list for each, and noting that it is done.",
    no_args_is_help=True,
)


@manual.command("list")
def list_tasks(
    recipient: Annotated[str | None, typer.Argument(metavar="[NAME]", help="only this recipient")] = None,
    as_json: AsJson = False,
) -> Ending:
    """Show what waits to be asked for, what is due first.

    By recipient and request.
    """
    from cli import manual as by_hand

    return by_hand.show(recipient, as_json=as_json)


@manual.command()
def export(
    recipient: Annotated[str, typer.Argument(metavar="NAME", help="as `consent manual list` shows it")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="a new file, as CSV; - for stdout")],
    request: Annotated[str | None, typer.Option(metavar="ID", help="only people of this request")] = None,
) -> Ending:
    """Write the list of people for a recipient, with their identifiers. Who has taken it is in the audit log."""
    from cli import manual as by_hand

    return by_hand.export(recipient, request, out)


@manual.command()
def close(
    request_id: RequestId,
    because: Because,
    line: Annotated[
        list[int] | None, typer.Option(min=1, help="only this person, by `line` of the list; may be repeated")
    ] = None,
    recipient: Annotated[
        str | None, typer.Option(metavar="NAME", help="needed where several are asked for the request")
    ] = None,
    as_json: AsJson = False,
) -> Ending:
    """Note that a recipient has done it.

    For all people of a request, or for some. The deliveries are `accepted`.

    --because is the evidence, such as "confirmed by e-mail of 12 May, ticket 4711". For all requests at once: `consent
    close --vendor NAME --reason manual --because TEXT`.
    """
    from cli import manual as by_hand

    return by_hand.close(request_id, recipient, line, because, as_json=as_json)
