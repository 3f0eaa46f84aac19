"""The command line. Each command imports what it needs when it is called, because scripts call some of them very
often."""

from typing import Annotated

import typer

from cli.account_commands import keys, user
from cli.answer_commands import answer, report
from cli.audit_commands import audit
from cli.certificate_commands import certificate
from cli.deed_commands import accept, attention, cancel, close, confirm, extend, forget, provide, retry
from cli.examples import add_examples
from cli.fingerprint_key_commands import fingerprint_key
from cli.legal_hold_commands import legal_hold
from cli.manual_commands import manual
from cli.master_key_commands import master_key
from cli.options import AsJson
from cli.request_commands import export, list_requests, lookup, status, submit, watch
from cli.restored_commands import restored
from cli.retention_commands import retention
from cli.signing_key_commands import signing_key
from cli.suppression_commands import suppression
from cli.vendor_commands import vendor
from cli.webhook_commands import webhook
from intake.command_line import Commands
from intake.exit_codes import Ending, run_to_end

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: boxes and markup cost half as much again as all the rest of `consent --help`
)
FAMILIES = {
    "vendor": vendor,
    "webhook": webhook,
    "keys": keys,
    "user": user,
    "audit": audit,
    "manual": manual,
    "certificate": certificate,
    "signing-key": signing_key,
    "master-key": master_key,
    "fingerprint-key": fingerprint_key,
    "suppression": suppression,
    "legal-hold": legal_hold,
    "retention": retention,
}
for name, commands in FAMILIES.items():
    app.add_typer(commands, name=name)
for command in (submit, status, watch, export, attention, retry, provide, close, accept, confirm, cancel, extend):
    app.command()(command)
app.command()(forget)
app.command()(restored)
app.command("list")(list_requests)
for command in (lookup, answer, report):
    app.command()(command)


add_examples(app)


def run() -> None:
    """Run the command line, and exit."""
    run_to_end(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"consent-worker {version('consent-worker')}")
        raise typer.Exit


@app.callback()
def _before_commands(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version, and exit.")
    ] = False,
) -> None:
    """Deliver erasure, opt-out and opt-in requests to every vendor, and keep the record."""


@app.command()
def doctor(as_json: AsJson = False) -> Ending:
    """Check that all that is needed is there and answers.

    PostgreSQL, Redis, and each vendor's address and credentials. What to do stands with each finding. Nothing is
    changed.
    """
    from cli.doctor import checkup

    return checkup.doctor(as_json=as_json)


@app.command("producer-key")
def producer_key(as_json: AsJson = False) -> Ending:
    """Print the key that Celery producers seal their requests to."""
    from cli import producer_key

    return producer_key.show(as_json=as_json)


@app.command()
def migrate(
    login: Annotated[
        bool, typer.Option("--login", help="Have the user of CONSENT_DATABASE_URL log in with its password, too.")
    ] = False,
) -> Ending:
    """Bring the ledger's tables and roles up to date.

    As their owner (CONSENT_DATABASE_OWNER_URL).
    """
    from cli import migrate as migrating

    return migrating.migrate(login=login)


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
    check: Annotated[
        bool, typer.Option("--check", help="only check whether one runs on this host and is healthy")
    ] = False,
) -> Ending:
    """Take in what Celery producers push, until Ctrl-C.

    `consent up` does it too.
    """
    from intake.take_in import process

    return process.check() if check else process.run()
