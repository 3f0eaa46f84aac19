"""API keys and console users. Secrets are stored as digests or password hashes only."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, text

from ledger.accounts import logins


class FoundKey(NamedTuple):
    """An API key; `opens`: it is neither revoked nor expired."""

    name: str
    role: str
    digest: bytes
    opens: bool


class ListedKey(NamedTuple):
    """An API key as listed for people."""

    prefix: str
    name: str
    role: str
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    owner: str | None
    """The person who may use it; None: a system."""


def add_key(
    connection: Connection,
    *,
    prefix: str,
    name: str,
    role: str,
    digest: bytes,
    by: str,
    days: float | None,
    owner: str | None = None,
) -> None:
    """Store a new key; it expires after so many days, or never."""
    values = {"prefix": prefix, "name": name, "role": role, "digest": digest, "by": by, "days": days, "owner": owner}
    connection.execute(_ADD_KEY, values)


_ADD_KEY = text("""
    INSERT INTO api_keys (prefix, name, role, digest, created_by, owner, expires_at)
    VALUES (:prefix, :name, CAST(:role AS role), :digest, :by, :owner,
            now() + CAST(:days AS double precision) * interval '1 day')
""")


def find_key(connection: Connection, prefix: str) -> FoundKey | None:
    """The key with this prefix."""
    row = connection.execute(_FIND_KEY, {"prefix": prefix}).one_or_none()
    return FoundKey(row.name, row.role, bytes(row.digest), row.opens) if row is not None else None


_FIND_KEY = text("""
    SELECT name, CAST(role AS text) AS role, digest,
        revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()) AS opens
    FROM api_keys WHERE prefix = :prefix
""")


def note_use(connection: Connection, prefix: str) -> None:
    """Note a use of a key, once a minute at most, so that a busy key's row is not locked often."""
    connection.execute(_NOTE_USE, {"prefix": prefix})


_NOTE_USE = text("""
    UPDATE api_keys SET last_used_at = now()
    WHERE prefix = :prefix AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
""")


def revoke_key(connection: Connection, prefix: str, by: str) -> bool:
    """Revoke a key; False where no valid key has this prefix."""
    return connection.execute(_REVOKE, {"prefix": prefix, "by": by}).rowcount == 1


_REVOKE = text("""
    UPDATE api_keys SET revoked_at = now(), revoked_by = :by WHERE prefix = :prefix AND revoked_at IS NULL
""")


def set_key_owner(connection: Connection, prefix: str, owner: str) -> bool:
    """Set the person who may use a key; False where no key has this prefix."""
    return connection.execute(_SET_KEY_OWNER, {"prefix": prefix, "owner": owner}).rowcount == 1


_SET_KEY_OWNER = text("UPDATE api_keys SET owner = :owner WHERE prefix = :prefix")


def all_keys(connection: Connection) -> list[ListedKey]:
    """Every key ever made, by name and age."""
    return [ListedKey(*row) for row in connection.execute(_ALL_KEYS)]


_ALL_KEYS = text("""
    SELECT prefix, name, CAST(role AS text), created_at, created_by, expires_at, revoked_at, last_used_at,
        owner
    FROM api_keys ORDER BY name, created_at, prefix
""")


class FoundUser(NamedTuple):
    """A console user who may log in."""

    id: int
    name: str
    role: str
    password_hash: str | None
    """None: the user logs in by an identity provider, and by no password."""

    def __repr__(self) -> str:
        return f"FoundUser(name={self.name!r}, role={self.role!r})"


class ListedUser(NamedTuple):
    """A console user as listed for people."""

    name: str
    role: str
    created_at: datetime
    created_by: str
    disabled_at: datetime | None
    last_login_at: datetime | None
    provider_only: bool
    """They have no password."""
    owner: str | None
    """The person whom it belongs to; None: the person of the same name."""
    os_user: str | None
    """Their name at the command line, where it differs."""


def add_user(
    connection: Connection,
    *,
    name: str,
    role: str,
    password_hash: str | None,
    by: str,
    owner: str | None = None,
    os_user: str | None = None,
) -> bool:
    """Store a new console user; False where the name is taken, also by a disabled user."""
    values = {"name": name, "role": role, "password_hash": password_hash, "by": by, "owner": owner, "os_user": os_user}
    return connection.execute(_ADD_USER, values).rowcount == 1


_ADD_USER = text("""
    INSERT INTO users (name, role, password_hash, created_by, owner, os_user)
    VALUES (:name, CAST(:role AS role), :password_hash, :by, :owner, :os_user)
    ON CONFLICT (name) DO NOTHING
""")


def find_user(connection: Connection, name: str) -> FoundUser | None:
    """The user with this name, unless disabled."""
    row = connection.execute(_FIND_USER, {"name": name}).one_or_none()
    return FoundUser(*row) if row is not None else None


_FIND_USER = text("""
    SELECT id, name, CAST(role AS text), password_hash FROM users WHERE name = :name AND disabled_at IS NULL
""")


def is_user(connection: Connection, name: str) -> bool:
    """Whether a user has this name, disabled or not."""
    return connection.execute(text("SELECT FROM users WHERE name = :name"), {"name": name}).one_or_none() is not None


def set_user_owner(connection: Connection, name: str, *, owner: str | None, os_user: str | None) -> bool:
    """Set the person of a user, and their name at the command line; None changes nothing. False where no user has this
    name."""
    return connection.execute(_SET_USER_OWNER, {"name": name, "owner": owner, "os_user": os_user}).rowcount == 1


_SET_USER_OWNER = text("""
    UPDATE users SET owner = COALESCE(:owner, owner), os_user = COALESCE(:os_user, os_user) WHERE name = :name
""")


def set_role(connection: Connection, name: str, role: str) -> bool:
    """Give a user another role; False where no user has this name."""
    return connection.execute(_SET_ROLE, {"name": name, "role": role}).rowcount == 1


_SET_ROLE = text("UPDATE users SET role = CAST(:role AS role) WHERE name = :name")


def set_password(connection: Connection, name: str, password_hash: str | None) -> bool:
    """Set or remove a user's password, and end their sessions; False where no user has this name."""
    known = connection.execute(_SET_PASSWORD, {"name": name, "password_hash": password_hash}).rowcount == 1
    logins.end_all(connection, name)
    return known


_SET_PASSWORD = text("UPDATE users SET password_hash = :password_hash WHERE name = :name")


def rehash(connection: Connection, user_id: int, password_hash: str) -> None:
    """Store the same password hashed with newer parameters."""
    connection.execute(_REHASH, {"id": user_id, "password_hash": password_hash})


_REHASH = text("UPDATE users SET password_hash = :password_hash WHERE id = :id")


def set_disabled(connection: Connection, name: str, *, disabled: bool) -> bool:
    """Disable a user and end their sessions, or enable them again; False where no user has this name."""
    known = connection.execute(_SET_DISABLED, {"name": name, "disabled": disabled}).rowcount == 1
    if disabled:
        logins.end_all(connection, name)
    return known


_SET_DISABLED = text("""
    UPDATE users SET disabled_at = CASE WHEN :disabled THEN COALESCE(disabled_at, now()) END WHERE name = :name
""")


def all_users(connection: Connection) -> list[ListedUser]:
    """Every console user, by name."""
    return [ListedUser(*row) for row in connection.execute(_ALL_USERS)]


_ALL_USERS = text("""
    SELECT name, CAST(role AS text), created_at, created_by, disabled_at, last_login_at, password_hash IS NULL,
        owner, os_user
    FROM users ORDER BY name
""")
