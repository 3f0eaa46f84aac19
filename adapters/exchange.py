"""One request to a vendor, and what its answer means for everyone in it."""

import logging
import traceback
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import Protocol

import httpx

from adapters.answer_counts import NO_ANSWER, NO_CONNECTION, AnswerCounts, class_of
from adapters.answer_rules import distinct, is_lost, refused_for_good, unreadable, with_the_wait
from adapters.contract import (
    Adapter,
    Answer,
    Authenticates,
    Call,
    NotNowError,
    Person,
    Rate,
    ReadsAnything,
    SendsOnce,
    Signs,
    Token,
    UnreadableError,
    Verdict,
)
from adapters.credentials import Credentials, LoginRefusedError
from adapters.egress import DIRECT, Egress
from adapters.examine import examine
from adapters.login import Login
from adapters.proving import signed, with_token
from adapters.rates import cost_of, rate_of
from adapters.transport import AnswerLostError, NotSentError, Transport
from adapters.triage import triage
from adapters.writing import body_of
from domain.outcomes import Reason

log = logging.getLogger(__name__)

SHORTEST_PAUSE_S = 2.0
"""The wait where a vendor's rate limit names no time, or no time at all."""


class OurFaultError(Exception):
    """Our own program fails on somebody in a call. Nothing of that is kept: it may be personal."""


class Watch(Protocol):
    """Observes how long each request took."""

    def __call__(self, method: str, body_bytes: int, seconds: float, /) -> None:
        """A request has ended, with an answer or without."""


def _nobody_watches(_method: str, _body_bytes: int, _seconds: float, /) -> None:
    """For callers that do not need the times."""


class Permits(Protocol):
    """The right to send to one vendor, shared by all processes, with separate permits for each of its buckets."""

    def take(self, rate: Rate, /) -> Awaitable[float]:
        """Wait for the permit to send one request; returns the units that were taken. Raises NotNowError where that
        would take too long."""

    async def pause(self, bucket: str, seconds: float, /) -> None:
        """Stop all processes from sending calls of this bucket for so long."""

    async def correct(self, bucket: str, taken: float, cost: float, /) -> None:
        """Correct the units of a request: `taken` were taken, and it has cost so many."""

    async def book(self, rate: Rate, calls: int, most_s: float, /) -> float | None:
        """Book calls behind all that are booked already; returns the seconds until the first may be sent. None, and
        nothing booked, where the last of them would come later than in `most_s`."""


