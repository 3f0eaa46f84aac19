"""The command line. Each command loads what it needs when it is called, for scripts call some of them very often."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.account_commands import keys, user
from cli.audit_commands import audit
from domain.deadlines import Regulation
from intake.exit_codes import Commands, Ending, run_to_end

app = typer.Typer(
    cls=Commands,
    help="Deliver erasure, opt-out and opt-in requests to every vendor, and keep the record.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
vendor = typer.Typer(
    help="See which vendors are on and which are held; switch, hold, retire one.", no_args_is_help=True
)
app.add_typer(vendor, name="vendor")
webhook = typer.Typer(
    help="See who is told of changes of status, and what they have yet to be told.", no_args_is_help=True
)
app.add_typer(webhook, name="webhook")
app.add_typer(keys, name="keys")
app.add_typer(user, name="user")
app.add_typer(audit, name="audit")

RequestId = Annotated[str, typer.Argument(metavar="ID", help="what `consent submit` printed")]
VendorName = Annotated[str, typer.Argument(metavar="NAME", help="as `consent vendor list` shows it")]
ReceiverName = Annotated[str, typer.Argument(metavar="NAME", help="as `consent webhook list` shows it")]
AsJson = Annotated[bool, typer.Option("--json", help="for scripts: one JSON object")]
OneVendor = Annotated[str | None, typer.Option("--vendor", metavar="VENDOR", help="only at this one")]
OneReason = Annotated[str | None, typer.Option("--reason", metavar="REASON", help="only for this reason")]
Because = Annotated[str, typer.Option(metavar="TEXT", help="kept for good: say why, and name no person")]
OneOrSeveral = Annotated[
    str | None, typer.Argument(metavar="[ID]", help="what `consent submit` printed; without it, choose by options")
]
OfKind = Annotated[
    str | None, typer.Option("--kind", metavar="erasure|opt_out|opt_in", help="without ID: requests of this kind")
]
ReceivedBefore = Annotated[
    str | None, typer.Option(metavar="ISO8601", help="without ID: requests that were received before this")
]
All = Annotated[bool, typer.Option("--all", help="without ID: all requests that it can be done to")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="without ID: say how much it would touch, and do nothing")]
Unasked = Annotated[bool, typer.Option("--yes", help="without ID: do not ask first, where somebody is at a terminal")]
AtVendor = Annotated[str | None, typer.Option("--vendor", metavar="VENDOR", help="without ID: requests that go there")]
WithReason = Annotated[
    str | None, typer.Option("--reason", metavar="REASON", help="without ID: requests of which something waits for it")
]
AllowPlaceholder = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-placeholder",
        metavar="FIELD=VALUE",
        help="take this identifier, though it looks like nobody's or damaged, as in user_id=1; may be repeated",
    ),
]


def run() -> None:
    """Run the command line, and exit."""
    run_to_end(app)


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
    asked_at: Annotated[
        str | None, typer.Option(metavar="ISO8601", help="when you were asked: the due date counts from it; else now")
    ] = None,
    effective_at: Annotated[
        str | None, typer.Option(metavar="ISO8601", help="when the people made their wish; else when you were asked")
    ] = None,
    regulation: Annotated[
        str | None,
        typer.Option(metavar="|".join(Regulation), help="the law that says when it is due; else CONSENT_REGULATION"),
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
    """Record a request, and print its id. Unusable input is refused whole, with exit code 2.

    Says on stderr how many people cannot be found at which vendor; what could be sent is sent all the same.
    """
    from cli.submit import read_submission, submit_file

    submission = read_submission(
        kind=kind,
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
    return submit_file(file, submission, wait=wait, as_json=as_json)


@app.command()
def status(request_id: RequestId, as_json: AsJson = False) -> Ending:
    """Show how a request stands at each vendor."""
    from cli import status as reporting

    return reporting.status(request_id, as_json=as_json)


@app.command()
def watch(request_id: RequestId) -> Ending:
    """Show progress until a request closes; exit 1 if anything in it needs attention."""
    from cli import watch as following

    return following.watch(request_id)


@app.command()
def export(
    request_id: RequestId,
    form: Annotated[Literal["csv", "ndjson"], typer.Option("--format", help="how to write the rows")] = "csv",
) -> Ending:
    """Print how every delivery of a request ended."""
    from cli import status as reporting

    return reporting.export(request_id, as_csv=form == "csv")


@app.command()
def attention(
    request_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="only this request")] = None,
    vendor: OneVendor = None,
    reason: OneReason = None,
    as_json: AsJson = False,
) -> Ending:
    """Show what needs a person, and what to do about it."""
    from cli import attention as attending

    return attending.show_attention(request_id, vendor=vendor, reason=reason, as_json=as_json)


@app.command()
def retry(  # noqa: PLR0917 - the order is the command line's
    request_id: OneOrSeveral = None,
    vendor: OneVendor = None,
    reason: OneReason = None,
    kind: OfKind = None,
    received_before: ReceivedBefore = None,
    everything: All = False,
    dry_run: DryRun = False,
    yes: Unasked = False,
    as_json: AsJson = False,
) -> Ending:
    """Deliver again what needs action or is exhausted; what was refused, or waits for a word about another wish of the
    person, only where --reason names why. --reason superseded compares what gave way with the newer wishes again.

    Of one request, or of all that --all, --vendor, --reason, --kind and --received-before choose together.
    Exit 1 if some of it cannot go without a fresh session of the person, or without an identifier.
    """
    from cli import attention as attending
    from cli import selections

    chosen = selections.Chosen(vendor, reason, kind, received_before, everything, dry_run, yes)
    if selections.is_selection(request_id, chosen, "--vendor", "--reason"):
        return selections.do_to_selection(selections.Deed.RETRY, chosen, as_json=as_json)
    return attending.retry(request_id, vendor=vendor, reason=reason, as_json=as_json)


@app.command()
def provide(
    request_id: RequestId,
    file: Annotated[str, typer.Argument(metavar="FILE", help="people with what was missing, as NDJSON or CSV; or -")],
    allow_placeholder: AllowPlaceholder = None,
    as_json: AsJson = False,
) -> Ending:
    """Give people who wait a fresh session or an identifier, and deliver to them again. All of the file, or nothing."""
    from cli import attention as attending

    return attending.provide(request_id, file, allow=allow_placeholder or (), as_json=as_json)


@app.command()
def close(  # noqa: PLR0917 - the order is the command line's
    because: Because,
    request_id: OneOrSeveral = None,
    vendor: OneVendor = None,
    reason: OneReason = None,
    kind: OfKind = None,
    received_before: ReceivedBefore = None,
    everything: All = False,
    dry_run: DryRun = False,
    yes: Unasked = False,
    as_json: AsJson = False,
) -> Ending:
    """Settle by hand what needs a person: it becomes `cancelled`, and who and why is kept.

    Of one request at one vendor, or of all requests that --all, --vendor, --reason, --kind and --received-before choose
    together.
    """
    from cli import attention as attending
    from cli import selections

    chosen = selections.Chosen(vendor, reason, kind, received_before, everything, dry_run, yes)
    if selections.is_selection(request_id, chosen, "--vendor", "--reason"):
        text = attending.check_text(because)
        return selections.do_to_selection(selections.Deed.CLOSE, chosen, because=text, as_json=as_json)
    if vendor is None:
        raise typer.BadParameter("of one request, say where: --vendor")
    return attending.close(request_id, vendor=vendor, reason=reason, because=because, as_json=as_json)


@app.command()
def accept(request_id: RequestId, because: Because, vendor: OneVendor = None, as_json: AsJson = False) -> Ending:
    """Accept that some people cannot be found, at one vendor or all: they stay `unreachable` and need nobody any more.

    The request still counts as completed with exceptions; who accepted it and why is kept.
    """
    from cli import attention as attending

    return attending.accept(request_id, vendor=vendor, because=because, as_json=as_json)


@app.command()
def confirm(  # noqa: PLR0917 - the order is the command line's
    request_id: OneOrSeveral = None,
    vendor: AtVendor = None,
    reason: Annotated[str | None, typer.Option("--reason", metavar="REASON", hidden=True)] = None,
    kind: OfKind = None,
    received_before: ReceivedBefore = None,
    everything: All = False,
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", help="though you submitted it yourself, and do not ask first")] = False,
    as_json: AsJson = False,
) -> Ending:
    """Let a large request run that someone else has submitted; or all that --all, --vendor, --kind and
    --received-before choose together. Exit 1 if some were left out because you submitted them yourself.
    """
    from cli import decisions, selections

    chosen = selections.Chosen(vendor, reason, kind, received_before, everything, dry_run, yes)
    if selections.is_selection(request_id, chosen):
        return selections.do_to_selection(selections.Deed.CONFIRM, chosen, own=yes, as_json=as_json)
    return decisions.confirm(request_id, own=yes, as_json=as_json)


@app.command()
def cancel(  # noqa: PLR0917 - the order is the command line's
    request_id: OneOrSeveral = None,
    vendor: AtVendor = None,
    reason: WithReason = None,
    kind: OfKind = None,
    received_before: ReceivedBefore = None,
    everything: All = False,
    dry_run: DryRun = False,
    yes: Unasked = False,
    as_json: AsJson = False,
) -> Ending:
    """Stop what was not sent yet, and print what was. Of one request, or of all that --all, --vendor, --reason, --kind
    and --received-before choose together: each is cancelled at every vendor.
    """
    from cli import decisions, selections

    chosen = selections.Chosen(vendor, reason, kind, received_before, everything, dry_run, yes)
    if selections.is_selection(request_id, chosen):
        return selections.do_to_selection(selections.Deed.CANCEL, chosen, as_json=as_json)
    return decisions.cancel(request_id, as_json=as_json)


@app.command()
def extend(
    request_id: RequestId,
    because: Because,
    months: Annotated[int | None, typer.Option(min=1, help="so many in all, beyond the original date")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="the same in days")] = None,
    as_json: AsJson = False,
) -> Ending:
    """Put off when a request is due, within what its regulation allows and before the original date."""
    from cli import decisions

    return decisions.extend(request_id, months=months, days=days, because=because, as_json=as_json)


@app.command()
def lookup(
    source: Annotated[
        str | None, typer.Argument(metavar="[-]", help="- reads a person as JSON, and keeps it out of shell histories")
    ] = None,
    user_id: Annotated[str | None, typer.Option(metavar="ID")] = None,
    email: Annotated[str | None, typer.Option(metavar="ADDRESS")] = None,
    phone_number: Annotated[str | None, typer.Option(metavar="E164")] = None,
    as_json: AsJson = False,
) -> Ending:
    """Show the requests that a person is in, and how each vendor stands."""
    from cli import lookup as finding

    given = {"user_id": user_id, "email": email, "phone_number": phone_number}
    return finding.lookup(source, given, as_json=as_json)


@app.command()
def doctor() -> Ending:
    """Check PostgreSQL, Redis, and each vendor's address and credentials, changing nothing."""
    from cli.doctor import checkup

    return checkup.doctor()


