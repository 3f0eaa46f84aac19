"""Zendra: fifty ids a call, a status for each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sandbox.contract import OneAccess
from sandbox.exchange import Answer, Call, RefusedError, answer_json, is_strings, wait_headers
from sandbox.people import Person

OPERATIONS = ("erase", "stop", "resume", "state")
MOST = 50


@dataclass(slots=True)
class Record:
    key: str
    user_id: str | None
    state: str = "active"
    effects: int = 0


@dataclass(frozen=True, repr=False)
class ZendraAccount:
    """The credentials that Zendra issues."""

    api_key: str = "sandbox-zendra-key"

    def settings(self) -> Mapping[str, str]:
        return {"API_KEY": self.api_key}


class Zendra(OneAccess):
    """Erased is stopped, too. It only knows people whom it holds."""

    name: ClassVar = "zendra"
    limit: ClassVar = 6_000
    roomy: ClassVar = 6_000
    account: ClassVar = ZendraAccount

    def __init__(self, account: ZendraAccount) -> None:
        self._account = account
        self.clear()

    def clear(self) -> None:
        self._records: dict[str, Record] = {}
        self._revoked = False

    def answer(self, call: Call) -> Answer:
        known = call.headers.get("X-Zendra-Key") == self._account.api_key
        if self._revoked or not known:
            raise RefusedError(fail(401, "wrong key"), None if known else "api_key")
        if (call.method, call.path) == ("GET", "/account"):
            return answer_json(200, {"account": "sandbox"})
        top, _, operation = call.path[1:].partition("/")
        if top != "privacy" or operation not in OPERATIONS:
            raise RefusedError(fail(404, "no such call"), "path")
        if call.method != "POST":
            raise RefusedError(fail(405, "POST only"), "method")
        payload = call.json_object(refuse)
        ids = payload.get("ids")
        if set(payload) != {"ids"} or not ids or not is_strings(ids):
            raise refuse("ids")
        if len(ids) > MOST or len(set(ids)) < len(ids):
            raise refuse("too_many_ids" if len(ids) > MOST else "repeated_ids")
        return answer_json(200, {"results": [{"id": one, "status": self._do(call, operation, one)} for one in ids]})

    def _do(self, call: Call, operation: str, key: str) -> str:
        record = self._records.get(key)
        if record is None:
            return "unknown"
        if operation == "state":
            return record.state
        if call.is_poison(key, record.user_id):
            return "invalid"
        stopped = "erased" if record.state == "erased" else "stopped"
        record.state = {"erase": "erased", "stop": stopped, "resume": "active"}[operation]
        record.effects += 1
        return "done"

    def admit(self, person: Person) -> None:
        key = person.given(self.name, "user_id") or person.user_id
        if key:
            self._records[key] = Record(key, person.user_id)

    def facts(self, now: float) -> Iterator[dict[str, Any]]:
        for record in list(self._records.values()):
            yield {"key": record.key, "user_id": record.user_id, "effects": record.effects, "state": record.state}

    @staticmethod
    def is_in_effect(kind: str, fact: Mapping[str, Any]) -> bool:
        return fact["state"] == "erased" or (kind == "opt_out" and fact["state"] == "stopped")

    def reject_rate(self, reset_ms: int, retry_after_s: int | None) -> Answer:
        return answer_json(429, {"error": "too many calls"}, wait_headers(retry_after_s))

    def break_down(self) -> Answer:
        return fail(500, "internal error")


SERVES = Zendra


def fail(status: int, error: str) -> Answer:
    return answer_json(status, {"error": error})


def refuse(rule: str) -> RefusedError:
    return RefusedError(fail(400, f"bad request: {rule}"), rule)
