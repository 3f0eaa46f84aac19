"""Sessions of console users, and the devices that they have used. Tokens are stored as digests."""

from typing import NamedTuple

from sqlalchemy import Connection, text

KNOWN_FOR_S = 30 * 86_400.0
"""An ended session is distinguished from an unknown one for so long: a browser that kept it is not guessing."""
MOST_DEVICES = 50
"""Devices of one user. A user who deletes cookies leaves one with each login."""


class Login(NamedTuple):
    """The owner of a session, present or past."""

    name: str
    role: str
    opens: bool
    """It has not ended, it was used lately, and the user is not disabled."""


def begin(connection: Connection, user_id: int, digest: bytes, *, lasts_s: float) -> None:
    """Store a session of a user who has logged in, and delete those that ended long ago."""
    connection.execute(_DROP_OLD, {"known_s": KNOWN_FOR_S})
    connection.execute(_BEGIN, {"user_id": user_id, "digest": digest, "lasts_s": lasts_s})
    connection.execute(text("UPDATE users SET last_login_at = now() WHERE id = :id"), {"id": user_id})


_DROP_OLD = text("DELETE FROM logins WHERE expires_at < now() - make_interval(secs => :known_s)")
_BEGIN = text("""
    INSERT INTO logins (user_id, digest, expires_at)
    VALUES (:user_id, :digest, now() + make_interval(secs => :lasts_s))
""")


def find(connection: Connection, digest: bytes, *, idle_s: float) -> Login | None:
    """The session of this token, which ends when it is not used for `idle_s`; None where the token is unknown."""
    row = connection.execute(_FIND, {"digest": digest, "idle_s": idle_s}).one_or_none()
    return Login(*row) if row is not None else None


_FIND = text("""
    SELECT users.name, CAST(users.role AS text),
        logins.expires_at > now() AND logins.seen_at > now() - make_interval(secs => :idle_s)
            AND users.disabled_at IS NULL
    FROM logins JOIN users ON users.id = logins.user_id
    WHERE logins.digest = :digest
""")


def take(connection: Connection, digest: bytes) -> str | None:
    """End the session of this token, and return whose it was; None where it is over, or was taken before: of several
    who try at once, one succeeds."""
    name: str | None = connection.execute(_TAKE, {"digest": digest}).scalar_one_or_none()
    return name


_TAKE = text("""
    UPDATE logins SET expires_at = now() FROM users
    WHERE users.id = logins.user_id AND users.disabled_at IS NULL AND logins.digest = :digest
        AND logins.expires_at > now()
    RETURNING users.name
""")


def note_use(connection: Connection, digest: bytes) -> None:
    """Somebody uses the session now."""
    connection.execute(_NOTE_USE, {"digest": digest})


_NOTE_USE = text("UPDATE logins SET seen_at = now() WHERE digest = :digest")


def left_s(connection: Connection, digest: bytes, *, idle_s: float) -> float:
    """For how many seconds a session lasts still if nobody uses it; 0 where it is over."""
    left = connection.execute(_LEFT, {"digest": digest, "idle_s": idle_s}).scalar_one_or_none()
    return max(0.0, float(left or 0.0))


_LEFT = text("""
    SELECT EXTRACT(EPOCH FROM LEAST(expires_at, seen_at + make_interval(secs => :idle_s)) - now())
    FROM logins WHERE digest = :digest
""")


def end(connection: Connection, digest: bytes) -> None:
    """Log out."""
    connection.execute(_END, {"digest": digest})


_END = text("UPDATE logins SET expires_at = LEAST(expires_at, now()) WHERE digest = :digest")


def end_all(connection: Connection, name: str) -> None:
    """End every session of a user, and forget their devices."""
    connection.execute(_END_ALL, {"name": name})
    connection.execute(_FORGET_DEVICES, {"name": name})


_END_ALL = text("""
    UPDATE logins SET expires_at = LEAST(expires_at, now()) FROM users
    WHERE users.id = logins.user_id AND users.name = :name
""")
_FORGET_DEVICES = text("DELETE FROM devices USING users WHERE users.id = devices.user_id AND users.name = :name")


def is_device(connection: Connection, digest: bytes, name: str | None = None) -> bool:
    """Whether this user, or any user, has logged in on the device of this token."""
    return connection.execute(_IS_DEVICE, {"digest": digest, "name": name}).one_or_none() is not None


_IS_DEVICE = text("""
    SELECT FROM devices JOIN users ON users.id = devices.user_id
    WHERE devices.digest = :digest AND devices.expires_at > now()
        AND users.name = COALESCE(CAST(:name AS text), users.name)
""")


def devices_of(connection: Connection, name: str) -> list[bytes]:
    """The digests of the devices that a user has used."""
    return [bytes(digest) for digest in connection.execute(_DEVICES, {"name": name}).scalars()]


_DEVICES = text("SELECT digest FROM devices JOIN users ON users.id = devices.user_id WHERE users.name = :name")


def keep_device(connection: Connection, user_id: int, digest: bytes, *, lasts_s: float) -> None:
    """Remember a device for so long from now on; of a user's many devices, only the newest."""
    connection.execute(_KEEP_DEVICE, {"user_id": user_id, "digest": digest, "lasts_s": lasts_s})
    connection.execute(_DROP_DEVICES, {"user_id": user_id, "most": MOST_DEVICES})


_KEEP_DEVICE = text("""
    INSERT INTO devices (user_id, digest, expires_at)
    VALUES (:user_id, :digest, now() + make_interval(secs => :lasts_s))
    ON CONFLICT (digest) DO UPDATE SET expires_at = EXCLUDED.expires_at
""")
_DROP_DEVICES = text("""
    DELETE FROM devices WHERE user_id = :user_id AND (expires_at < now() OR digest IN (
        SELECT digest FROM devices WHERE user_id = :user_id ORDER BY expires_at DESC, digest OFFSET :most))
""")
