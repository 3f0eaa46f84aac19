"""Ask an authority for a time stamp over HTTP (RFC 3161, 3.4)."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field

import httpx

from adapters.egress import DIRECT, Egress
from adapters.tunnelled_httpx import httpx_transport
from evidence.timestamps import ANSWER_TYPE, MEDIA_TYPE

WITHIN_S = 10.0
MOST_BYTES = 100_000
"""Limit on an answer. With its certificates it has some thousands."""


class AuthorityAwayError(Exception):
    """The authority gave no answer that can be used. Check CONSENT_TIMESTAMP_URL, and whether it can be reached."""


@dataclass(frozen=True)
class TimestampAuthority:
    """An authority, by its address, which may contain a credential."""

    url: str = field(repr=False)
    egress: Egress = DIRECT

    async def ask(self, question: bytes) -> bytes:
        """The answer to a question, unchecked. Raises AuthorityAwayError."""
        try:
            async with asyncio.timeout(WITHIN_S):
                return await self._ask(question)
        except (OSError, httpx.HTTPError):  # TimeoutError is an OSError
            raise AuthorityAwayError("the time stamp authority did not answer") from None

    async def _ask(self, question: bytes) -> bytes:
        headers = {"Content-Type": MEDIA_TYPE, "Accept": ANSWER_TYPE, "Accept-Encoding": "identity"}
        request = httpx.Request("POST", self.url, headers=headers, content=question)
        # Without httpx's client, which logs addresses, follows proxies and decompresses.
        async with httpx_transport(self.egress, self.egress.trust, request.url.host) as transport:
            response = await transport.handle_async_request(request)
            body = bytearray()
            async with aclosing(response):
                if response.status_code != httpx.codes.OK:
                    raise AuthorityAwayError(f"the time stamp authority answered {response.status_code}")
                async for part in response.aiter_raw():
                    body += part
                    if len(body) > MOST_BYTES:
                        raise AuthorityAwayError("the time stamp authority's answer is larger than any should be")
            return bytes(body)
