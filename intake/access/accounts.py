"""What is done to accounts, by the command line and the console alike: checked, done and audited in one transaction."""

import re
from typing import NamedTuple

from intake.access.passwords import hash_password
from intake.access.roles import Role
from intake.access.tokens import Minted, mint_key
from ledger.accounts import access, audit, logins
from ledger.accounts.audit import HERE, Entry, Origin
from ledger.session import Connection

KEY_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
USER_NAME = re.compile(r"[a-z0-9][a-z0-9._+-]{0,62}(@[a-z0-9][a-z0-9.-]{0,35})?")
"""A user's name may be an e-mail address, by which an identity provider knows them."""
MOST_DAYS = 36_500


class AccountError(Exception):
    """It cannot be done. The message says what to change; `field` is what it is about."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Doer(NamedTuple):
    """Who does it, for the audit log."""

    name: str
    origin: Origin = HERE


def role_of(given: str) -> Role:
    """The role of this name. Raises AccountError."""
    if given not in list(Role):
        raise AccountError("role", f"unknown role; known are {', '.join(Role)}")
    return Role(given)


def check_person(person: str | None, field: str = "owner") -> None:
    """Raises AccountError where this cannot be the name of a person."""
    if person is not None and not USER_NAME.fullmatch(person):
        what = "is the name of a user, or one like it: small letters, digits, dots, dashes, an address"
        raise AccountError(field, what)


class NewKey(NamedTuple):
    """A key to be made."""

    name: str
    role: Role
    days: float | None
    """Until it expires; None: never."""
    owner: str | None = None


def create_key(connection: Connection, key: NewKey, by: Doer) -> Minted:
    """Make an API key; its secret is known to the caller alone. Raises AccountError."""
    if not KEY_NAME.fullmatch(key.name):
        raise AccountError("name", "is 1 to 63 small letters, digits, dots, dashes and underscores")
    check_person(key.owner)
    minted = mint_key()
    access.add_key(
        connection,
        prefix=minted.prefix,
        name=key.name,
        role=key.role,
        digest=minted.digest,
        by=by.name,
        days=key.days,
        owner=key.owner,
    )
    note(connection, by, "keys create", f"{key.name} {minted.prefix}")
    return minted


def revoke_key(connection: Connection, prefix: str, by: Doer) -> None:
    """Revoke a key. Raises AccountError where no valid one has this prefix."""
    if not access.revoke_key(connection, prefix, by.name):
        raise AccountError("prefix", "no key of this prefix opens anything")
    note(connection, by, "keys revoke", prefix)


class NewUser(NamedTuple):
    """A console user to be added."""

    name: str
    role: Role
    password: str | None
    """None: they sign in by the identity provider."""
    owner: str | None = None
    os_user: str | None = None

    def __repr__(self) -> str:
        return f"NewUser(name={self.name!r}, role={self.role!r})"


def hashed(password: str) -> str:
    """The hash of a password. Raises AccountError."""
    try:
        return hash_password(password)
    except ValueError as error:
        raise AccountError("password", str(error)) from None


def check_user_name(name: str) -> None:
    """Raises AccountError where no user can have this name."""
    if not USER_NAME.fullmatch(name):
        what = "is 1 to 63 small letters, digits, dots, dashes and underscores, or an e-mail address in them"
        raise AccountError("name", what)


def add_user(connection: Connection, user: NewUser, by: Doer) -> None:
    """Add a console user. Raises AccountError."""
    check_user_name(user.name)
    check_person(user.owner)
    added = access.add_user(
        connection,
        name=user.name,
        role=user.role,
        password_hash=hashed(user.password) if user.password is not None else None,
        by=by.name,
        owner=user.owner,
        os_user=user.os_user,
    )
    if not added:
        raise AccountError("name", "there is a user of this name already")
    note(connection, by, "user add", user.name)


def set_role(connection: Connection, name: str, role: Role, by: Doer) -> None:
    """Give a user another role, also in sessions that have begun. Raises AccountError."""
    _refuse_oneself(name, by)
    if not access.set_role(connection, name, role):
        raise _no_such_user()
    note(connection, by, "user role", f"{name} {role}")


def set_disabled(connection: Connection, name: str, by: Doer, *, disabled: bool) -> None:
    """Disable a user and end their sessions, or enable them again. Raises AccountError."""
    _refuse_oneself(name, by)
    if not access.set_disabled(connection, name, disabled=disabled):
        raise _no_such_user()
    note(connection, by, "user disable" if disabled else "user enable", name)


def set_password(connection: Connection, name: str, password: str | None, by: Doer) -> None:
    """Set another password for a user, or none, and end their sessions. Raises AccountError."""
    if not access.set_password(connection, name, hashed(password) if password is not None else None):
        raise _no_such_user()
    note(connection, by, "user password", name)


def sign_out_everywhere(connection: Connection, name: str, by: Doer) -> None:
    """End all sessions of a user, within seconds. Raises AccountError."""
    check_user(connection, name)
    logins.end_all(connection, name)
    note(connection, by, "user sign-out", name)


def check_user(connection: Connection, name: str) -> None:
    """Raises AccountError where there is no such user."""
    if not access.is_user(connection, name):
        raise _no_such_user()


def note(connection: Connection, by: Doer, deed: str, target: str) -> None:
    """Add the entry of the audit log."""
    audit.add(connection, [Entry(by.name, deed, allowed=True, target=target, **by.origin._asdict())])


def _refuse_oneself(name: str, by: Doer) -> None:
    """So that one who manages accounts is left, and nobody locks themselves out by mistake."""
    if by.name == f"user:{name}":
        raise AccountError("name", "this is your own account: have somebody else who manages accounts do it")


def _no_such_user() -> AccountError:
    return AccountError("name", "there is no user of this name")
