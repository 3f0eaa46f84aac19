"""Asking a vendor for a token: by the refresh token of the last one, else anew."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx
from pydantic import SecretStr

from adapters.answer_rules import nothing_sent
from adapters.contract import Adapter, Answer, Authenticates, Renews, Token, UnreadableError, Verdict
from adapters.credentials import LoginRefusedError
from adapters.writing import body_of
from domain.outcomes import Reason

log = logging.getLogger(__name__)

NOT_ABOUT_THE_TOKEN = frozenset({Reason.RATE_LIMITED, Reason.NO_CONNECTION})
"""What says nothing of a refresh token, and would befall a login too."""

Send = Callable[[httpx.Request], Awaitable[httpx.Response | Answer]]


@dataclass(frozen=True)
class Login:
    """One vendor's way to tokens. Implements adapters.credentials.LogIn."""

    adapter: Adapter
    send: Send = field(repr=False)

    async def __call__(self, renewal: SecretStr | None, /) -> Token:
        """A new token. `renewal`: the refresh token of the last one. Raises LoginRefusedError, NotNowError."""
        assert isinstance(self.adapter, Authenticates)  # noqa: S101 - others are never asked
        if renewal is not None and isinstance(self.adapter, Renews):
            try:
                token = await self._ask(self.adapter.renew(renewal))
            except LoginRefusedError as refusal:
                if refusal.answer.reason in NOT_ABOUT_THE_TOKEN:
                    raise
                log.info("%s did not renew its token: we log in anew", self.adapter.name)
            else:
                token.renewal = token.renewal or renewal
                return token
        request = self.adapter.login()
        assert request is not None  # noqa: S101 - the same
        return await self._ask(request)

    async def _ask(self, request: httpx.Request) -> Token:
        assert isinstance(self.adapter, Authenticates)  # noqa: S101 - the same
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
