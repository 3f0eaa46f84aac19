"""A small OpenID Connect provider on loopback, strict about what a client sends it, that can be told to lie."""

import asyncio
import time
from base64 import b64encode, urlsafe_b64encode
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, quote

from joserfc import jwt
from joserfc.jwk import ECKey, Key, RSAKey
from joserfc.jws import JWSRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

CLIENT_ID, SECRET = "us&them", "s3cret/+: hush"
REDIRECT_URL = "http://127.0.0.1/v1/session/oidc/callback"
PERSON = {"sub": "4711", "email": "Ann@shop.example", "email_verified": True}

LENIENT = JWSRegistry(strict_check_header=False)
KEY = RSAKey.generate_key(2048, {"kid": "a"})
Sign = Callable[[dict[str, Any]], str]


class Provider:
    """`lies` go over the claims, `about` over what it says of itself, `answers` in the place of whole answers."""

    def __init__(self) -> None:
        self.key: Key = KEY
        self.published: list[Any] | None = None
        self.lies: dict[str, Any] = {}
        self.about: dict[str, Any] = {}
        self.answers: dict[str, Response] = {}
        self.sign: Sign = self._sign
        self.slow_s = 0.0
        self.asked: Counter[str] = Counter()
        self._codes: dict[str, dict[str, str]] = {}

    def rotate(self) -> None:
        """Sign with another key from now on."""
        self.key = ECKey.generate_key("P-256", {"kid": "b"})

    def _sign(self, claims: dict[str, Any]) -> str:
        alg = "RS256" if isinstance(self.key, RSAKey) else "ES256"
        return jwt.encode({"alg": alg, "kid": self.key.kid, "odd": [1]}, claims, self.key, registry=LENIENT)

    def log_in(self, asked: dict[str, str]) -> dict[str, str]:
        """What the browser is sent back with, when somebody has logged in."""
        assert {**asked, "state": "", "nonce": "", "code_challenge": ""} == {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": REDIRECT_URL,
            "scope": "openid email",
            "code_challenge_method": "S256",
            "state": "",
            "nonce": "",
            "code_challenge": "",
        }
        code = f"code/{len(self._codes)}"
        self._codes[code] = asked
        return {"code": code, "state": asked["state"]}

    def _token(self, form: dict[str, str], issuer: str, authorization: str) -> tuple[int, dict[str, Any]]:
        basic = b64encode(f"{quote(CLIENT_ID, safe='')}:{quote(SECRET, safe='')}".encode()).decode()
        by_form = (form.pop("client_id", None), form.pop("client_secret", None)) == (CLIENT_ID, SECRET)
        if not (
            by_form if "token_endpoint_auth_methods_supported" in self.about else authorization == f"Basic {basic}"
        ):
            return 401, {"error": "invalid_client"}
        asked = self._codes.pop(form.pop("code"), None)
        challenge = urlsafe_b64encode(sha256(form.pop("code_verifier").encode()).digest()).rstrip(b"=").decode()
        assert form == {"grant_type": "authorization_code", "redirect_uri": REDIRECT_URL}
        if asked is None or asked["code_challenge"] != challenge:
            return 400, {"error": "invalid_grant", "error_description": "jane@private.example"}
        now = int(time.time())
        claims = {"iss": issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": asked["nonce"], **PERSON}
        told = {name: value for name, value in {**claims, **self.lies}.items() if value is not ...}
        return 200, {"access_token": "hush-token", "token_type": "Bearer", "id_token": self.sign(told)}

    def app(self) -> Starlette:
        """Its pages for machines."""
        pages = [
            Route("/.well-known/openid-configuration", self._about),
            Route("/jwks", self._keys),
            Route("/token", self._tokens, methods=["POST"]),
        ]
        return Starlette(routes=pages)

    async def _about(self, request: Request) -> Response:
        own = str(request.base_url).rstrip("/")
        places = {
            "authorization_endpoint": f"{own}/authorize?tenant=1",
            "token_endpoint": f"{own}/token",
            "jwks_uri": f"{own}/jwks",
        }
        return await self._answer("about", {"issuer": own, **places, **self.about})

    async def _keys(self, request: Request) -> Response:
        published = [self.key.as_dict(private=False)] if self.published is None else self.published
        return await self._answer("jwks", {"keys": published})

    async def _tokens(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(), strict_parsing=True))
        issuer = str(request.base_url).rstrip("/")
        status, told = self._token(form, issuer, request.headers.get("authorization", ""))
        return await self._answer("token", told, status)

    async def _answer(self, name: str, rightly: dict[str, Any], status: int = 200) -> Response:
        self.asked[name] += 1
        await asyncio.sleep(self.slow_s)
        return self.answers.get(name) or JSONResponse(rightly, status)
