"""`consent keys` and `consent user`: accounts for access over the network."""

import json
import re
import sys
from collections.abc import Sequence
from getpass import getpass
from typing import Any

import typer

from cli.given import unusable
from cli.os_user import who
from intake.access.passwords import LONGEST, hash_password
from intake.access.roles import Role
from intake.access.tokens import mint_key
from intake.exit_codes import Ending, note
from intake.stack import BAD_KEYS, master_keys, surroundings
from ledger.accounts import access, audit
from ledger.accounts.audit import Entry
from ledger.keys import fingerprinter
from ledger.sealing import UnsealError
from ledger.session import Connection
from web.access.password_login import unlock
from web.api.models import as_utc

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
USER_NAME = re.compile(r"[a-z0-9][a-z0-9._+-]{0,62}(@[a-z0-9][a-z0-9.-]{0,35})?")
"""A user's name may be an e-mail address, by which an identity provider knows them."""
OS_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@+$-]{0,99}")


def create_key(name: str, *, role: str, days: float, owner: str | None, as_json: bool) -> Ending:
    """Make an API key and print it. Raises CommandError."""
    chosen, minted = _role(role), mint_key()
    _check_name(name)
    _check_person("--owner", owner)
    with surroundings() as here, here.engine.begin() as connection:
        access.add_key(
            connection,
            prefix=minted.prefix,
            name=name,
            role=chosen,
            digest=minted.digest,
            by=who(),
            days=days or None,
            owner=owner,
        )
        audit.add(connection, [Entry(who(), "keys create", allowed=True, target=f"{name} {minted.prefix}")])
        _note_unknown(connection, owner)
    answer = {"name": name, "role": chosen, "prefix": minted.prefix, "key": minted.secret, "owner": owner}
    typer.echo(json.dumps(answer) if as_json else minted.secret)
    if not as_json:
        note("keep it now: it cannot be shown again")
    return Ending.DONE


def list_keys(*, as_json: bool) -> Ending:
    """Print every API key, without its secret. Raises CommandError."""
    with surroundings() as here, here.engine.connect() as connection:
        _print([key._asdict() for key in access.all_keys(connection)], "keys", as_json=as_json)
    return Ending.DONE


def revoke_key(prefix: str) -> Ending:
    """Revoke a key. Raises CommandError."""
    with surroundings() as here, here.engine.begin() as connection:
        if not access.revoke_key(connection, prefix, who()):
            raise unusable("no key of this prefix opens anything; `consent keys list` shows them")
        audit.add(connection, [Entry(who(), "keys revoke", allowed=True, target=prefix)])
    typer.echo("revoked; it opens nothing any more within seconds")
    return Ending.DONE


def own_key(prefix: str, owner: str) -> Ending:
    """Set which person may use a key. Raises CommandError."""
    _check_person("PERSON", owner)
    with surroundings() as here, here.engine.begin() as connection:
        if not access.set_key_owner(connection, prefix, owner):
            raise unusable("there is no key of this prefix; `consent keys list` shows them")
        audit.add(connection, [Entry(who(), "keys owner", allowed=True, target=f"{prefix} {owner}")])
        _note_unknown(connection, owner)
    typer.echo(f"{prefix} is a key of {owner}'s")
    return Ending.DONE


def add_user(
    name: str, *, role: str, has_password: bool = True, owner: str | None = None, os_user: str | None = None
) -> Ending:
    """Add a console user. Raises CommandError."""
    chosen = _role(role)
    _check_person("--owner", owner)
    _check_os_user(os_user)
    if not USER_NAME.fullmatch(name):
        raise unusable(
            "NAME is 1 to 63 small letters, digits, dots, dashes and underscores, or an e-mail address in them"
        )
    password_hash = _hashed() if has_password else None
    with surroundings() as here, here.engine.begin() as connection:
        more = {"owner": owner, "os_user": os_user}
        if not access.add_user(connection, name=name, role=chosen, password_hash=password_hash, by=who(), **more):
            raise unusable("there is a user of this name already; `consent user list` shows them")
        audit.add(connection, [Entry(who(), "user add", allowed=True, target=name)])
        settings = here.settings
    typer.echo(
        f"{name} may log in to the console as {chosen}" + ("" if has_password else ", by the identity provider only")
    )
    if has_password and not settings.password_login:
        note("and not with this password as long as CONSENT_PASSWORD_LOGIN is false")
    if not has_password and settings.oidc is None:
        note("which is none yet: CONSENT_OIDC__… is not set here")
    return Ending.DONE


def own_user(name: str, *, owner: str | None, os_user: str | None) -> Ending:
    """Set which person a user is, and their name at the command line. Raises CommandError."""
    if owner is None and os_user is None:
        raise unusable("give --owner, --os-user, or both")
    _check_person("--owner", owner)
    _check_os_user(os_user)
    with surroundings() as here, here.engine.begin() as connection:
        if not access.set_user_owner(connection, name, owner=owner, os_user=os_user):
            raise _no_such_user()
        said = f"{name} {owner or ''} {f'cli:{os_user}' if os_user else ''}"
        audit.add(connection, [Entry(who(), "user owner", allowed=True, target=" ".join(said.split()))])
        _note_unknown(connection, owner)
    typer.echo(f"{name} is one person with " + " and ".join(filter(None, (owner, os_user and f"cli:{os_user}"))))
    return Ending.DONE


def unlock_user(name: str) -> Ending:
    """Let a user try again at once after failed logins. Raises CommandError."""
    with surroundings() as here:
        masters = master_keys(here)
        try:
            with here.engine.begin() as connection:
                if not access.is_user(connection, name):
                    raise _no_such_user()
                was_locked = unlock(connection, fingerprinter(connection, masters), name)
                audit.add(connection, [Entry(who(), "user unlock", allowed=True, target=name)])
        except UnsealError as error:
            raise unusable(f"{BAD_KEYS}{error}") from None
    typer.echo(f"{name} may try again" if was_locked else f"{name} was not locked; failures are counted anew")
    return Ending.DONE


def list_users(*, as_json: bool) -> Ending:
    """Print every console user. Raises CommandError."""
    with surroundings() as here, here.engine.connect() as connection:
        _print([user._asdict() for user in access.all_users(connection)], "users", as_json=as_json)
    return Ending.DONE


def set_password(name: str, *, has_password: bool = True) -> Ending:
    """Set another password for a user, or remove it. Raises CommandError."""
    password_hash = _hashed() if has_password else None
    with surroundings() as here, here.engine.begin() as connection:
        if not access.set_password(connection, name, password_hash):
            raise _no_such_user()
        audit.add(connection, [Entry(who(), "user password", allowed=True, target=name)])
    typer.echo(f"{name} has {'a new' if has_password else 'no'} password, and no session any more")
    return Ending.DONE


def set_disabled(name: str, *, disabled: bool) -> Ending:
    """Disable a user, or enable them again. Raises CommandError."""
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


def _check_person(option: str, person: str | None) -> None:
    if person is not None and not USER_NAME.fullmatch(person):
        raise unusable(
            f"{option} is the name of a user, or one like it: small letters, digits, dots, dashes, an address"
        )


def _check_os_user(os_user: str | None) -> None:
    if os_user is not None and not OS_USER.fullmatch(os_user):
        raise unusable("--os-user is a name or a number of the operating system, without the `cli:` before it")


def _note_unknown(connection: Connection, person: str | None) -> None:
    if person is not None and not access.is_user(connection, person):
        note(f"there is no user {person} yet: the name alone stands for them, also at the command line")


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