@app.command("producer-key")
def producer_key() -> Ending:
    """Print the public key that Celery producers seal their requests to."""
    from cli import producer_key

    return producer_key.show()


@app.command()
def migrate() -> Ending:
    """Bring the ledger's tables up to date."""
    from cli import migrate as migrating

    return migrating.migrate()


@app.command()
def web(
    host: Annotated[str | None, typer.Option(help="address to listen on; else CONSENT_WEB_HOST")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="else CONSENT_WEB_PORT")] = None,
) -> Ending:
    """Serve the HTTP API, until Ctrl-C. `consent up` does it too."""
    from web.server import serve

    serve(host, port)
    return Ending.DONE


@app.command("take-in")
def take_in(
    check: Annotated[bool, typer.Option("--check", help="only tell whether one runs on this host and is well")] = False,
) -> Ending:
    """Take in what Celery producers push to Redis, until Ctrl-C. `consent up` does it too."""
    from intake.take_in import process

    return process.check() if check else process.run()


@vendor.command("list")
def list_vendors() -> Ending:
    """Show every vendor: whether it is on and served by a worker, and whether and why it is held."""
    from cli import vendors as holding

    return holding.show_vendors()


@vendor.command()
def hold(name: VendorName) -> Ending:
    """Send nothing to a vendor until it is resumed."""
    from cli import vendors as holding

    return holding.hold(name)


