"""`consent keys` and `consent user`: the arguments. `accounts` does the work."""

from typing import Annotated

import typer

from cli.options import AsJson, RoleName
from intake.command_line import Family
from intake.exit_codes import Ending

keys = typer.Typer(cls=Family, help="API keys: make one, see them, revoke one.", no_args_is_help=True)
user = typer.Typer(cls=Family, help="Console users: add, list and disable them.", no_args_is_help=True)

MOST_DAYS = 36_500
Owner = Annotated[
    str | None, typer.Option(metavar="PERSON", help="another user's name: both are accounts of one person")
]
OsUser = Annotated[str | None, typer.Option(metavar="NAME", help="their name at the command line, where it differs")]
UserName = Annotated[str, typer.Argument(metavar="NAME", help="what they log in with")]


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(metavar="NAME", help="the system it is for; it may have several keys")],
    role: Annotated[RoleName, typer.Option(help="what it may do")],
    days: Annotated[float, typer.Option(min=0, max=MOST_DAYS, help="days until it expires; 0: never")] = 365,
    owner: Annotated[
        str | None, typer.Option(metavar="PERSON", help="the user whose key it is; none: a system's")
    ] = None,
    as_json: AsJson = False,
) -> Ending:
    """Make an API key, and print it once: only a digest is stored."""
    from cli import accounts

    return accounts.create_key(name, role=role, days=days, owner=owner, as_json=as_json)


@keys.command("list")
def list_keys(as_json: AsJson = False) -> Ending:
    """Show every API key, without its secret."""
    from cli import accounts

    return accounts.list_keys(as_json=as_json)


@keys.command("revoke")
def revoke_key(
    prefix: Annotated[str, typer.Argument(metavar="PREFIX", help="as `consent keys list` shows it")],
) -> Ending:
    """Revoke a key. It stops working within seconds."""
    from cli import accounts

    return accounts.revoke_key(prefix)


@keys.command("owner")
def own_key(
    prefix: Annotated[str, typer.Argument(metavar="PREFIX", help="as `consent keys list` shows it")],
    person: Annotated[str, typer.Argument(metavar="PERSON", help="the user whose key it is")],
) -> Ending:
    """Set whose key it is. Where a second person has to confirm, all accounts of one person count as one."""
    from cli import accounts

    return accounts.own_key(prefix, person)


@user.command("add")
def add_user(
    name: UserName,
    role: Annotated[RoleName, typer.Option(help="what they may do")],
    no_password: Annotated[
        bool, typer.Option("--no-password", help="they log in by the identity provider only")
    ] = False,
    owner: Owner = None,
    os_user: OsUser = None,
) -> Ending:
    """Add a console user. The password is asked for, or read from standard input."""
    from cli import accounts

    return accounts.add_user(name, role=role, has_password=not no_password, owner=owner, os_user=os_user)


@user.command("owner")
def own_user(name: UserName, owner: Owner = None, os_user: OsUser = None) -> Ending:
    """Set which person a user is. Where a second person has to confirm, all accounts of one person count as one."""
    from cli import accounts

    return accounts.own_user(name, owner=owner, os_user=os_user)


@user.command("unlock")
def unlock_user(name: UserName) -> Ending:
    """Let a user who is locked after failed logins try again at once."""
    from cli import accounts

    return accounts.unlock_user(name)


@user.command("list")
def list_users(as_json: AsJson = False) -> Ending:
    """Show every console user."""
    from cli import accounts

    return accounts.list_users(as_json=as_json)


@user.command("password")
def set_password(
    name: UserName,
    no_password: Annotated[bool, typer.Option("--no-password", help="none: by the identity provider only")] = False,
) -> Ending:
    """Set another password for a user, or none, and end their sessions."""
    from cli import accounts

    return accounts.set_password(name, has_password=not no_password)


@user.command("role")
def set_role(
    name: UserName,
    role: Annotated[RoleName, typer.Argument(help="what they may do")],
) -> Ending:
    """Give a user another role, also where they are logged in."""
    from cli import accounts

    return accounts.set_role(name, role)


@user.command("sign-out")
def sign_out(name: UserName) -> Ending:
    """End every session of a user, on all devices."""
    from cli import accounts

    return accounts.sign_out(name)


@user.command("disable")
def disable_user(name: UserName) -> Ending:
    """Disable a user, and end their sessions."""
    from cli import accounts

    return accounts.set_disabled(name, disabled=True)


@user.command("enable")
def enable_user(name: UserName) -> Ending:
    """Enable a disabled user."""
    from cli import accounts

    return accounts.set_disabled(name, disabled=False)
