"""The commands that record a request and show its status."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.file_options import Given, reading_a_file
from cli.options import (
    AllowPlaceholder,
    AsJson,
    Email,
    KindName,
    OneReason,
    OneVendor,
    OutcomeName,
    PersonAsJson,
    PhoneNumber,
    RegulationName,
    RequestId,
    StatusName,
    UserId,
    WaitS,
)
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
        KindName | None,
        typer.Option(help="the operation; needed unless --check"),
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
        RegulationName | None,
        typer.Option(help="the law that sets the due date; else CONSENT_REGULATION"),
    ] = None,
    not_before: Annotated[str | None, typer.Option(metavar="ISO8601", help="send nothing before this")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="confirm a large request yourself")] = False,
    partial: Annotated[
        bool, typer.Option("--partial", help="accept that some people cannot be found at some vendors")
    ] = False,
    reference: Annotated[
        str | None, typer.Option(metavar="TEXT", help="what you call it, such as the number of a ticket; kept sealed")
    ] = None,
    allow_placeholder: AllowPlaceholder = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="until it has closed; exit 1 if anything needs attention")
    ] = False,
    wait_s: WaitS = None,
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
        reference=reference,
        allow=allow_placeholder or (),
    )
    if check:
        from cli.check import check_file

        return check_file(file, given, submission, as_json=as_json)
    return submit_file(file, given, submission, wait=wait or wait_s is not None, wait_s=wait_s, as_json=as_json)


def status(request_id: RequestId, as_json: AsJson = False) -> Ending:
    """Show the status of a request at each vendor."""
    from cli import quick_status

    return quick_status.status(request_id, as_json=as_json)


def watch(request_id: RequestId, wait_s: WaitS = None, as_json: AsJson = False) -> Ending:
    """Show progress until a request closes.

    Exit 1 if anything in it needs attention. With --json, an object on a line for each change.
    """
    from cli import watch as following

    return following.watch(request_id, wait_s=wait_s, as_json=as_json)


def export(
    request_id: RequestId,
    *,
    form: Annotated[Literal["csv", "ndjson"], typer.Option("--format", help="how to write the rows")] = "csv",
    vendor: OneVendor = None,
    outcome: Annotated[OutcomeName | None, typer.Option(help="only deliveries that stand so")] = None,
    reason: OneReason = None,
    as_json: Annotated[bool, typer.Option("--json", help="for scripts: as --format ndjson")] = False,
) -> Ending:
    """Print the outcomes of a request, a row for each delivery.

    Of all deliveries, or of those that --vendor, --outcome and --reason choose together, as `consent attention` names
    them.
    """
    from cli import status as reporting

    which = reporting.Which(vendor, outcome, reason)
    return reporting.export(request_id, which, as_csv=form == "csv" and not as_json)


def list_requests(
    *,
    status: Annotated[StatusName | None, typer.Option(help="only those in this status")] = None,
    kind: Annotated[KindName | None, typer.Option(help="only those of this kind")] = None,
    received_from: Annotated[str | None, typer.Option(metavar="ISO8601", help="not received before this")] = None,
    received_before: Annotated[str | None, typer.Option(metavar="ISO8601", help="received before this")] = None,
    due_before: Annotated[str | None, typer.Option(metavar="ISO8601", help="due before this")] = None,
    submitted_by: Annotated[
        str | None, typer.Option(metavar="NAME", help="submitted by this principal, such as cli:ann or key:shop")
    ] = None,
    unfinished: Annotated[bool, typer.Option("--unfinished", help="only what runs, or waits for somebody")] = False,
    reference: Annotated[str | None, typer.Option(metavar="TEXT", help="only those that are called so")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="at most this many")] = 50,
    cursor: Annotated[str | None, typer.Option(metavar="TEXT", help="the next page, as the last one says")] = None,
    as_json: AsJson = False,
) -> Ending:
    """Show requests, the newest first."""
    from cli import list_requests as listing
    from cli.given import read_day_or_moment
    from ledger.desk.listing import Wanted

    wanted = Wanted(
        status,
        kind,
        read_day_or_moment("--received-from", received_from),
        read_day_or_moment("--received-before", received_before),
        submitted_by,
        due_before=read_day_or_moment("--due-before", due_before),
        unfinished=unfinished or None,
    )
    return listing.show(wanted, reference=reference, limit=limit, cursor=cursor, as_json=as_json)


def lookup(
    source: PersonAsJson = None,
    user_id: UserId = None,
    email: Email = None,
    phone_number: PhoneNumber = None,
    as_json: AsJson = False,
) -> Ending:
    """Show the requests that a person is in.

    With how they stand at each vendor. That you looked is in the audit log.
    """
    from cli import lookup as finding

    given = {"user_id": user_id, "email": email, "phone_number": phone_number}
    return finding.lookup(source, given, as_json=as_json)
