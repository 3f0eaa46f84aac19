"""How a worker asks the controller's directory: over HTTP from its event loop, a database from the thread that asks."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from adapters.directory import HttpDirectory
from adapters.transport import AnswerLostError, NotSentError
from domain.directory import Answers, DirectoryError
from domain.requests import Subject
from tests.ledger.conftest import Desk
from worker.runtime import Runtime

PEOPLE: list[Subject] = [{"email": "ann@private.example"}, {"email": "bob@private.example"}]
SECRETS = [SecretStr("whsec_" + "c2VjcmV0" * 4)]


def never() -> bool:
    """The lease is not over."""
    return False


class Sending:
    """In place of a transport: gives or raises this, and notes in which thread it was asked."""

    def __init__(self, answer: httpx.Response | Exception) -> None:
        self._answer = answer
        self.threads: list[threading.Thread] = []

    async def send(self, request: httpx.Request) -> httpx.Response:
        self.threads.append(threading.current_thread())
        await asyncio.sleep(0)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


class Database:
    """In place of a directory that is a database."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []

    def look_up(self, people: Sequence[Subject]) -> Answers:
        self.threads.append(threading.current_thread())
        return [[{"user_id": str(place)}] for place, _ in enumerate(people)]


def asking(desk: Desk, directory: Any) -> Runtime:
    """A runtime of which nothing is there but what asking needs."""
    runtime = object.__new__(Runtime)
    runtime._loop, runtime._directory = desk.loop, directory
    return runtime


def over_http(answer: httpx.Response | Exception) -> tuple[HttpDirectory, Sending]:
    sending = Sending(answer)
    return HttpDirectory("https://crm.example/people", SECRETS, sending), sending


def test_over_http_it_is_asked_in_the_event_loop_and_waited_for(desk: Desk) -> None:
    told = {"people": [{"ref": "2", "person": None}, {"ref": "1", "person": {"user_id": "u-1"}}]}
    directory, sending = over_http(httpx.Response(200, json=told))
    assert asking(desk, directory)._look_up(PEOPLE, never) == [[{"user_id": "u-1"}], []]
    assert sending.threads != [threading.current_thread()]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (httpx.Response(503), "HTTP status 503"),
        (httpx.Response(200, text="<html>"), "cannot be read"),
        (httpx.Response(200, json={"people": []}), "leaves people out"),
        (NotSentError(), "no connection"),
        (AnswerLostError(), "no whole answer"),
    ],
)
def test_what_is_wrong_with_it_comes_to_who_asks(desk: Desk, answer: Any, says: str) -> None:
    directory, _ = over_http(answer)
    with pytest.raises(DirectoryError, match=says) as raised:
        asking(desk, directory)._look_up(PEOPLE, never)
    assert "private" not in str(raised.value)


def test_a_database_is_asked_in_the_thread_that_asks(desk: Desk) -> None:
    """Its driver would hold up the event loop, and with it every vendor."""
    directory = Database()
    assert asking(desk, directory)._look_up(PEOPLE, never) == [[{"user_id": "0"}], [{"user_id": "1"}]]
    assert directory.threads == [threading.current_thread()]


def test_without_a_directory_nobody_is_known(desk: Desk) -> None:
    assert asking(desk, None)._look_up(PEOPLE, never) == [[], []]
