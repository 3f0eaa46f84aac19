"""`consent signing-key`: the arguments. `signing_keys` does the work."""

import typer

from cli.options import AsJson
from intake.command_line import Family
from intake.exit_codes import Ending

signing_key = typer.Typer(cls=Family, help="The keys that sign evidence.", no_args_is_help=True)


@signing_key.command()
def new() -> Ending:
    """Make a new signing key. In the data folder it signs from now on; else it is printed, for CONSENT_SIGNING_KEYS."""
    from cli import signing_keys

    return signing_keys.new()


@signing_key.command("list")
def list_keys(as_json: AsJson = False) -> Ending:
    """List every key that has signed, newest first."""
    from cli import signing_keys

    return signing_keys.list_keys(as_json=as_json)