@vendor.command()
def resume(
    name: VendorName,
    step: Annotated[str | None, typer.Option(help="only this step of it; else the vendor and all of its steps")] = None,
) -> Ending:
    """Let a held vendor go on."""
    from cli import vendors as holding

    return holding.resume(name, step)


@vendor.command("on")
def switch_vendor_on(name: VendorName) -> Ending:
    """Have new requests go to a vendor, also one that was off or retired."""
    from cli import vendors as holding

    return holding.switch_on(name)


@vendor.command("off")
def switch_vendor_off(name: VendorName) -> Ending:
    """Have no new request go to a vendor, and send nothing there; what is pending waits until it is on or retired."""
    from cli import vendors as holding

    return holding.switch_off(name)


@vendor.command()
def retire(name: VendorName, because: Because) -> Ending:
    """Leave a vendor for good: what is pending there ends as `cancelled`, so that requests can close."""
    from cli import vendors as holding

    return holding.retire(name, because=because)


@webhook.command("on")
def switch_webhook_on(name: ReceiverName) -> Ending:
    """Tell a receiver of every change from now on."""
    from cli import webhooks

    return webhooks.switch_on(name)


@webhook.command("off")
def switch_webhook_off(name: ReceiverName) -> Ending:
    """Tell a receiver nothing more, and give up what it has not been told."""
    from cli import webhooks

    return webhooks.switch_off(name)


@webhook.command("list")
def list_webhooks(as_json: AsJson = False) -> Ending:
    """Show every receiver and what waits for it; exit 1 if telling fails somewhere, or was given up."""
    from cli import webhooks

    return webhooks.show_receivers(as_json=as_json)


@webhook.command("retry")
def retry_webhooks(
    receiver: Annotated[str | None, typer.Argument(metavar="[NAME]", help="only this receiver, or host")] = None,
) -> Ending:
    """Tell now what was given up or waits for its next attempt, with three days anew."""
    from cli import webhooks

    return webhooks.retry(receiver)
