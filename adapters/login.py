"""Asks a vendor for a token: by the last refresh token, or else by logging in."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx
from pydantic import SecretStr

from adapters.answer_rules import nothing_sent
from adapters.contract import Answer, Authenticates, Renews, Token, UnreadableError, Verdict
from adapters.credentials import LoginRefusedError
from adapters.writing import body_of
from domain.outcomes import Reason

log = logging.getLogger(__name__)

NOT_ABOUT_THE_TOKEN = frozenset({Reason.RATE_LIMITED, Reason.NO_CONNECTION})
"""Failures that say nothing about a refresh token, and that a login would meet too."""

NOTHING_TO_ASK = Answer(Verdict.VENDOR, Reason.BAD_CREDENTIALS)
"""The adapter no longer has a request for a token."""

Send = Callable[[httpx.Request], Awaitable[httpx.Response | Answer]]


@dataclass(frozen=True)
class Login:
    """Gets tokens from one vendor. Implements adapters.credentials.LogIn."""

    vendor: str
    adapter: Authenticates
    send: Send = field(repr=False)

    async def __call__(self, renewal: SecretStr | None, /) -> Token:
        """A new token. `renewal`: the refresh token of the last one. Raises LoginRefusedError, NotNowError."""
        if renewal is not None and isinstance(self.adapter, Renews):
            try:
                token = await self._ask(self.adapter.renew(renewal))
            except LoginRefusedError as refusal:
                if refusal.answer.reason in NOT_ABOUT_THE_TOKEN:
                    raise
                log.info("%s did not renew its token: we log in anew", self.vendor)
            else:
                token.renewal = token.renewal or renewal
                return token
        request = self.adapter.login()
        if request is None:
            raise LoginRefusedError(NOTHING_TO_ASK)
        return await self._ask(request)

    async def _ask(self, request: httpx.Request) -> Token:
        body_of(request)
        response = await self.send(request)
        if isinstance(response, Answer):
            # Whatever became of a login, nothing was sent for anybody.
            raise LoginRefusedError(nothing_sent(response))
        try:
            token = self.adapter.read_token(response)
        except UnreadableError:
            raise LoginRefusedError(Answer(Verdict.RETRY, Reason.UNREADABLE)) from None
        if isinstance(token, Answer):
            raise LoginRefusedError(token)
        return token
