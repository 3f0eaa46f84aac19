"""The commands that record a request and show its status."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.file_options import Given, reading_a_file
from cli.options import AllowPlaceholder, AsJson, RequestId
from domain.regulations import Regulation
from intake.exit_codes import Ending


@reading_a_file
def submit(  # noqa: PLR0917 - the order is the command line's
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="people, as CSV, .xlsx, .ods, NDJSON or a JSON array; - for standard input"
        ),
    ],
    given: Given,
    kind: Annotated[
        str | None,
        typer.Option(metavar="erasure|opt_out|opt_in", help="the operation; needed unless --check"),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="only say what is in the file and whom each vendor can find; record nothing")
    ] = False,
    vendors: Annotated[str | None, typer.Option(metavar="A,B", help="only these; else all switched on")] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="submitting again with it changes nothing")
    ] = None,
    options: Annotated[
        Path | None, typer.Option(metavar="FILE", help='JSON, by vendor: {"insider": {"whole": ["city"]}}')
    ] = None,
    asked_at: Annotated[
        str | None,
        typer.Option(
            metavar="ISO8601",
            help="when you were asked, or on which day: the due date counts from it; else now",
        ),
    ] = None,
    effective_at: Annotated[
        str | None,
        typer.Option(metavar="ISO8601", help="when the people expressed their wish; else when you were asked"),
    ] = None,
    regulation: Annotated[
        str | None,
        typer.Option(metavar="|".join(Regulation), help="the law that sets the due date; else CONSENT_REGULATION"),
    ] = None,
    not_before: Annotated[str | None, typer.Option(metavar="ISO8601", help="send nothing before this")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="confirm a large request yourself")] = False,
    partial: Annotated[
        bool, typer.Option("--partial", help="accept that some people cannot be found at some vendors")
    ] = False,
    allow_placeholder: AllowPlaceholder = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="until it has closed; exit 1 if anything needs attention")
    ] = False,
    as_json: AsJson = False,
) -> Ending:
    """Record a request, and print its id. Unusable input is refused as a whole, with exit code 2.

    stderr says how many people cannot be found at which vendor. All others are sent.
    """
    from cli.submit import read_submission, submit_file

    submission = read_submission(
        kind="erasure" if check and kind is None else kind,
        vendors=vendors,
        options=options,
        idempotency_key=idempotency_key,
        asked_at=asked_at,
        effective_at=effective_at,
        regulation=regulation,
        not_before=not_before,
        confirmed=yes,
        partial=partial,
        allow=allow_placeholder or (),
    )
    if check:
        from cli.check import check_file

        return check_file(file, given, submission, as_json=as_json)
    return submit_file(file, given, submission, wait=wait, as_json=as_json)


def status(request_id: RequestId, as_json: AsJson = False) -> Ending:
    """Show the status of a request at each vendor."""
    from cli import status as reporting

    return reporting.status(request_id, as_json=as_json)


def watch(request_id: RequestId) -> Ending:
    """Show progress until a request closes; exit 1 if anything in it needs attention."""
    from cli import watch as following

    return following.watch(request_id)


def export(
    request_id: RequestId,
    form: Annotated[Literal["csv", "ndjson"], typer.Option("--format", help="how to write the rows")] = "csv",
) -> Ending:
    """Print the outcome of every delivery of a request."""
    from cli import status as reporting

    return reporting.export(request_id, as_csv=form == "csv")


def lookup(
    source: Annotated[
        str | None, typer.Argument(metavar="[-]", help="- reads a person as JSON, and keeps it out of shell histories")
    ] = None,
    user_id: Annotated[str | None, typer.Option(metavar="ID")] = None,
    email: Annotated[str | None, typer.Option(metavar="ADDRESS")] = None,
    phone_number: Annotated[str | None, typer.Option(metavar="E164")] = None,
    as_json: AsJson = False,
) -> Ending:
    """Show the requests that a person is in, and their state at each vendor."""
    from cli import lookup as finding

    given = {"user_id": user_id, "email": email, "phone_number": phone_number}
    return finding.lookup(source, given, as_json=as_json)
