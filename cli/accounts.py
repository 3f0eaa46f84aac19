"""`consent keys` and `consent user`: accounts for access over the network."""

import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from getpass import getpass
from typing import Any

import typer

from cli.given import unusable
from cli.os_user import who
from cli.tables import print_rows
from intake.access import accounts
from intake.access.accounts import AccountError, Doer, NewKey, NewUser
from intake.access.passwords import LONGEST
from intake.exit_codes import Ending, note
from intake.stack import BAD_KEYS, LEDGER, LEDGER_AND_KEYS, master_keys, surroundings
from ledger.accounts import access, audit
from ledger.accounts.audit import Entry
from ledger.keys import fingerprinter
from ledger.sealing import UnsealError
from ledger.session import Connection
from web.access.password_login import unlock
from web.api.models import as_utc

OS_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@+$-]{0,99}")


def create_key(name: str, *, role: str, days: float, owner: str | None, as_json: bool) -> Ending:
    """Make an API key and print it. Raises CommandError."""
    with _told_as_options(), surroundings(needed=LEDGER) as here, here.engine.begin() as connection:
        key = NewKey(name, accounts.role_of(role), days or None, owner)
        minted = accounts.create_key(connection, key, Doer(who()))
        _note_unknown(connection, owner)
    answer = {"name": name, "role": key.role, "prefix": minted.prefix, "key": minted.secret, "owner": owner}
    typer.echo(json.dumps(answer) if as_json else minted.secret)
    if not as_json:
        note("keep it now: it cannot be shown again")
    return Ending.DONE


def list_keys(*, as_json: bool) -> Ending:
    """Print every API key, without its secret. Raises CommandError."""
    with surroundings(needed=LEDGER) as here, here.engine.connect() as connection:
        _print([key._asdict() for key in access.all_keys(connection)], "keys", as_json=as_json)
    return Ending.DONE


def revoke_key(prefix: str) -> Ending:
    """Revoke a key. Raises CommandError."""
    with _told_as_options(), surroundings(needed=LEDGER) as here, here.engine.begin() as connection:
        accounts.revoke_key(connection, prefix, Doer(who()))
    typer.echo("revoked; it opens nothing any more within seconds")
    return Ending.DONE


def own_key(prefix: str, owner: str) -> Ending:
    """Set which person may use a key. Raises CommandError."""
    with _told_as_options(), surroundings(needed=LEDGER) as here, here.engine.begin() as connection:
        accounts.check_person(owner, "person")
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
    _check_os_user(os_user)
    with _told_as_options():
        chosen = accounts.role_of(role)
        accounts.check_user_name(name)
        user = NewUser(name, chosen, _typed() if has_password else None, owner, os_user)
        with surroundings(needed=LEDGER) as here, here.engine.begin() as connection:
            accounts.add_user(connection, user, Doer(who()))
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
    _check_os_user(os_user)
    with _told_as_options(), surroundings(needed=LEDGER) as here, here.engine.begin() as connection:
        accounts.check_person(owner)
        if not access.set_user_owner(connection, name, owner=owner, os_user=os_user):
            raise _no_such_user()
        said = f"{name} {owner or ''} {f'cli:{os_user}' if os_user else ''}"
        audit.add(connection, [Entry(who(), "user owner", allowed=True, target=" ".join(said.split()))])
        _note_unknown(connection, owner)
    typer.echo(f"{name} is one person with " + " and ".join(filter(None, (owner, os_user and f"cli:{os_user}"))))
    return Ending.DONE


def unlock_user(name: str) -> Ending:
    """Let a user try again at once after failed logins. Raises CommandError."""
    with surroundings(needed=LEDGER_AND_KEYS) as here:
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
    with surroundings(needed=LEDGER) as here, here.engine.connect() as connection:
        _print([user._asdict() for user in access.all_users(connection)], "users", as_json=as_json)
    return Ending.DONE


def set_password(name: str, *, has_password: bool = True) -> Ending:
    """Set another password for a user, or remove it. Raises CommandError."""
    password = _typed() if has_password else None
    with _told_as_options(), surroundings(needed=LEDGER) as here, here.engine.begin() as connection:
        accounts.set_password(connection, name, password, Doer(who()))
    typer.echo(f"{name} has {'a new' if has_password else 'no'} password, and no session any more")
    return Ending.DONE


def set_role(name: str, role: str) -> Ending:
    """Give a user another role. Raises CommandError."""
    with _told_as_options(), surroundings(needed=LEDGER) as here, here.engine.begin() as connection:
        accounts.set_role(connection, name, accounts.role_of(role), Doer(who()))
    typer.echo(f"{name} is {role} from now on")
    return Ending.DONE


def sign_out(name: str) -> Ending:
    """End every session of a user. Raises CommandError."""
    with _told_as_options(), surroundings(needed=LEDGER) as here, here.engine.begin() as connection:
        accounts.sign_out_everywhere(connection, name, Doer(who()))
    typer.echo(f"{name} is signed out everywhere within seconds")
    return Ending.DONE


def set_disabled(name: str, *, disabled: bool) -> Ending:
    """Disable a user, or enable them again. Raises CommandError."""
    with _told_as_options(), surroundings(needed=LEDGER) as here, here.engine.begin() as connection:
        accounts.set_disabled(connection, name, Doer(who()), disabled=disabled)
    typer.echo(f"{name} is {'disable' if disabled else 'enable'}d")
    return Ending.DONE


def _no_such_user() -> Exception:
    return unusable("there is no user of this name; `consent user list` shows them")


SHOWN_BY = {"prefix": "; `consent keys list` shows them", "name": "; `consent user list` shows them"}
TAKES = {"name": "NAME ", "owner": "--owner ", "person": "PERSON "}


@contextmanager
def _told_as_options() -> Iterator[None]:
    """Say what is wrong by the name of the option or argument. Raises CommandError."""
    try:
        yield
    except AccountError as error:
        said = str(error).replace("unknown role", "unknown --role")
        if said.startswith("is "):
            raise unusable(f"{TAKES.get(error.field, '')}{said}") from None
        raise unusable(f"{said}{SHOWN_BY.get(error.field, '')}") from None


def _check_os_user(os_user: str | None) -> None:
    if os_user is not None and not OS_USER.fullmatch(os_user):
        raise unusable("--os-user is a name or a number of the operating system, without the `cli:` before it")


def _note_unknown(connection: Connection, person: str | None) -> None:
    if person is not None and not access.is_user(connection, person):
        note(f"there is no user {person} yet: the name alone stands for them, also at the command line")


def _typed() -> str:
    """A password typed twice, or given as a line on standard input. Raises CommandError."""
    if sys.stdin is None or not sys.stdin.isatty():
        return sys.stdin.readline(LONGEST + 2).rstrip("\n") if sys.stdin is not None else ""
    password = getpass("password: ")
    if getpass("again: ") != password:
        raise unusable("these were two different passwords")
    return password


def _print(rows: Sequence[dict[str, Any]], name: str, *, as_json: bool) -> None:
    if as_json:
        told = [
            {key: as_utc(value) if isinstance(value, datetime) else value for key, value in row.items()} for row in rows
        ]
        typer.echo(json.dumps({name: told}))
    elif rows:
        print_rows(rows)
    else:
        typer.echo(f"no {name}")
