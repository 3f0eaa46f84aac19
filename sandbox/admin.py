"""The admin API under /_sandbox/: seed people, read what is held, count, break and repair."""

import json
import time
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from sandbox.contract import HasSessions
from sandbox.faults import FaultPlan
from sandbox.gate import Gate
from sandbox.people import read_person
from sandbox.refusals import read_refusal
from sandbox.served import MARKS
from sandbox.state import Sandbox
from sandbox.traffic import Window

LINES_AT_ONCE = 500
WITHDRAWALS = ("erasure", "opt_out")


class Admin:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def admit_people(self, request: web.Request) -> web.Response:
        records = await read_json(request)
        if not isinstance(records, list):
            raise reject("the body must be a JSON list of subject records")
        people = []
        for line, record in enumerate(records, start=1):
            try:
                people.append(read_person(record, MARKS.keys()))
            except (ValueError, TypeError) as error:
                raise reject(f"record {line}: {error}") from None
        self._sandbox.admit(people)
        return web.json_response({"people": len(people)})

    async def fill_directory(self, request: web.Request) -> web.Response:
        records = await read_json(request)
        if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
            raise reject("the body must be a JSON list of subject records")
        for record in records:
            self._sandbox.directory.admit(record)
        return web.json_response({"people": len(records)})

    async def show_directory(self, _: web.Request) -> web.Response:
        return web.json_response({"questions": self._sandbox.directory.questions})

    async def list_people(self, request: web.Request) -> web.StreamResponse:
        """NDJSON in pieces, so that a million people neither fill memory nor block the vendors."""
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        piece: list[str] = []
        for line in self._facts():
            piece.append(json.dumps(line, ensure_ascii=False, separators=(",", ":")))
            if len(piece) == LINES_AT_ONCE:
                await response.write(("\n".join(piece) + "\n").encode())
                piece.clear()
        if piece:
            await response.write(("\n".join(piece) + "\n").encode())
        await response.write_eof()
        return response

    def _facts(self) -> Iterator[dict[str, Any]]:
        now = time.monotonic()
        for name, vendor in self._sandbox.vendors.items():
            for fact in vendor.facts(now):
                in_effect = {kind: vendor.is_in_effect(kind, fact) for kind in WITHDRAWALS}
                yield {"vendor": name, **fact, "in_effect": in_effect}

    async def show_state(self, request: web.Request) -> web.Response:
        gate = self._gate(request)
        condition = {"vendor": gate.vendor.name, "down": gate.is_down(), **gate.vendor.condition()}
        return web.json_response({**condition, "people": list(gate.vendor.facts(time.monotonic()))})

    async def show_traffic(self, request: web.Request) -> web.Response:
        return web.json_response({name: gate.traffic.report() for name, gate in self._sandbox.gates.items()})

    async def list_violations(self, request: web.Request) -> web.Response:
        found = [
            {"vendor": name, "rule": rule, "count": count}
            for name, gate in self._sandbox.gates.items()
            for rule, count in sorted(gate.traffic.violations.items())
        ]
        return web.json_response(found)

    async def set_faults(self, request: web.Request) -> web.Response:
        source = await read_object(request)
        if not isinstance(source.get("seed", 0), int):
            raise reject("seed must be an integer")
        try:
            self._sandbox.set_faults(source)
        except (ValueError, TypeError, AttributeError) as error:
            raise reject(str(error)) from None
        return await self.show_faults(request)

    async def show_faults(self, request: web.Request) -> web.Response:
        plans = {name: show_plan(gate.deck.plan) for name, gate in self._sandbox.gates.items()}
        return web.json_response({"seed": self._sandbox.seed, **plans})

    async def revoke(self, request: web.Request) -> web.Response:
        gate, given = self._gate(request), await read_object(request)
        gate.vendor.revoke(whole_client=given.get("client") is True)
        return web.json_response(gate.vendor.condition())

    async def mend(self, request: web.Request) -> web.Response:
        gate = self._gate(request)
        gate.vendor.mend()
        gate.fall(0, "unavailable")
        gate.refusals.clear()
        return web.json_response(gate.vendor.condition())

    async def start_outage(self, request: web.Request) -> web.Response:
        gate, given = self._gate(request), await read_object(request)
        seconds, kind = given.get("seconds"), given.get("kind", "unavailable")
        if not isinstance(seconds, int | float) or kind not in ("unavailable", "drop"):
            raise reject('expected {"seconds": number, "kind": "unavailable" or "drop"}')
        gate.fall(seconds, kind)
        return web.json_response({"down": gate.is_down()})

    async def set_refusals(self, request: web.Request) -> web.Response:
        gate, given = self._gate(request), await read_json(request)
        if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
            raise reject("the body must be a JSON list of refusals")
        try:
            gate.refusals = [read_refusal(each) for each in given]
        except (ValueError, TypeError) as error:
            raise reject(str(error)) from None
        return await self.show_refusals(request)

    async def show_refusals(self, request: web.Request) -> web.Response:
        gate = self._gate(request)
        told = [{"path": one.path.pattern, "status": one.status, "refused": one.refused} for one in gate.refusals]
        return web.json_response(told)

    async def set_limit(self, request: web.Request) -> web.Response:
        gate, given = self._gate(request), await read_object(request)
        limit, span = given.get("limit"), given.get("window_s", 60.0)
        if not isinstance(limit, int) or limit < 0 or not isinstance(span, int | float) or span <= 0:
            raise reject('expected {"limit": requests, "window_s": seconds, 60 if left out}')
        bucket = given.get("bucket", "")
        if bucket and bucket not in gate.traffic.buckets:
            raise reject("no such bucket")
        if bucket:
            gate.traffic.buckets[bucket] = Window(limit, float(span), gate.traffic.buckets[bucket].units)
        else:
            gate.traffic.window = Window(limit, float(span))
        return web.json_response(gate.traffic.report())

    async def renew_session(self, request: web.Request) -> web.Response:
        gate, given = self._gate(request), await read_object(request)
        wanted = [str(given.get(name) or "") for name in ("user_id", "session_id", "csrf_token")]
        if not all(wanted):
            raise reject("expected user_id, session_id and csrf_token")
        if not isinstance(gate.vendor, HasSessions) or not gate.vendor.renew_session(*wanted):
            raise web.HTTPNotFound(text='{"error":"no such person"}', content_type="application/json")
        return web.json_response({})

    async def reset(self, request: web.Request) -> web.Response:
        self._sandbox.reset()
        return web.json_response({})

    def _gate(self, request: web.Request) -> Gate:
        gate = self._sandbox.gates.get(request.match_info["vendor"])
        if gate is None:
            raise web.HTTPNotFound(text='{"error":"no such vendor"}', content_type="application/json")
        return gate


