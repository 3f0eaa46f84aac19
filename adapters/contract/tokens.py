"""What proves to a vendor who calls: bearer tokens that it hands out, and signatures."""

from datetime import datetime
from typing import Protocol, runtime_checkable

import httpx
from pydantic import SecretStr

from adapters.contract.answers import Answer


class Token(SecretStr):
    """A bearer token, and what came with it.

    `life_s`: for how long it is good, in seconds from when it was asked for; None where the vendor does not say.
    `base_url`: where it is to be used instead of the settings' `base_url`, already checked (`reading.read_base_url`);
    empty for there. `renewal`: the refresh token that gets the next one, where the vendor gave one.
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
    """Second interface: the vendor hands out bearer tokens."""

    def login(self) -> httpx.Request | None:
        """The request for a new token; None where the settings give a static one."""

    def read_token(self, response: httpx.Response) -> Token | Answer:
        """The token in a good answer, else what the refusal means."""


@runtime_checkable
class Renews(Protocol):
    """Second interface of those that authenticate: a refresh token gets the next token. Where the vendor refuses it,
    `login` is asked."""

    def renew(self, renewal: SecretStr) -> httpx.Request:
        """The request for the next token, which `read_token` reads. Where it brings no refresh token, the old one
        stays good (RFC 6749, 6)."""


@runtime_checkable
class Signs(Protocol):
    """Second interface: every request is signed, with a time in the signature or a number that is used once."""

    def sign(self, request: httpx.Request, now: datetime) -> httpx.Request:
        """The request as it goes out: whole, with its token, and with the right to be sent. It is called right before
        the request is sent, and again each time it is sent again; also for `login`, `renew` and `probe`. It may change
        the request that it is given. `now` is in UTC."""
