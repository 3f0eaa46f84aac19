"""An OpenID Connect provider: where people log in, and which address it confirms when they return.

OpenID Connect Core 1.0, 3.1 (authorization code flow) and Discovery 1.0, 4; PKCE by RFC 7636.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Annotated, Any, NamedTuple, TypeVar
from urllib.parse import quote

import httpx
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc.jwk import KeySet
from pydantic import AfterValidator, BaseModel, SecretStr, ValidationError

from adapters.addresses import check_address
from adapters.egress import DIRECT, Egress
from adapters.id_token import Denial, DeniedError, Expected, UnknownKeyError, email_of, usable_keys
from adapters.tunnelled_httpx import httpx_transport

WITHIN_S = 10.0
"""Limit on all calls of one login."""
AT_ONCE = 8
"""Logins checked at the same time. Others wait, within the same limit."""
MOST_BYTES = 500_000
"""Limit on one answer. The largest known key sets have some tens of thousands of bytes."""
KNOWN_FOR_S = 3600.0
RENEWED_AFTER_S = 60.0
"""For an unknown key, the provider is asked again this often at most."""


class ProviderAwayError(Exception):
    """The identity provider gave no usable answer. Check CONSENT_OIDC__ISSUER, and whether it can be reached."""


class Once(NamedTuple):
    """The secrets that belong to one login, from beginning to end."""

    state: str
    nonce: str
    verifier: str

    def __repr__(self) -> str:
        return "Once()"


Address = Annotated[str, AfterValidator(check_address)]


class _About(BaseModel):
    """What a provider says about itself (Discovery 1.0, 3)."""

    issuer: str
    authorization_endpoint: Address
    token_endpoint: Address
    jwks_uri: Address
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]


class _Keys(BaseModel):
    keys: list[dict[str, Any]]


class _Tokens(BaseModel):
    id_token: str


class _Refusal(BaseModel):
    error: str


Shape = TypeVar("Shape", bound=BaseModel)


@dataclass(frozen=True)
class _Known:
    about: _About
    keys: KeySet
    at: float


class _Answer(NamedTuple):
    """The repr shows nothing: it may hold tokens."""

    status: int
    body: bytes

    def __repr__(self) -> str:
        return f"_Answer({self.status})"


class IdentityProvider:
    """One provider, with us as its client. Asks it about itself once an hour."""

    def __init__(
        self, issuer: str, client_id: str, client_secret: SecretStr, redirect_url: str, egress: Egress = DIRECT
    ) -> None:
        self._issuer, self._client_id, self._secret, self._redirect_url = issuer, client_id, client_secret, redirect_url
        self._egress = egress
        self._known: _Known | None = None
        self._asking = asyncio.Lock()
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def address(self, once: Once) -> str:
        """The address to which the browser is sent to log in. Raises ProviderAwayError."""
        async with _within():
            known = await self._learn(KNOWN_FOR_S)
        address: str = prepare_grant_uri(
            known.about.authorization_endpoint,
            self._client_id,
            "code",
            self._redirect_url,
            "openid email",
            once.state,
            nonce=once.nonce,
            code_challenge=create_s256_code_challenge(once.verifier),
            code_challenge_method="S256",
        )
        return address

    async def email(self, code: str, once: Once) -> str:
        """The verified address of the person who logged in, in lower case. Raises DeniedError, ProviderAwayError."""
        expected = Expected(self._issuer, self._client_id, once.nonce)
        async with _within(), self._turns:
            known = await self._learn(KNOWN_FOR_S)
            token = await self._redeem(known.about, code, once)
            try:
                return await asyncio.to_thread(email_of, token, known.keys, expected)
            except UnknownKeyError:
                known = await self._learn(RENEWED_AFTER_S)
            return await asyncio.to_thread(email_of, token, known.keys, expected)

    async def _learn(self, known_for_s: float) -> _Known:
        async with self._asking:
            if self._known is None or monotonic() - self._known.at > known_for_s:
                place = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
                about = _read(_About, await self._ask(httpx.Request("GET", place)))
                if about.issuer != self._issuer:
                    raise ProviderAwayError("the identity provider names itself otherwise than CONSENT_OIDC__ISSUER")
                if not _same_scheme(self._issuer, about.authorization_endpoint, about.token_endpoint, about.jwks_uri):
                    raise ProviderAwayError("the identity provider leads from https to http")
                found = _read(_Keys, await self._ask(httpx.Request("GET", about.jwks_uri)))
                self._known = _Known(about, await asyncio.to_thread(usable_keys, found.keys), monotonic())
            return self._known

    async def _redeem(self, about: _About, code: str, once: Once) -> str:
        """The ID token for this code. RFC 6749, 4.1.3 to 5.2."""
        ours, method = (self._client_id, self._secret.get_secret_value()), "client_secret_post"
        if "client_secret_basic" in about.token_endpoint_auth_methods_supported:
            ours, method = (quote(ours[0], safe=""), quote(ours[1], safe="")), "client_secret_basic"  # RFC 6749, 2.3.1
        form = prepare_token_request(
            "authorization_code", redirect_uri=self._redirect_url, code=code, code_verifier=once.verifier
        )
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        place, headers, form = ClientAuth(*ours, method).prepare("POST", about.token_endpoint, headers, form)
        answer = await self._ask(httpx.Request("POST", place, headers=headers, content=form))
        if answer.status == 200:
            return _read(_Tokens, answer).id_token
        if _read(_Refusal, answer, answer.status).error == "invalid_grant":
            raise DeniedError(Denial.PROVIDER)
        raise ProviderAwayError(
            "the identity provider does not serve us: check our CLIENT_ID, CLIENT_SECRET and its log"
        )

    async def _ask(self, request: httpx.Request) -> _Answer:
        # Without httpx's client, which logs addresses, follows proxies and decompresses.
        async with httpx_transport(self._egress, self._egress.trust, request.url.host) as transport:
            response = await transport.handle_async_request(request)
            body = bytearray()
            async with aclosing(response):
                async for part in response.aiter_raw():
                    body += part
                    if len(body) > MOST_BYTES:
                        raise ProviderAwayError("the identity provider's answer is larger than any should be")
            return _Answer(response.status_code, bytes(body))


def _same_scheme(issuer: str, *others: str) -> bool:
    """Otherwise a remote provider could make us send requests to this machine."""
    return all(httpx.URL(other).scheme == httpx.URL(issuer).scheme for other in others)


def _read(shape: type[Shape], answer: _Answer, status: int = 200) -> Shape:
    if answer.status == status:
        try:
            return shape.model_validate_json(answer.body)
        except ValidationError:
            pass  # its message quotes the answer
    raise ProviderAwayError("the identity provider gave no answer that can be used")


@asynccontextmanager
async def _within() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(WITHIN_S):
            yield
    except (OSError, httpx.HTTPError):  # TimeoutError is an OSError
        raise ProviderAwayError("the identity provider did not answer") from None
