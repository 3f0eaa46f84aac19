"""The controller's directory: answers signed questions about the people it holds."""

import hmac
import json
import time
from base64 import b64encode, urlsafe_b64decode
from collections import defaultdict
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from aiohttp import web

MOST = 1_000
CLOCKS_DIFFER_S = 300
OWN = ("user_id", "email", "phone_number")
FIELDS = {*OWN, "vendors"}
Key = tuple[str, ...]


class Directory:
    """Records of people as seeded, found by any of their identifiers."""

    def __init__(self, secret: str) -> None:
        text = secret.strip().removeprefix("whsec_").rstrip("=")
        self._secret = urlsafe_b64decode(text.replace("+", "-").replace("/", "_") + "=" * (-len(text) % 4))
        self._records: list[dict[str, Any]] = []
        self._by_key: dict[Key, set[int]] = defaultdict(set)
        self.questions = 0
        """Questions answered."""

    def admit(self, record: Mapping[str, Any]) -> None:
        kept = {name: value for name, value in record.items() if name in FIELDS and value}
        for key in keys_of(kept):
            self._by_key[key].add(len(self._records))
        self._records.append(kept)

    def clear(self) -> None:
        self._records.clear()
        self._by_key.clear()
        self.questions = 0

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        if not self._is_signed(request.headers, body):
            return web.json_response({"error": "signature"}, status=401)
        try:
            asked = read_question(body)
        except (ValueError, TypeError, KeyError, AttributeError):
            return web.json_response({"error": "question"}, status=400)
        self.questions += 1
        return web.json_response({"people": [{"ref": ref, "person": self._known(person)} for ref, person in asked]})

    def _known(self, person: Mapping[str, Any]) -> dict[str, Any] | None:
        places: set[int] = set().union(*(self._by_key.get(key, set()) for key in keys_of(person)))
        return self._records[places.pop()] if len(places) == 1 else None

    def _is_signed(self, headers: Mapping[str, str], body: bytes) -> bool:
        name, moment = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        if not name or not moment.isdecimal() or abs(time.time() - int(moment)) > CLOCKS_DIFFER_S:
            return False
        digest = hmac.new(self._secret, f"{name}.{moment}.".encode() + body, sha256).digest()
        good = f"v1,{b64encode(digest).decode()}"
        return any(hmac.compare_digest(good, given) for given in headers.get("webhook-signature", "").split(" "))


def read_question(body: bytes) -> list[tuple[str, dict[str, Any]]]:
    """Refs and people; raises where it is not a question of the contract."""
    question = json.loads(body)
    people = [(entry["ref"], entry["person"]) for entry in question["data"]["people"]]
    if question["type"] != "people.resolve" or len(people) > MOST or len({ref for ref, _ in people}) < len(people):
        raise ValueError("not a question")
    if not all(isinstance(ref, str) and person.keys() <= FIELDS for ref, person in people):
        raise ValueError("not a person")
    return people


def keys_of(value: Mapping[str, Any], path: Key = ()) -> Iterator[Key]:
    """How a person is found: each identifier with its path."""
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            yield from keys_of(inner, (*path, name))
        elif inner:
            text = str(inner)
            yield (*path, name, text.lower() if name == "email" else text)
