"""`consent certificate`: the arguments. `certificates` does the work."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.options import AsJson, RequestId
from intake.command_line import Family
from intake.exit_codes import Ending

OutFile = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="write it there; else to standard output")]


class OrOfARequest(Family):
    """Commands beside which an id stands for the certificate of its request."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Put the command's name where only an id is."""
        if args and args[0] not in {*self.commands, "--help"}:
            args = ["of", *args]
        return super().parse_args(ctx, args)


certificate = typer.Typer(
    cls=OrOfARequest,
    no_args_is_help=True,
    help="Write what was done as a signed file. `consent certificate ID --out FILE`; others can check it.",
)


@certificate.command()
def of(
    request_id: RequestId,
    line: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="a proof for the person on this line of what was submitted")
    ] = None,
    out: OutFile = None,
) -> Ending:
    """Write the certificate of a closed request; `of` may be left out. With --line, a proof for one person."""
    from cli import certificates

    return certificates.write(request_id, line, out)


@certificate.command()
def key(out: OutFile = None) -> Ending:
    """Write the public key that certificates are checked with, in PEM."""
    from cli import certificates

    return certificates.write_key(out)


@certificate.command()
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="a certificate, or a proof for one person")],
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="the public key to trust: PEM, or NAME+ID+KEY")],
    as_json: AsJson = False,
) -> Ending:
    """Check a certificate or proof with a public key alone.

    It needs no stack. Exit 1 where it does not hold.
    """
    from cli import verified_file

    return verified_file.verify(file, key, as_json=as_json)
