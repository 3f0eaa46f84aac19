"""Passwords of console users: Argon2id with the parameters of RFC 9106 (section 4, the second choice)."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 12, 256
"""Length in characters. NIST SP 800-63B (section 3.1.1.2) asks for 8 with a second factor and 15 without. The lock
after failed attempts allows a value between."""

_HASHER = PasswordHasher()
# Of a random password that nobody kept, with the parameters of _HASHER. Hashing one here would cost each process that
# loads this module a quarter of a second.
_NOBODYS = "$argon2id$v=19$m=65536,t=3,p=4$Y4ujmI51DQjmkz7cznKTkw$w1kB8kGIf1AmaKqX/34UOoMD12ZPtvVgRzCWOPFx5VA"


def hash_password(password: str) -> str:
    """The hash to store for a password. Raises ValueError, with what to change, where it is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise ValueError(f"a password has {SHORTEST} to {LONGEST} characters")
    try:
        return _HASHER.hash(password)
    except UnicodeEncodeError:
        raise ValueError("a password is text in UTF-8") from None


def is_password(password: str, kept: str | None) -> bool:
    """Whether this is the password. For an account that does not exist (`kept` is None) the check takes as long."""
    try:
        return _HASHER.verify(kept or _NOBODYS, password[: LONGEST + 1]) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(kept: str) -> bool:
    """Whether it was hashed with other parameters than the present ones."""
    return _HASHER.check_needs_rehash(kept)
