"""API keys and session tokens: 256 random bits, shown once, stored as a digest only."""

import hmac
import re
import secrets
from base64 import b64decode
from hashlib import sha256
from typing import NamedTuple

# SHA-256 instead of a password hash: nobody can try 2**256 values, so slowing them down is useless, and a key is
# checked with every request. Argon2 is for what people choose (passwords.py).
_FORM = re.compile(r"cw_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")


class Minted(NamedTuple):
    """A new key. `secret` is shown to its owner and then dropped."""

    prefix: str
    secret: str
    digest: bytes

    def __repr__(self) -> str:
        return f"Minted(prefix={self.prefix!r})"


def mint_key() -> Minted:
    """A new API key."""
    prefix = secrets.token_hex(6)
    secret = f"cw_{prefix}_{secrets.token_urlsafe(32)}"
    return Minted(prefix, secret, digest_of(secret))


def mint_token() -> str:
    """A new session token."""
    return secrets.token_urlsafe(32)


def digest_of(secret: str) -> bytes:
    """The digest to store of a key or token."""
    return sha256(secret.encode()).digest()


def key_shown(authorization: str) -> str | None:
    """The key in an Authorization header: the token of `Bearer`, or the password of `Basic`, whose user name is ignored
    (consent managers use Basic, RFC 7617); None where there is none."""
    scheme, _, shown = authorization.partition(" ")
    match scheme.lower():
        case "bearer":
            return shown.strip()
        case "basic":
            try:
                pair = b64decode(shown.strip(), validate=True).decode()
            except ValueError:  # not base64, or not UTF-8
                return None
            return pair.partition(":")[2]
    return None


def prefix_of(presented: str) -> str | None:
    """The part that identifies a key; None where it is not of our form."""
    match = _FORM.fullmatch(presented)
    return match[1] if match else None


def same(one: bytes, other: bytes) -> bool:
    """Compare digests in a time that does not depend on where they differ."""
    return hmac.compare_digest(one, other)
