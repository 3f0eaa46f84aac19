"""`consent vendor`: the arguments. `vendors` does the work."""

from typing import Annotated

import typer

from cli.options import AsJson, Because
from intake.command_line import Family
from intake.exit_codes import Ending

vendor = typer.Typer(cls=Family, help="List vendors; switch, hold, resume and retire them.", no_args_is_help=True)

VendorName = Annotated[str, typer.Argument(metavar="NAME", help="as `consent vendor list` shows it")]


@vendor.command("list")
def list_vendors(as_json: AsJson = False) -> Ending:
    """Show every vendor.

    Whether it is on and served by a worker, and whether and why it is held.
    """
    from cli import vendors as holding

    return holding.show_vendors(as_json=as_json)


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
    """Lift a vendor's hold."""
    from cli import vendors as holding

    return holding.resume(name, step)


@vendor.command("on")
def switch_vendor_on(name: VendorName) -> Ending:
    """Send new requests to a vendor, also to one that was off or retired."""
    from cli import vendors as holding

    return holding.switch_on(name)


@vendor.command("off")
def switch_vendor_off(name: VendorName) -> Ending:
    """Send no new request to a vendor, and nothing else. What is pending waits until it is on or retired."""
    from cli import vendors as holding

    return holding.switch_off(name)


@vendor.command()
def retire(name: VendorName, because: Because) -> Ending:
    """Retire a vendor.

    What is pending there ends as `cancelled`, so that requests can close.
    """
    from cli import vendors as holding

    return holding.retire(name, because=because)
