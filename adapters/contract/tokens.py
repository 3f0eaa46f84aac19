"""Bearer tokens that a vendor hands out."""

from typing import Protocol, runtime_checkable

import httpx
from pydantic import SecretStr

from adapters.contract.answers import Answer


class Token(SecretStr):
    """A bearer token, and for how long it is good: `life_s` seconds from when it was asked for, None where the vendor
    does not say."""

    def __init__(self, token: str, life_s: float | None = None) -> None:
        super().__init__(token)
        self.life_s = life_s


@runtime_checkable
class Authenticates(Protocol):
    """Second interface: the vendor hands out bearer tokens."""

    def login(self) -> httpx.Request | None:
        """The request for a new token; None where the settings give a static one."""

    def read_token(self, response: httpx.Response) -> Token | Answer:
        """The token in a good answer, else what the refusal means."""
