"""Calls that a vendor refuses without doing anything: a withdrawn permission, a lock, a gateway that refuses one id.
Set over the admin API; they match by a call's address and content."""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from sandbox.exchange import Answer, Call

PAGE = b"<!DOCTYPE html><html><head><title>Bad Request</title></head><body><h1>Bad Request</h1></body></html>"
KEYS = {"path", "method", "holding", "status", "body", "seconds", "times"}


@dataclass
class Refusal:
    """One rule. It matches where everything given matches, for `seconds` from when it was set and at most `times`
    calls."""

    path: re.Pattern[str]  # of the raw path, searched
    method: str | None
    holding: str | None  # a text somewhere in the call: path, query, cookies or body
    status: int
    body: Any  # "page" for a web page, None for nothing, else JSON
    until: float = float("inf")  # monotonic
    left: float = float("inf")
    refused: int = field(default=0)

    def fits(self, call: Call) -> bool:
        """Whether this rule refuses the call."""
        return (
            call.now < self.until
            and self.left > 0
            and self.method in (None, call.method)
            and self.path.search(call.path) is not None
            and (self.holding is None or self.holding in _everything(call))
        )

    def answer(self) -> Answer:
        """The refusal, counted."""
        self.left -= 1
        self.refused += 1
        if self.body is None:
            return Answer(self.status)
        if self.body == "page":
            return Answer(self.status, PAGE, {"Content-Type": "text/html; charset=utf-8"})
        return Answer(self.status, json.dumps(self.body).encode(), {"Content-Type": "application/json"})


def read_refusal(source: Mapping[str, Any]) -> Refusal:
    """A rule from `{"path": regex, "method", "holding", "status", "body", "seconds", "times"}`, of which `path` and
    `status` must be there. Raises ValueError with a sentence."""
    unknown = set(source) - KEYS
    if unknown:
        raise ValueError(f"unknown key: {', '.join(sorted(unknown))}")
    path, status = source.get("path"), source.get("status")
    if not isinstance(path, str) or not isinstance(status, int) or not 100 <= status <= 599:
        raise ValueError("expected at least a path and a status")
    try:
        pattern = re.compile(path)
    except re.error:
        raise ValueError("path is no regular expression") from None
    until = time.monotonic() + float(source.get("seconds", "inf"))
    left = float(source.get("times", "inf"))
    return Refusal(pattern, source.get("method"), source.get("holding"), status, source.get("body"), until, left)


def _everything(call: Call) -> str:
    cookies = call.headers.get("Cookie", "")
    return "\n".join([unquote(call.path), unquote(call.query), cookies, call.body.decode("utf-8", "replace")])
