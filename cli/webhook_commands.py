"""`consent webhook`: the arguments. `webhooks` does the work."""

from typing import Annotated

import typer

from cli.options import AsJson
from intake.command_line import Family
from intake.exit_codes import Ending

webhook = typer.Typer(
    cls=Family,
    help="Receivers of changes of status. List them and what waits for them, switch them, send again.",
    no_args_is_help=True,
)

ReceiverName = Annotated[str, typer.Argument(metavar="NAME", help="as `consent webhook list` shows it")]


@webhook.command("on")
def switch_webhook_on(name: ReceiverName) -> Ending:
    """Send a receiver every change from now on."""
    from cli import webhooks

    return webhooks.switch_on(name)


@webhook.command("off")
def switch_webhook_off(name: ReceiverName) -> Ending:
    """Send a receiver nothing more, and give up what still waits."""
    from cli import webhooks

    return webhooks.switch_off(name)


@webhook.command("list")
def list_webhooks(as_json: AsJson = False) -> Ending:
    """Show every receiver, and what waits for it.

    Exit 1 if sending fails somewhere, or was given up.
    """
    from cli import webhooks

    return webhooks.show_receivers(as_json=as_json)


@webhook.command("test")
def test_webhook(name: ReceiverName) -> Ending:
    """Send a receiver a signed test message now.

    Exit 1 where it does not take it.
    """
    from cli import webhooks

    return webhooks.try_out(name)


@webhook.command("retry")
def retry_webhooks(
    receiver: Annotated[str | None, typer.Argument(metavar="[NAME]", help="only this receiver, or host")] = None,
) -> Ending:
    """Send now what was given up, or waits for an attempt.

    It has three more days from now on.
    """
    from cli import webhooks

    return webhooks.retry(receiver)
