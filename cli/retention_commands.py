"""`consent retention`: the arguments. `retention` does the work."""

from typing import Annotated

import typer

from cli.options import AsJson, Because, KindName
from intake.command_line import Family
from intake.exit_codes import Ending

retention = typer.Typer(
    cls=Family,
    help="When people are forgotten, and records dropped.",
    invoke_without_command=True,
)


@retention.callback()
def show(context: typer.Context, as_json: AsJson = False) -> Ending | None:
    """Show after how many days people of each kind of request are forgotten, and records dropped; and where this
    environment says otherwise. The ledger's values are those that hold."""
    if context.invoked_subcommand is not None:
        return None
    from cli import retention as retaining

    return retaining.show(as_json=as_json)


@retention.command("set")
def set_days(
    because: Because,
    forget_after_days: Annotated[
        str | None,
        typer.Option(
            metavar="DAYS|never", help="from when nothing of a request waits until its people are forgotten; 0: at once"
        ),
    ] = None,
    kind: Annotated[KindName | None, typer.Option(help="this kind of request alone")] = None,
    retention_days: Annotated[
        str | None,
        typer.Option(metavar="DAYS|never", help="from a request's end until its record is dropped; 1 or more"),
    ] = None,
    as_json: AsJson = False,
) -> Ending:
    """Change these days, on record. The workers act on it within ten minutes. A shorter time forgets people for good:
    it cannot be undone."""
    from cli import retention as retaining

    return retaining.set_days(forget_after_days, retention_days, kind=kind, because=because, as_json=as_json)