@dataclass(frozen=True)
class Exchange:
    """Makes one vendor's calls. Every request takes a permit first, also one for a token."""

    adapter: Adapter
    transport: Transport
    credentials: Credentials
    permits: Permits
    watch: Watch = field(default=_nobody_watches, repr=False)
    egress: Egress = DIRECT
    counts: AnswerCounts = field(default_factory=AnswerCounts, repr=False)

    async def ask(self, call: Call, people: Sequence[Person]) -> list[Answer]:
        """One answer for each of `people`, in order. A batch over the vendor's size limit is answered SPLIT, unsent.

        Raises NotNowError; OurFaultError where our own adapter fails on somebody among them.
        """
        try:
            request = self.adapter.build(call, people)
        except Exception as fault:  # noqa: BLE001 - whatever it is, it must not stop the others
            raise self._our_fault(fault, call, people) from None
        if len(body_of(request)) > self.adapter.limits(call).body_bytes:
            return [Answer(Verdict.SPLIT, Reason.TOO_LARGE, certain=True)] * len(people)
        if (login := self._login) is not None:
            answers = await self._ask_with_token(call, people, request, login)
        else:
            answers = refused_for_good(await self._send(call, people, request), Reason.BAD_CREDENTIALS)
        if self._sends_once:
            answers = self._not_again(call, answers)
        limited = [answer.retry_after_s for answer in distinct(answers) if answer.reason is Reason.RATE_LIMITED]
        if not limited:
            return answers
        pause_s = max(SHORTEST_PAUSE_S, *limited)
        await self.permits.pause(rate_of(self.adapter, call).bucket, pause_s)
        # It would be useless to ask for any of them before the pause is over.
        later = Answer(Verdict.RETRY, Reason.RATE_LIMITED, pause_s)
        return [later if answer.reason is Reason.RATE_LIMITED else answer for answer in answers]

    async def _ask_with_token(
        self, call: Call, people: Sequence[Person], request: httpx.Request, login: Login
    ) -> list[Answer]:
        stale: Token | None = None
        answers: list[Answer] = []
        for _ in range(2):  # once with the present token, then once more with a fresh one
            try:
                token = await self.credentials.token(self.adapter.name, login, not_this_one=stale)
            except LoginRefusedError as refusal:
                return [refusal.answer] * len(people)
            answers = await self._send(call, people, with_token(request, token, self.adapter.settings.base_url))
            if not any(answer.verdict is Verdict.REAUTHENTICATE for answer in distinct(answers)):
                return answers
            stale = token
        return refused_for_good(answers, Reason.FORBIDDEN)

    async def _send(self, call: Call, people: Sequence[Person], request: httpx.Request) -> list[Answer]:
        response = await self._answer_to(request, call, people)
        if isinstance(response, Answer):
            return [response] * len(people)
        try:
            answers = self.adapter.classify(call, people, response)
        except UnreadableError:
            return [unreadable(response)] * len(people)
        except Exception as fault:  # noqa: BLE001 - whatever it is, it must not stop the others
            raise self._our_fault(fault, call, people) from None
        if len(answers) != len(people):
            # Nobody may be left out. What happened to whom is unknown.
            return [Answer(Verdict.AMBIGUOUS, Reason.UNREADABLE)] * len(people)
        return with_the_wait(answers, response)

    async def _answer_to(
        self, request: httpx.Request, call: Call | None, people: Sequence[Person] = ()
    ) -> httpx.Response | Answer:
        rate = rate_of(self.adapter, call)
        taken = await self.permits.take(rate)
        if self._signs:
            request = self._sign(request, call, people)
        sent = monotonic()
        try:
            response = await self.transport.send(request)
        except NotSentError:
            self.counts.add(rate.bucket, NO_CONNECTION, taken)
            return Answer(Verdict.RETRY, Reason.NO_CONNECTION)
        except AnswerLostError:
            self.counts.add(rate.bucket, NO_ANSWER, taken)
            return Answer(Verdict.AMBIGUOUS, Reason.ANSWER_LOST)
        finally:
            # Calls with a limit of their own are different work: compare their times among themselves.
            kind = f"{request.method} {rate.bucket}" if rate.bucket else request.method
            self.watch(kind, len(request.content), monotonic() - sent)
        told = triage(response, datetime.now(UTC), by_adapter=call is not None and call.step in self._reads_anything_at)
        cost = None if told else cost_of(self.adapter, call, response)
        self.counts.add(rate.bucket, class_of(response.status_code), taken if cost is None else cost)
        if cost is not None:
            await self.permits.correct(rate.bucket, taken, cost)
        return told or response

    def _sign(self, request: httpx.Request, call: Call | None, people: Sequence[Person]) -> httpx.Request:
        try:
            return signed(self.adapter, request, datetime.now(UTC))
        except Exception as fault:  # noqa: BLE001 - a fault of the adapter: told by type and place, never by its text
            raise self._our_fault(fault, call, people) from None

    def _our_fault(self, fault: Exception, call: Call | None, people: Sequence[Person]) -> "OurFaultError":
        if len(people) <= 1:  # a batch is split, so that the fault is logged once
            # Neither its message nor its trace: both may be personal.
            at = traceback.extract_tb(fault.__traceback__)[-1]
            where = f"{Path(at.filename).name}:{at.lineno}"
            log.error(
                "%s: our program fails %s: %s, %s",
                self.adapter.name,
                f"on one person at {call.step}" if call else "on the request for a token",
                type(fault).__name__,
                where,
            )
        return OurFaultError()

    async def vouches(self) -> bool:
        """Whether a harmless call succeeds now, so that the vendor's address and our credentials are right."""
        try:
            await self.permits.take(rate_of(self.adapter, None))
            found = await examine(self.adapter, self.egress)
        except NotNowError:
            return False
        return found is not None and found.verdict is Verdict.APPLIED

    def _not_again(self, call: Call, answers: list[Answer]) -> list[Answer]:
        assert isinstance(self.adapter, SendsOnce)  # noqa: S101 - only called where _sends_once
        lost = self.adapter.if_lost(call)
        return answers if lost is None else [lost if is_lost(answer) else answer for answer in answers]

    @cached_property
    def _reads_anything_at(self) -> frozenset[str]:
        return self.adapter.reads_anything_at if isinstance(self.adapter, ReadsAnything) else frozenset()

    @cached_property
    def _sends_once(self) -> bool:
        return isinstance(self.adapter, SendsOnce)

    @cached_property
    def _signs(self) -> bool:
        return isinstance(self.adapter, Signs)

    @cached_property
    def _login(self) -> Login | None:
        adapter = self.adapter
        if not isinstance(adapter, Authenticates) or adapter.login() is None:
            return None
        return Login(adapter.name, adapter, lambda request: self._answer_to(request, None))
