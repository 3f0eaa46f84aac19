"""Every call to a vendor passes here: count it, meter it, break it or let it through, answer it."""

import asyncio
import time
from dataclasses import dataclass
from math import ceil
from typing import Literal

from aiohttp import web

from sandbox.contract import HasBuckets, Vendor
from sandbox.exchange import Answer, Call, RefusedError, answer_json
from sandbox.faults import Fault, FaultDeck
from sandbox.refusals import Refusal
from sandbox.traffic import Traffic
from sandbox.waits import tell_wait

OutageKind = Literal["unavailable", "drop"]
HTML = {"Content-Type": "text/html; charset=utf-8"}
PAGE = b"<!DOCTYPE html><html><head><title>Please wait</title></head><body><h1>Back soon</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes out: an answer, or None for a connection aborted; `delay_s` seconds late."""

    answer: Answer | None
    delay_s: float = 0.0


class Gate:
    """The gate of one vendor. Effects happen in `decide`, which nothing interrupts."""

    def __init__(self, vendor: Vendor, traffic: Traffic, deck: FaultDeck) -> None:
        self.vendor = vendor
        self.traffic = traffic
        self.deck = deck
        self.refusals: list[Refusal] = []
        self._outage_until = 0.0
        self._outage: OutageKind = "unavailable"

    def fall(self, seconds: float, kind: OutageKind) -> None:
        """Be out of order for so many seconds from now; 0 ends it."""
        self._outage_until, self._outage = time.monotonic() + seconds, kind

    def is_down(self) -> bool:
        return time.monotonic() < self._outage_until

    async def serve(self, request: web.Request) -> web.StreamResponse:
        now = time.monotonic()
        path, _, query = request.raw_path.removeprefix(f"/{self.vendor.name}").partition("?")
        admitted = self.traffic.arrive(now, self.vendor.is_metered(path), self._bucket_of(path))
        try:
            body = await request.read()
        except ConnectionError:
            self.traffic.statuses["unfinished"] += 1  # the sender died during its request
            return web.Response()
        call = Call(request.method, path, query, request.headers, body, now, self.deck.plan)
        reply = self.decide(call, admitted)
        if reply.delay_s:
            await asyncio.sleep(reply.delay_s)
        if reply.answer is None:
            self.traffic.statuses["dropped"] += 1
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        self.traffic.statuses[str(reply.answer.status)] += 1
        return web.Response(status=reply.answer.status, body=reply.answer.body, headers=reply.answer.headers)

    def decide(self, call: Call, admitted: bool) -> Reply:
        """Process one call; returns what is sent back."""
        if not admitted:
            self.traffic.violations["rate_limit"] += 1
            window = self.traffic.window_of(self._bucket_of(call.path))
            return Reply(self._reject_rate(window.seconds_until_free(call.now), tell=True))
        if self.is_down():
            return Reply(unavailable(503, html=True) if self._outage == "unavailable" else None)
        for refusal in self.refusals:
            if refusal.fits(call):
                self.traffic.faults["refusal"] += 1
                return Reply(refusal.answer(), self.deck.plan.latency_s)
        fault = self.deck.draw()
        if fault is not None:
            self.traffic.faults[fault.kind] += 1
        call.fault = fault
        reply = self._fail_before(fault) or self._fail_after(fault, self._answer(call))
        return Reply(reply.answer, reply.delay_s + self.deck.plan.latency_s)

    def _bucket_of(self, path: str) -> str:
        return self.vendor.bucket_of(path) if isinstance(self.vendor, HasBuckets) else ""

    def _fail_before(self, fault: Fault | None) -> Reply | None:
        """Faults where nothing is done."""
        match fault:
            case Fault("too_many" | "too_many_silent", _):
                wait = self.deck.plan.retry_after_s
                return Reply(self._reject_rate(wait, tell=fault.kind == "too_many"))
            case Fault("server_error", _):
                return Reply(self.vendor.break_down())
            case Fault("unavailable", luck):
                return Reply(unavailable(503 if luck < 0.5 else 502, html=luck % 0.5 < 0.25))
            case Fault("html_page", _):
                return Reply(Answer(200, PAGE, HTML))
            case Fault("drop_before", _):
                return Reply(None)
            case Fault("revoke", _):
                self.vendor.revoke(whole_client=False)
        return None

    def _fail_after(self, fault: Fault | None, answer: Answer) -> Reply:
        """Faults that spoil the answer after the work is done."""
        match fault:
            case Fault("gateway_timeout", _):
                return Reply(Answer(504, PAGE, HTML))
            case Fault("drop_after", _):
                return Reply(None)
            case Fault("truncate", _):
                return Reply(truncate(answer))
            case Fault("slow", luck):
                shortest, longest = self.deck.plan.slow_s
                return Reply(answer, shortest + luck * (longest - shortest))
        return Reply(answer)

    def _answer(self, call: Call) -> Answer:
        try:
            answer = self.vendor.answer(call)
        except RefusedError as refused:
            answer = refused.answer
            if refused.rule:
                call.note(refused.rule)
        except Exception:  # noqa: BLE001 - a traceback could print an identifier; the tally tells on us instead
            answer = self.vendor.break_down()
            call.note("sandbox_bug")
        self.traffic.violations.update(call.broken_rules)
        return answer

    def _reject_rate(self, wait_s: float, tell: bool) -> Answer:
        reset_ms = int((time.time() + wait_s) * 1000) + 1
        answer = self.vendor.reject_rate(reset_ms, max(1, round(wait_s + 0.5)) if tell else None)
        form = self.deck.plan.wait_form
        return answer if form == "seconds" or not tell else tell_wait(answer, form, max(1, ceil(wait_s)), time.time())


def unavailable(status: int, *, html: bool) -> Answer:
    return Answer(status, PAGE, HTML) if html else answer_json(status, {"message": "upstream unavailable"})


def truncate(answer: Answer) -> Answer:
    """The same answer with its JSON cut off; where it has no body, a beginning of one."""
    body = answer.body[: max(1, len(answer.body) // 2)] if answer.body else b'{"'
    return Answer(answer.status, body, {**answer.headers, "Content-Type": "application/json"})
