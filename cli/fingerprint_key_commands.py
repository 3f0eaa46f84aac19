"""`consent fingerprint-key`: the arguments. `fingerprint_keys` does the work."""

import typer

from cli.options import AsJson
from intake.command_line import Family
from intake.exit_codes import Ending

fingerprint_key = typer.Typer(
    cls=Family, help="The key by which people are found: changed for a new one.", no_args_is_help=True
)


@fingerprint_key.command()
def status(as_json: AsJson = False) -> Ending:
    """Show the fingerprint keys.

    Which is in use, what still needs an older one, and until when. Exit 1 while people are being fingerprinted anew.
    """
    from cli import fingerprint_keys

    return fingerprint_keys.status(as_json=as_json)


@fingerprint_key.command()
def rotate(as_json: AsJson = False) -> Ending:
    """Fingerprint everybody anew by a new key, while work goes on. Everybody is found meanwhile. It may be stopped and
    begun again.

    Older programs do not know of it: update all processes first.
    """
    from cli import fingerprint_keys

    return fingerprint_keys.rotate(as_json=as_json)