def show_plan(plan: FaultPlan) -> dict[str, Any]:
    return {name: getattr(plan, name) for name in FaultPlan.__slots__}


def reject(message: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=json.dumps({"error": message}), content_type="application/json")


async def read_json(request: web.Request) -> Any:
    try:
        return json.loads(await request.read() or b"{}")
    except ValueError:
        raise reject("the body is not JSON") from None


async def read_object(request: web.Request) -> dict[str, Any]:
    payload = await read_json(request)
    if not isinstance(payload, dict):
        raise reject("the body must be a JSON object")
    return payload


def mount(app: web.Application, sandbox: Sandbox) -> None:
    admin = Admin(sandbox)
    app.router.add_post("/_sandbox/people", admin.admit_people)
    app.router.add_get("/_sandbox/people", admin.list_people)
    app.router.add_post("/_sandbox/directory", admin.fill_directory)
    app.router.add_get("/_sandbox/directory", admin.show_directory)
    app.router.add_get("/_sandbox/state/{vendor}", admin.show_state)
    app.router.add_get("/_sandbox/traffic", admin.show_traffic)
    app.router.add_get("/_sandbox/violations", admin.list_violations)
    app.router.add_get("/_sandbox/faults", admin.show_faults)
    app.router.add_put("/_sandbox/faults", admin.set_faults)
    app.router.add_post("/_sandbox/vendors/{vendor}/sessions", admin.renew_session)
    app.router.add_post("/_sandbox/vendors/{vendor}/revoke", admin.revoke)
    app.router.add_post("/_sandbox/vendors/{vendor}/mend", admin.mend)
    app.router.add_post("/_sandbox/vendors/{vendor}/outage", admin.start_outage)
    app.router.add_put("/_sandbox/vendors/{vendor}/limit", admin.set_limit)
    app.router.add_put("/_sandbox/vendors/{vendor}/refusals", admin.set_refusals)
    app.router.add_get("/_sandbox/vendors/{vendor}/refusals", admin.show_refusals)
    app.router.add_delete("/_sandbox", admin.reset)
    app.router.add_delete("/_sandbox/", admin.reset)
