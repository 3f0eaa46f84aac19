"""Algonomy Profile Command: a token, and the opt-out of one user a call (algonomy.txt)."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from sandbox.exchange import Answer, Call, RefusedError, answer_json, read_bearer, wait_headers
from sandbox.people import Person

TOKEN_PREFIX = "sandbox-algonomy-"


@dataclass(slots=True)
class Record:
    key: str
    user_id: str | None = None
    history: bool = False
    opted_out: bool = False
    effects: int = 0


@dataclass(frozen=True, repr=False)
class AlgonomyAccount:
    """The credentials that Algonomy issues."""

    client_id: str = "sandbox-algonomy-client"
    client_secret: str = "sandbox-algonomy-secret"

    def settings(self) -> Mapping[str, str]:
        return {"CLIENT_ID": self.client_id, "CLIENT_SECRET": self.client_secret}


class Algonomy:
    """Opting out removes the history for good; opting in again only allows new data."""

    name: ClassVar = "algonomy"
    limit: ClassVar = 6_000
    roomy: ClassVar = 20_000
    account: ClassVar = AlgonomyAccount
    marks: ClassVar[Mapping[str, str]] = {}
    faults: ClassVar[Mapping[str, Mapping[str, float]]] = {"mild": {"revoke": 0.001}}

    def __init__(self, account: AlgonomyAccount) -> None:
        self._account = account
        self.clear()

    def clear(self) -> None:
        self._records: dict[str, Record] = {}
        self._tokens: set[str] = set()
        self._issued = 0
        self._client_revoked = False

    def answer(self, call: Call) -> Answer:
        if call.path == "/oauth2/token":
            return self._issue(call)
        top, *rest = call.path[1:].split("/")
        if top != "optOut" or len(rest) != 1:
            # The page's `oath2` is a typo, and an unencoded slash makes two segments of one id.
            raise RefusedError(fail(404, "not_found", "No such resource"), "path")
        if call.method != "PUT":
            raise RefusedError(fail(405, "method_not_allowed", "PUT only"), "method")
        self._authorize(call)
        user_id = self._read_user(call)
        payload = call.json_object(refuse)
        if set(payload) != {"type", "enableOptOut"} or payload["type"] != "optOut":
            raise refuse("body_fields")
        # "Boolean value: true or false" beside "(string)"; the page's example sends a JSON boolean.
        if not isinstance(payload["enableOptOut"], bool):
            raise refuse("enable_opt_out_not_a_boolean")
        if call.is_poison(user_id):
            raise RefusedError(fail(400, "invalid_request", "The user id cannot be processed"))
        return self._apply(user_id, payload["enableOptOut"])

    def _issue(self, call: Call) -> Answer:
        if call.method != "POST":
            raise RefusedError(fail(405, "method_not_allowed", "POST only"), "method")
        if call.media_type() != "application/x-www-form-urlencoded":
            raise refuse("token_not_form_encoded")
        if call.query:
            raise refuse("credentials_in_url")
        try:
            pairs = parse_qsl(call.body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict")
        except ValueError:
            raise refuse("token_form") from None
        form = dict(pairs)
        if len(form) != len(pairs) or set(form) != {"grant_type", "client_id", "client_secret"}:
            raise refuse("token_form")
        if form["grant_type"] != "client_credentials":
            raise RefusedError(fail(400, "unsupported_grant_type", "Invalid grant_type"), "grant_type")
        known = (self._account.client_id, self._account.client_secret)
        correct = (form["client_id"], form["client_secret"]) == known
        if not correct or self._client_revoked:
            raise RefusedError(
                fail(401, "invalid_client", "Invalid client authentication"),
                None if correct else "client_credentials",
            )
        token = TOKEN_PREFIX + secrets.token_hex(16)
        self._tokens.add(token)
        self._issued += 1
        return answer_json(200, {"token_type": "bearer", "access_token": token})

    def _authorize(self, call: Call) -> None:
        token = read_bearer(call.headers)
        if token in self._tokens:
            return
        # A token of ours that is no longer valid breaks no rule: "valid until it is manually revoked".
        revoked = token is not None and token.startswith(TOKEN_PREFIX)
        answer = fail(401, "invalid_token", "The access token is invalid or has expired")
        raise RefusedError(answer, None if revoked else "bearer_token")

    def _read_user(self, call: Call) -> str:
        raw = call.path.rpartition("/")[2]
        user_id = call.segments(refuse)[-1]
        if user_id in ("", ".", ".."):
            raise refuse("user_id")
        if "+" in raw:
            raise refuse("user_id_not_percent_encoded")  # many servers read it as a space
        return user_id

    def _apply(self, user_id: str, opted_out: bool) -> Answer:
        record = self._records.setdefault(user_id, Record(user_id))
        record.opted_out = opted_out
        record.history = record.history and not opted_out
        record.effects += 1
        return Answer(200)

    def admit(self, person: Person) -> None:
        user_id = person.given(self.name, "user_id") or person.user_id
        if user_id:
            self._records[user_id] = Record(user_id, person.user_id, history=True)

    def facts(self, now: float) -> Iterator[dict[str, Any]]:
        for record in list(self._records.values()):
            yield {
                "key": record.key,
                "user_id": record.user_id,
                "effects": record.effects,
                "history": record.history,
                "opted_out": record.opted_out,
            }

    @staticmethod
    def is_in_effect(kind: str, fact: Mapping[str, Any]) -> bool:
        return bool(fact["opted_out"]) and not fact["history"]

    def condition(self) -> dict[str, Any]:
        return {
            "revoked": self._client_revoked,
            "tokens_issued": self._issued,
            "tokens_valid": len(self._tokens),
        }

    def revoke(self, whole_client: bool) -> None:
        self._tokens.clear()
        self._client_revoked = self._client_revoked or whole_client

    def mend(self) -> None:
        self._client_revoked = False

    def is_metered(self, path: str) -> bool:
        return path != "/oauth2/token"

    def reject_rate(self, reset_ms: int, retry_after_s: int | None) -> Answer:
        body = {"error": "too_many_requests", "error_description": "Rate limit exceeded"}
        return answer_json(429, body, wait_headers(retry_after_s))

    def break_down(self) -> Answer:
        return fail(500, "server_error", "Internal error")


SERVES = Algonomy


def fail(status: int, error: str, description: str) -> Answer:
    return answer_json(status, {"error_description": description, "error": error})


def refuse(rule: str) -> RefusedError:
    return RefusedError(fail(400, "invalid_request", f"Bad request: {rule}"), rule)
