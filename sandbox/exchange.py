"""One HTTP call as a vendor sees it, and the answer it gives: values only, no I/O."""

import json
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import unquote

from sandbox.faults import Fault, FaultPlan


@dataclass(frozen=True, slots=True)
class Answer:
    """A vendor's answer; `headers` carries all but the length."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class RefusedError(Exception):
    """The vendor refuses; `rule` names the broken rule of its page, if any."""

    def __init__(self, answer: Answer, rule: str | None = None) -> None:
        super().__init__(rule)
        self.answer = answer
        self.rule = rule


def answer_json(status: int, payload: object, headers: Mapping[str, str] | None = None) -> Answer:
    body = json.dumps(payload, separators=(",", ":")).encode()
    return Answer(status, body, {"Content-Type": "application/json", **(headers or {})})


@dataclass(slots=True)
class Call:
    """A request below one vendor's prefix. `path` is raw (percent-encoded), `now` monotonic seconds."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    now: float
    plan: FaultPlan
    fault: Fault | None = None
    broken_rules: list[str] = field(default_factory=list)

    def note(self, rule: str) -> None:
        """Record a broken rule that the vendor itself would tolerate."""
        self.broken_rules.append(rule)

    def is_poison(self, *identifiers: str | None) -> bool:
        prefix = self.plan.poison_prefix
        return bool(prefix) and any(each is not None and each.startswith(prefix) for each in identifiers)

    def media_type(self) -> str:
        return self.headers.get("Content-Type", "").split(";")[0].strip().lower()

    def json_object(self, refuse: Callable[[str], RefusedError]) -> dict[str, Any]:
        """The body as a JSON object in UTF-8; otherwise `refuse(rule)` gives this vendor's answer."""
        if self.media_type() != "application/json":
            raise refuse("content_type")
        try:
            text = self.body.decode("utf-8")
            payload = json.loads(text, parse_constant=_refuse_constant)
            if "\\u" in text:
                # An escaped lone surrogate is valid JSON, but cannot be encoded in UTF-8.
                json.dumps(payload, ensure_ascii=False).encode("utf-8")
        except (ValueError, RecursionError) as error:
            raise refuse("utf8" if isinstance(error, UnicodeError) else "json") from None
        if not isinstance(payload, dict):
            raise refuse("body_not_an_object")
        return payload

    def segments(self, refuse: Callable[[str], RefusedError]) -> list[str]:
        """The decoded path segments, without the leading slash; a trailing slash gives an empty last one."""
        try:
            return [unquote(raw, errors="strict") for raw in self.path[1:].split("/")]
        except UnicodeDecodeError:
            raise refuse("path_utf8") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def wait_headers(retry_after_s: int | None) -> dict[str, str]:
    """The headers of a 429: Retry-After, where a wait is given."""
    return {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}


def read_bearer(headers: Mapping[str, str]) -> str | None:
    """The token of an `Authorization: Bearer` header; Algonomy's page writes the scheme both ways."""
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" and token else None


def is_strings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) and each for each in value)


def has_strangers(given: Iterable[str], known: Container[str]) -> bool:
    return any(each not in known for each in given)
