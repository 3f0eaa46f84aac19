"""`consent keys` and `consent user` as the command line shows them; `accounts` does the work."""

from typing import Annotated

import typer

from intake.endings import Ending

keys = typer.Typer(help="API keys: make one, see them, revoke one.", no_args_is_help=True)
user = typer.Typer(help="Console users: add one, see them, disable one.", no_args_is_help=True)

MOST_DAYS = 36_500
AsJson = Annotated[bool, typer.Option("--json", help="for scripts: one JSON object")]
UserName = Annotated[str, typer.Argument(metavar="NAME", help="what they log in with")]


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(metavar="NAME", help="the system it is for; it may have several keys")],
    role: Annotated[str, typer.Option(metavar="submitter|reader|operator|admin", help="what it may do")],
    days: Annotated[float, typer.Option(min=0, max=MOST_DAYS, help="it expires after so many; 0: never")] = 365,
    as_json: AsJson = False,
) -> Ending:
    """Make an API key, and print it: this once, for only a digest of it is kept."""
    from intake import accounts

    return accounts.create_key(name, role=role, days=days, as_json=as_json)


@keys.command("list")
def list_keys(as_json: AsJson = False) -> Ending:
    """Show every API key, without what is secret of it."""
    from intake import accounts

    return accounts.list_keys(as_json=as_json)


@keys.command("revoke")
def revoke_key(
    prefix: Annotated[str, typer.Argument(metavar="PREFIX", help="as `consent keys list` shows it")],
) -> Ending:
    """Have a key open nothing any more, within seconds."""
    from intake import accounts

    return accounts.revoke_key(prefix)


@user.command("add")
def add_user(
    name: UserName,
    role: Annotated[str, typer.Option(metavar="submitter|reader|operator|admin", help="what they may do")],
) -> Ending:
    """Let somebody into the console; the password is asked for, or read from standard input."""
    from intake import accounts

    return accounts.add_user(name, role=role)


@user.command("list")
def list_users(as_json: AsJson = False) -> Ending:
    """Show every console user."""
    from intake import accounts

    return accounts.list_users(as_json=as_json)


@user.command("password")
def set_password(name: UserName) -> Ending:
    """Give a user another password, and end their sessions."""
    from intake import accounts

    return accounts.set_password(name)


@user.command("disable")
def disable_user(name: UserName) -> Ending:
    """Let a user in no more, and end their sessions."""
    from intake import accounts

    return accounts.set_disabled(name, disabled=True)


@user.command("enable")
def enable_user(name: UserName) -> Ending:
    """Let a disabled user in again."""
    from intake import accounts

    return accounts.set_disabled(name, disabled=False)
