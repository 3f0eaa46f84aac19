"""The controller's directory over HTTP: a signed question with people, and an answer with what it holds of each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from uuid import uuid4

import httpx
from pydantic import SecretStr
from pydantic_core import to_json

from adapters.contract import UnreadableError
from adapters.reading import read_object
from adapters.standard_webhooks import sign
from adapters.transport import AnswerLostError, NotSentError, Transport
from adapters.triage import retry_after_s
from domain.directory import Answers, DirectoryError
from domain.requests import Subject

ABSENT = object()
"""Stands for a missing `person` in an entry of an answer."""
READ = "its answer cannot be read: see docs/resolver.md for the form"


@dataclass(frozen=True)
class HttpDirectory:
    """Asks the directory at one address. `secrets`: what it may verify signatures with, newest first."""

    url: str = field(repr=False)
    secrets: Sequence[SecretStr]
    transport: Transport = field(repr=False)

    async def look_up(self, people: Sequence[Subject]) -> Answers:
        """What the directory holds of each. Raises DirectoryError."""
        request = build_question(self.url, people, self.secrets, datetime.now(UTC))
        try:
            response = await self.transport.send(request)
        except NotSentError:
            raise DirectoryError("no connection can be made: check CONSENT_RESOLVER__URL and the network") from None
        except AnswerLostError:
            raise DirectoryError("no whole answer came in time: CONSENT_RESOLVER__TIMEOUT_S") from None
        return read_answers(response, len(people))


def build_question(url: str, people: Sequence[Subject], secrets: Sequence[SecretStr], now: datetime) -> httpx.Request:
    """The question about these people, each with a `ref` that means nothing outside of it."""
    asked = [{"ref": str(place), "person": person} for place, person in enumerate(people, start=1)]
    body = to_json({"type": "people.resolve", "timestamp": now.astimezone(UTC), "data": {"people": asked}})
    letter = sign(f"msg_{uuid4().hex}", body, secrets, now)
    return httpx.Request("POST", url, headers={**letter.headers, "accept": "application/json"}, content=letter.body)


def read_answers(response: httpx.Response, asked: int) -> Answers:
    """What an answer holds of each of these people. Raises DirectoryError where it does not answer the question: a
    status other than 200, another form, somebody left out or nobody asked about."""
    if response.status_code != HTTPStatus.OK:
        said = retry_after_s(response, datetime.now(UTC))
        raise DirectoryError(f"it answers with the HTTP status {response.status_code}", said)
    try:
        people = read_object(response).get("people")
    except UnreadableError:
        raise DirectoryError(READ) from None
    found: dict[str, list[object]] = {str(place): [] for place in range(1, asked + 1)}
    answered = set()
    if not isinstance(people, list):
        raise DirectoryError(READ)
    for entry in people:
        ref = entry.get("ref") if isinstance(entry, dict) else None
        if not isinstance(ref, str) or ref not in found:
            raise DirectoryError(READ)
        answered.add(ref)
        person = entry.get("person", ABSENT)
        if person is not None:
            found[ref].append(person)
    if len(answered) < asked:
        raise DirectoryError("its answer leaves people out: those it does not know have the person null")
    return list(found.values())
