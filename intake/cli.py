"""The command line. Each command loads what it needs when it is called, for scripts call some of them very often."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from intake.endings import Commands, Ending

app = typer.Typer(
    cls=Commands,
    help="Deliver erasure, opt-out and opt-in requests to every vendor, and keep the record.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
vendor = typer.Typer(help="See which vendors are held, hold one, let it go on.", no_args_is_help=True)
app.add_typer(vendor, name="vendor")

RequestId = Annotated[str, typer.Argument(metavar="ID", help="what `consent submit` printed")]
VendorName = Annotated[str, typer.Argument(metavar="NAME", help="as `consent vendor list` shows it")]
AsJson = Annotated[bool, typer.Option("--json", help="for scripts: one JSON object")]


def run() -> None:
    """Run the command line, and exit."""
    app()


@app.command()
def submit(  # noqa: PLR0917 - the order is the command line's
    file: Annotated[str, typer.Argument(metavar="FILE", help="people, as NDJSON or CSV; - for standard input")],
    kind: Annotated[str, typer.Option(metavar="erasure|opt_out|opt_in", help="what is to happen to them")],
    vendors: Annotated[str | None, typer.Option(metavar="A,B", help="only these; else all switched on")] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="submitting again under it changes nothing")
    ] = None,
    options: Annotated[
        Path | None, typer.Option(metavar="FILE", help='JSON, by vendor: {"insider": {"whole": ["city"]}}')
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="until it has closed; exit 1 if anything needs attention")
    ] = False,
    as_json: AsJson = False,
) -> Ending:
    """Record a request, and print its id. Unusable input is refused whole, with exit code 2."""
    from intake.submitting import read_submission, submit_file

    submission = read_submission(kind=kind, vendors=vendors, options=options, idempotency_key=idempotency_key)
    return submit_file(file, submission, wait=wait, as_json=as_json)


@app.command()
def status(request_id: RequestId, as_json: AsJson = False) -> Ending:
    """Show how a request stands at each vendor."""
    from intake import reporting

    return reporting.status(request_id, as_json=as_json)


@app.command()
def watch(request_id: RequestId) -> Ending:
    """Show progress until a request closes; exit 1 if anything in it needs attention."""
    from intake import following

    return following.watch(request_id)


@app.command()
def export(
    request_id: RequestId,
    form: Annotated[Literal["csv", "ndjson"], typer.Option("--format", help="how to write the rows")] = "csv",
) -> Ending:
    """Print how every delivery of a request ended."""
    from intake import reporting

    return reporting.export(request_id, as_csv=form == "csv")


@app.command()
def doctor() -> Ending:
    """Check PostgreSQL, Redis, and each vendor's address and credentials, changing nothing."""
    from intake import doctor as checkup

    return checkup.doctor()


@app.command()
def migrate() -> Ending:
    """Bring the ledger's tables up to date."""
    from intake.surroundings import surroundings
    from ledger import session

    with surroundings() as here:
        session.migrate(here.engine)
        typer.echo(f"the ledger at {here.postgres} is up to date")
    return Ending.DONE


@vendor.command("list")
def list_vendors() -> Ending:
    """Show every vendor, and whether and why it is held."""
    from intake import holding

    return holding.show_vendors()


@vendor.command()
def hold(name: VendorName) -> Ending:
    """Send nothing to a vendor until it is resumed."""
    from intake import holding

    return holding.hold(name)


@vendor.command()
def resume(name: VendorName) -> Ending:
    """Let a held vendor go on."""
    from intake import holding

    return holding.resume(name)
