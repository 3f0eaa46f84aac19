"""`consent master-key`: the arguments. `master_keys` does the work."""

from typing import Annotated

import typer

from cli.options import AsJson, Because
from intake.command_line import Family
from intake.exit_codes import Ending

master_key = typer.Typer(
    cls=Family, help="The keys that seal all others. Which are needed, and changed for new ones.", no_args_is_help=True
)


@master_key.command()
def status(as_json: AsJson = False) -> Ending:
    """Show what each master key wraps.

    And which of those given may be removed. Exit 1 where one is needed and missing.
    """
    from cli import master_keys

    return master_keys.status(as_json=as_json)


@master_key.command()
def rotate(as_json: AsJson = False) -> Ending:
    """Wrap everything anew by the newest master key, while work goes on. It may be stopped and begun again. Exit 1
    where an older key is still needed afterwards."""
    from cli import master_keys

    return master_keys.rotate(as_json=as_json)


@master_key.command("give-up")
def give_up(
    key: Annotated[str, typer.Argument(metavar="KEY", help="its id, as `consent master-key status` shows it")],
    because: Because,
    as_json: AsJson = False,
) -> Ending:
    """Work without a master key that is lost for good.

    Though something is still wrapped by it. The people of those requests can never be read again, so what is pending of
    them cannot be delivered.
    """
    from cli import master_keys

    return master_keys.give_up(key, because=because, as_json=as_json)
