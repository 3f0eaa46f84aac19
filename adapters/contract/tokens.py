"""How a vendor authenticates us: bearer tokens that it issues, and signatures."""

from datetime import datetime
from typing import Protocol, runtime_checkable

import httpx
from pydantic import SecretStr

from adapters.contract.answers import Answer


class Token(SecretStr):
    """A bearer token, and what came with it.

    `life_s`: its life in seconds, from when it was asked for; None where the vendor does not say. `base_url`: where to
    use it instead of the settings' `base_url`, checked already (`reading.read_base_url`); empty for there. `renewal`:
    the refresh token for the next one, where the vendor gave one.
    """

    def __init__(
        self, token: str, life_s: float | None = None, *, base_url: str = "", renewal: SecretStr | None = None
    ) -> None:
        super().__init__(token)
        self.life_s = life_s
        self.base_url = base_url
        self.renewal = renewal


@runtime_checkable
class Authenticates(Protocol):
    """Second interface: the vendor issues bearer tokens."""

    def login(self) -> httpx.Request | None:
        """The request for a new token; None where the settings give a static one."""

    def read_token(self, response: httpx.Response) -> Token | Answer:
        """The token in a good answer, else what the refusal means."""


@runtime_checkable
class Renews(Protocol):
    """Second interface of those that authenticate: a refresh token gets the next token. Where the vendor refuses it,
    `login` is used."""

    def renew(self, renewal: SecretStr) -> httpx.Request:
        """The request for the next token, which `read_token` reads. Where the answer has no refresh token, the old one
        stays valid (RFC 6749, 6)."""


@runtime_checkable
class Signs(Protocol):
    """Second interface: every request is signed, with a time or a nonce in the signature."""

    def sign(self, request: httpx.Request, now: datetime) -> httpx.Request:
        """The request as it is sent: complete, with its token, after its permit was granted. Called right before the
        request is sent, and again each time it is sent again; also for `login`, `renew` and `probe`. It may change the
        request that it is given. `now` is in UTC."""
