"""Check a vendor's address and our credentials without changing anything."""

from datetime import UTC, datetime

import httpx

from adapters.contract import Adapter, Answer, Authenticates, Probes, Token, UnreadableError, Verdict
from adapters.egress import DIRECT, Egress
from adapters.proving import signed, with_token
from adapters.transport import AnswerLostError, NotSentError, Transport
from adapters.triage import triage
from adapters.writing import body_of
from domain.outcomes import Reason

PATIENCE_S = 10.0
"""Somebody is waiting for the result: a slower vendor is reported as slow."""


async def examine(adapter: Adapter, egress: Egress = DIRECT) -> Answer | None:
    """APPLIED where address and credentials are right, else what is wrong; None where there is no harmless call.

    Takes no permit: it sends one or two requests, which fit into a vendor's margin.
    """
    transport = Transport(timeout_s=min(adapter.settings.timeout_s, PATIENCE_S), egress=egress)
    try:
        return await _examined(adapter, transport)
    except NotSentError:
        return Answer(Verdict.RETRY, Reason.NO_CONNECTION)
    except AnswerLostError:
        return Answer(Verdict.RETRY, Reason.ANSWER_LOST)
    except UnreadableError:
        return Answer(Verdict.RETRY, Reason.UNREADABLE)
    finally:
        await transport.aclose()


async def _examined(adapter: Adapter, transport: Transport) -> Answer | None:
    login = adapter.login() if isinstance(adapter, Authenticates) else None
    token: Token | None = None
    if isinstance(adapter, Authenticates) and login is not None:
        answer = await _send(adapter, transport, login)
        read = answer if isinstance(answer, Answer) else adapter.read_token(answer)
        if isinstance(read, Answer):
            return read
        token = read  # for the next call only: it is neither kept nor shared
    if not isinstance(adapter, Probes):
        return Answer(Verdict.APPLIED) if token else None
    probe = adapter.probe()
    if login is not None and probe.url == login.url:
        return Answer(Verdict.APPLIED)  # asking for a token was the probe
    if token is not None:
        probe = with_token(probe, token, adapter.settings.base_url)
    answer = await _send(adapter, transport, probe)
    return answer if isinstance(answer, Answer) else adapter.read_probe(answer)


async def _send(adapter: Adapter, transport: Transport, request: httpx.Request) -> httpx.Response | Answer:
    body_of(request)
    response = await transport.send(signed(adapter, request, datetime.now(UTC)))
    told = triage(response, datetime.now(UTC))
    if told and told.verdict is Verdict.SPLIT:  # nobody is in such a call, so it is not about somebody
        return Answer(Verdict.VENDOR, Reason.WRONG_ADDRESS)
    return told or response
