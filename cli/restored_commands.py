"""`consent restored`: the arguments. `restored` does the work."""

from pathlib import Path
from typing import Annotated

import typer

from cli.options import AsJson
from intake.exit_codes import Ending


def restored(
    because: Annotated[
        str | None, typer.Option(metavar="TEXT", help="let the vendors go on, and say why (kept for good)")
    ] = None,
    copy: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="where the newest copy of the log is, if not where the workers keep it"),
    ] = None,
    as_json: AsJson = False,
) -> Ending:
    """Show what was done since a restored backup was made.

    By the copy of its log. With --because: do it again, and let the vendors go on.

    What was forgotten is forgotten again, and what was cancelled is cancelled. What has closed since, and opt-ins, wait
    until `consent confirm` or `consent cancel`. Exit 1 while the vendors are held, or where something needs a person.
    """
    from cli import restored as restoring

    return restoring.restored(because=because, copy=copy, as_json=as_json)
