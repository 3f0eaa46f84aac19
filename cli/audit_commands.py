"""`consent audit`: the arguments. `audit` does the work."""

from pathlib import Path
from typing import Annotated

import typer

from cli.options import AsJson, KeyFile
from intake.command_line import Family
from intake.exit_codes import Ending

MOST = 1_000
audit = typer.Typer(
    cls=Family, help="Show who was admitted or refused, and what they did.", invoke_without_command=True
)


@audit.callback()
def show(
    context: typer.Context,
    *,
    by: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="a principal, such as user:ann; or ann, for every account of that name"),
    ] = None,
    action: Annotated[
        str | None, typer.Option(metavar="WORDS", help="words of the action, such as 'vendor hold'")
    ] = None,
    request: Annotated[str | None, typer.Option(metavar="ID", help="what was done to this request")] = None,
    since: Annotated[str | None, typer.Option(metavar="ISO8601", help="not before this")] = None,
    until: Annotated[str | None, typer.Option(metavar="ISO8601", help="before this")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="at most this many")] = 50,
    before: Annotated[
        int | None, typer.Option(metavar="NUMBER", min=1, help="the next page, as the last one says")
    ] = None,
    as_json: AsJson = False,
) -> Ending | None:
    """Show the audit log, newest entries first: when, by whom, from where, what, and whether it was allowed."""
    if context.invoked_subcommand is not None:
        return None
    from cli import audit as auditing
    from cli.given import read_moment
    from cli.request_ids import read_id
    from ledger.accounts.audit import Wanted

    wanted = Wanted(
        by,
        action,
        read_id(request) if request is not None else None,
        read_moment("--since", since),
        read_moment("--until", until),
        before,
    )
    return auditing.show(wanted, limit=limit, as_json=as_json)


@audit.command()
def verify(
    key: KeyFile = None,
    against: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="also compare with what `consent audit export` wrote there")
    ] = None,
    as_json: AsJson = False,
) -> Ending:
    """Check that the evidence log is whole and signed.

    And that the ledger's rows are still what it says. Exit 1 where anything was changed, removed or reordered.
    """
    from cli import audit_log

    return audit_log.verify(key=key, against=against, as_json=as_json)


@audit.command()
def export(folder: Annotated[Path, typer.Argument(metavar="FOLDER")]) -> Ending:
    """Write the evidence log into a folder, to be kept elsewhere.

    As static files. Again: what is new.
    """
    from cli import audit_log

    return audit_log.export(folder)
