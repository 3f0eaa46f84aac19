"""`consent suppression`: the arguments. `suppression` does the work."""

from typing import Annotated

import typer

from cli.file_options import Given, reading_a_file
from cli.options import AsJson
from intake.command_line import Family
from intake.exit_codes import Ending

suppression = typer.Typer(
    cls=Family,
    help="The suppression list. Who was erased, and has not opted in anew since.",
    no_args_is_help=True,
)


@suppression.callback()
def _family() -> None:
    """The suppression list. Who was erased, and has not opted in anew since."""


@suppression.command()
@reading_a_file
def check(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="people, as `consent submit` takes them; - for stdin")],
    given: Given,
    as_json: AsJson = False,
) -> Ending:
    """Say which lines of a file name somebody who was erased.

    So that they are not imported again.

    Exits with 0 where nobody was, 1 where somebody was, 2 where the file cannot be read as it is.
    """
    from cli import suppression as checking

    return checking.check(file, given, as_json=as_json)
