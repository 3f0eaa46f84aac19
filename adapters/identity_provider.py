"""An OpenID Connect provider: where it has people log in, and whose verified e-mail address a login there proves.

OpenID Connect Core 1.0, 3.1 (authorization code flow) and Discovery 1.0, 4; PKCE by RFC 7636.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic
from typing import Any, NamedTuple, cast

import httpx
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import SecretStr
from pydantic_core import from_json

from adapters.addresses import check_address

WITHIN_S = 10.0
"""For all that is asked in one login."""
MOST_BYTES = 500_000
"""Of one answer; the largest key sets in the wild have some tens of thousands."""
KNOWN_FOR_S = 3600.0
RENEWED_AFTER_S = 60.0
"""Keys that do not fit are asked for anew this often at most: a provider may change them at any time."""
LEEWAY_S = 60
SIGNED_BY = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
"""Signatures that need a private key: `none` is none, and an HMAC's key would be one that we know too."""
KEY_TYPES = frozenset({"RSA", "EC"})


class Denial(StrEnum):
    """Why nobody was logged in; all that is kept of it."""

    STATE = "this login was not begun in this browser, or too long ago"
    PROVIDER = "the identity provider refused"
    TOKEN = "the ID token's signature or form cannot be trusted"  # noqa: S105 - a reason, no secret
    CLAIMS = "the ID token is not for us, not for this login, or expired"
    UNVERIFIED = "the ID token names no verified e-mail address"
    UNKNOWN = "no console user of this e-mail address, or one that is disabled"


class DeniedError(Exception):
    """Nobody may come in by this login; the message is one of `Denial`'s."""

    def __init__(self, denial: Denial) -> None:
        super().__init__(denial.value)
        self.denial = denial


class ProviderAwayError(Exception):
    """The identity provider did not answer in time, or with something that is no answer. Check the issuer's address."""


class Once(NamedTuple):
    """What ties one login together, from its beginning to its end; each part is a secret."""

    state: str
    nonce: str
    verifier: str

    def __repr__(self) -> str:
        return "Once()"


@dataclass(frozen=True)
class _Known:
    """What the provider says of itself."""

    authorize: str
    token: str
    keys: KeySet
    at: float


class IdentityProvider:
    """One provider, and us as its client. Asks it about itself once an hour."""

    def __init__(self, issuer: str, client_id: str, client_secret: SecretStr, redirect_url: str) -> None:
        self._issuer, self._client_id, self._secret, self._redirect_url = issuer, client_id, client_secret, redirect_url
        self._known: _Known | None = None
        self._asking = asyncio.Lock()

    async def address(self, once: Once) -> str:
        """Where the browser is sent to log in. Raises ProviderAwayError."""
        async with _deadline(), self._client() as client:
            known = await self._about(client, KNOWN_FOR_S)
            url, _ = client.create_authorization_url(
                known.authorize, state=once.state, code_verifier=once.verifier, nonce=once.nonce
            )
        return cast(str, url)

    async def email(self, code: str, once: Once) -> str:
        """The verified address of who logged in, in small letters. Raises DeniedError, ProviderAwayError."""
        async with _deadline(), self._client() as client:
            known = await self._about(client, KNOWN_FOR_S)
            try:
                told = await client.fetch_token(known.token, code=code, code_verifier=once.verifier)
            except OAuthError:
                raise DeniedError(Denial.PROVIDER) from None
            token = told.get("id_token")
            if not isinstance(token, str):
                raise DeniedError(Denial.TOKEN)
            try:
                claims = _signed(token, known.keys)
            except DeniedError:
                renewed = await self._about(client, RENEWED_AFTER_S)
                if renewed is known:
                    raise
                claims = _signed(token, renewed.keys)
        self._check(claims, once)
        email = claims.get("email")
        if claims.get("email_verified") is not True or not isinstance(email, str) or not email.isascii():
            raise DeniedError(Denial.UNVERIFIED)
        return email.lower()

    def _check(self, claims: Mapping[str, Any], once: Once) -> None:
        """Core 1.0, 3.1.3.7. Raises DeniedError."""
        expected = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self._issuer},
            sub={"essential": True},
            aud={"essential": True, "value": self._client_id},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": once.nonce},
        )
        try:
            expected.validate(dict(claims))
        except JoseError:
            raise DeniedError(Denial.CLAIMS) from None
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if several else self._client_id) != self._client_id:
            raise DeniedError(Denial.CLAIMS)

    def _client(self) -> Any:
        return AsyncOAuth2Client(
            self._client_id,
            self._secret.get_secret_value(),
            scope="openid email",
            redirect_uri=self._redirect_url,
            code_challenge_method="S256",
            transport=_Bounded(),
            timeout=WITHIN_S,
            follow_redirects=False,
            headers={"Accept-Encoding": "identity"},
        )

    async def _about(self, client: Any, known_for_s: float) -> _Known:
        async with self._asking:
            if self._known is None or monotonic() - self._known.at > known_for_s:
                told = await _ask(client, f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
                if told.get("issuer") != self._issuer:
                    raise ProviderAwayError("the identity provider names itself otherwise than CONSENT_OIDC__ISSUER")
                authorize, token, place = (
                    check_address(str(told.get(name)))
                    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
                )
                keys = (await _ask(client, place)).get("keys", [])
                usable = [key for key in keys if key.get("kty") in KEY_TYPES and key.get("use", "sig") == "sig"]
                self._known = _Known(authorize, token, KeySet.import_key_set({"keys": usable}), monotonic())
            return self._known


async def _ask(client: Any, url: str) -> dict[str, Any]:
    answer = (await client.request("GET", url, withhold_token=True)).raise_for_status()
    told = from_json(answer.content)
    if not isinstance(told, dict):
        raise ValueError("no JSON object")
    return told


def _signed(token: str, keys: KeySet) -> Mapping[str, Any]:
    try:
        return jwt.decode(token, keys, algorithms=SIGNED_BY).claims
    except (JoseError, ValueError):
        raise DeniedError(Denial.TOKEN) from None


@asynccontextmanager
async def _deadline() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(WITHIN_S):
            yield
    except (TimeoutError, httpx.HTTPError, ValueError, JoseError):
        raise ProviderAwayError("the identity provider gave no answer that can be used") from None


class _Bounded(httpx.AsyncHTTPTransport):
    """Reads no more of an answer than there may be of it, and unpacks none."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        body = bytearray()
        try:
            async for part in answer.aiter_raw():
                body += part
                if len(body) > MOST_BYTES or "content-encoding" in answer.headers:
                    raise httpx.ReadError("larger than any answer, or packed")
        finally:
            await answer.aclose()
        return httpx.Response(answer.status_code, headers=answer.headers, stream=httpx.ByteStream(bytes(body)))
