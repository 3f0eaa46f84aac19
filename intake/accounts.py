"""`consent keys` and `consent user`: who may come in over the network."""

import json
import re
import sys
from collections.abc import Sequence
from getpass import getpass
from typing import Any

import typer

from intake.api_models import as_utc
from intake.endings import Ending, note
from intake.passwords import LONGEST, hash_password
from intake.roles import Role
from intake.secrets import mint_key
from intake.submitting import unusable
from intake.surroundings import surroundings
from intake.who import who
from ledger import access, audit
from ledger.audit import Entry

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
USER_NAME = re.compile(r"[a-z0-9][a-z0-9._+-]{0,62}(@[a-z0-9][a-z0-9.-]{0,35})?")
"""A user's may be an e-mail address, by which an identity provider knows them."""


def create_key(name: str, *, role: str, days: float, as_json: bool) -> Ending:
    """Make an API key and print it. Raises CommandError."""
    chosen, minted = _role(role), mint_key()
    _check_name(name)
    with surroundings() as here, here.engine.begin() as connection:
        access.add_key(
            connection,
            prefix=minted.prefix,
            name=name,
            role=chosen,
            digest=minted.digest,
            by=who(),
            days=days or None,
        )
        audit.add(connection, [Entry(who(), "keys create", allowed=True, target=f"{name} {minted.prefix}")])
    told = {"name": name, "role": chosen, "prefix": minted.prefix, "key": minted.secret}
    typer.echo(json.dumps(told) if as_json else minted.secret)
    if not as_json:
        note("keep it now: it cannot be shown again")
    return Ending.DONE


def list_keys(*, as_json: bool) -> Ending:
    """Print every API key, without what is secret of it. Raises CommandError."""
    with surroundings() as here, here.engine.connect() as connection:
        _print([key._asdict() for key in access.all_keys(connection)], "keys", as_json=as_json)
    return Ending.DONE


def revoke_key(prefix: str) -> Ending:
    """Have a key open nothing any more. Raises CommandError."""
    with surroundings() as here, here.engine.begin() as connection:
        if not access.revoke_key(connection, prefix, who()):
            raise unusable("no key of this prefix opens anything; `consent keys list` shows them")
        audit.add(connection, [Entry(who(), "keys revoke", allowed=True, target=prefix)])
    typer.echo("revoked; it opens nothing any more within seconds")
    return Ending.DONE


def add_user(name: str, *, role: str) -> Ending:
    """Let somebody into the console. Raises CommandError."""
    chosen = _role(role)
    if not USER_NAME.fullmatch(name):
        raise unusable(
            "NAME is 1 to 63 small letters, digits, dots, dashes and underscores, or an e-mail address in them"
        )
    password_hash = _hashed()
    with surroundings() as here, here.engine.begin() as connection:
        if not access.add_user(connection, name=name, role=chosen, password_hash=password_hash, by=who()):
            raise unusable("there is a user of this name already; `consent user list` shows them")
        audit.add(connection, [Entry(who(), "user add", allowed=True, target=name)])
    typer.echo(f"{name} may log in as {chosen}")
    return Ending.DONE


def list_users(*, as_json: bool) -> Ending:
    """Print every console user. Raises CommandError."""
    with surroundings() as here, here.engine.connect() as connection:
        _print([user._asdict() for user in access.all_users(connection)], "users", as_json=as_json)
    return Ending.DONE


def set_password(name: str) -> Ending:
    """Give a user another password. Raises CommandError."""
    password_hash = _hashed()
    with surroundings() as here, here.engine.begin() as connection:
        if not access.set_password(connection, name, password_hash):
            raise _no_such_user()
        audit.add(connection, [Entry(who(), "user password", allowed=True, target=name)])
    typer.echo(f"{name} has a new password, and no session any more")
    return Ending.DONE


def set_disabled(name: str, *, disabled: bool) -> Ending:
    """Disable a user, or let them in again. Raises CommandError."""
    word = "disable" if disabled else "enable"
    with surroundings() as here, here.engine.begin() as connection:
        if not access.set_disabled(connection, name, disabled=disabled):
            raise _no_such_user()
        audit.add(connection, [Entry(who(), f"user {word}", allowed=True, target=name)])
    typer.echo(f"{name} is {word}d")
    return Ending.DONE


def _no_such_user() -> Exception:
    return unusable("there is no user of this name; `consent user list` shows them")


def _role(given: str) -> Role:
    if given not in list(Role):
        raise unusable(f"unknown --role; known are {', '.join(Role)}")
    return Role(given)


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise unusable("NAME is 1 to 63 small letters, digits, dots, dashes and underscores")


def _hashed() -> str:
    """The hash of a password typed twice, or given as a line on standard input."""
    if sys.stdin is not None and sys.stdin.isatty():
        password = getpass("password: ")
        if getpass("again: ") != password:
            raise unusable("these were two different passwords")
    else:
        password = sys.stdin.readline(LONGEST + 2).rstrip("\n") if sys.stdin is not None else ""
    try:
        return hash_password(password)
    except ValueError as error:
        raise unusable(str(error)) from None


def _print(rows: Sequence[dict[str, Any]], name: str, *, as_json: bool) -> None:
    shown = [
        {key: as_utc(value) if key.endswith("_at") and value else value for key, value in row.items()} for row in rows
    ]
    if as_json:
        typer.echo(json.dumps({name: shown}))
        return
    for row in shown:
        typer.echo("  ".join(f"{key}={value}" for key, value in row.items() if value is not None))
    if not shown:
        typer.echo(f"no {name}")
