"""What an ID token proves: that somebody logged in for us just now, and their verified e-mail address.

OpenID Connect Core 1.0, 2 and 3.1.3.7. Nothing is asked over the network.
"""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey
from joserfc.jws import JWSRegistry

LEEWAY_S = 60
SIGNED_BY = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures made with a private key. `none` is no signature, and the key of an HMAC would be known to us as well."""
RSA_BITS = range(2048, 8192 + 1)
"""Shorter keys can be broken (NIST SP 800-131A), longer ones take a second each."""
EMAIL = re.compile(r"[!-?A-~]{1,64}@[!-?A-~]{1,190}")
"""ASCII only: in Unicode, several letters have the same lower case."""
UNREADABLE = (JoseError, ValueError, KeyError, TypeError, RecursionError)
"""What joserfc raises for valid JSON that is no token or key: it does not check some types."""

_REGISTRY = JWSRegistry(algorithms=SIGNED_BY, strict_check_header=False)  # RFC 7515, 4: other headers are allowed
_REGISTRY.max_header_length = 8192  # some contain a chain of certificates


class Denial(StrEnum):
    """Why nobody was logged in. Nothing else is kept."""

    STATE = "this login was not begun in this browser, was too long ago, or has been used"
    PROVIDER = "the identity provider refused"
    TOKEN = "the ID token's signature or form cannot be trusted"  # noqa: S105 - a reason, no secret
    CLAIMS = "the ID token is not for us, not for this login, or expired"
    UNVERIFIED = "the ID token names no verified e-mail address"
    UNKNOWN = "no console user of this e-mail address, or one that is disabled"


class DeniedError(Exception):
    """This login is refused. The message is one of `Denial`'s."""

    def __init__(self, denial: Denial) -> None:
        super().__init__(denial.value)


class UnknownKeyError(DeniedError):
    """The ID token names a key that we do not have. The provider may have changed its keys."""


class Expected(NamedTuple):
    """What the ID token of this login must say."""

    issuer: str
    client_id: str
    nonce: str


def usable_keys(found: Iterable[dict[str, Any]]) -> KeySet:
    """The keys that may have signed an ID token; others are left out (RFC 7517, 5)."""
    return KeySet([key for key in map(_key, found) if key is not None])


def _key(found: Mapping[str, Any]) -> RSAKey | ECKey | None:
    try:
        if found["kty"] == "EC":
            return ECKey.import_key(dict(found))
        if found["kty"] == "RSA":
            key = RSAKey.import_key(dict(found))
            return key if key.raw_value.key_size in RSA_BITS else None
    except UNREADABLE:
        pass
    return None


def email_of(token: str, keys: KeySet, expected: Expected) -> str:
    """The verified address, in lower case. Raises DeniedError, UnknownKeyError."""
    claims = _claims(token, keys, expected)
    email = claims.get("email")
    if claims.get("email_verified") is not True or not isinstance(email, str) or not EMAIL.fullmatch(email):
        raise DeniedError(Denial.UNVERIFIED)
    return email.lower()


def _claims(token: str, keys: KeySet, expected: Expected) -> Mapping[str, Any]:
    try:
        signed = jwt.decode(token, keys, registry=_REGISTRY)
    except InvalidKeyIdError:
        raise UnknownKeyError(Denial.TOKEN) from None
    except UNREADABLE:
        raise DeniedError(Denial.TOKEN) from None
    claims: Any = CodeIDToken(
        signed.claims,
        signed.header,
        options={
            "iss": {"essential": True, "value": expected.issuer},
            "aud": {"essential": True, "value": expected.client_id},
        },
        params={"client_id": expected.client_id, "nonce": expected.nonce},
    )
    try:
        claims.validate(leeway=LEEWAY_S)  # checks exp, iat, nonce and azp too
    except JoseError:
        raise DeniedError(Denial.CLAIMS) from None
    return dict(claims)
