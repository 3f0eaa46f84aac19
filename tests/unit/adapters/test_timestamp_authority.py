"""What an authority of time stamps is sent, and what is made of its answers."""

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import NamedTuple

import pytest

from adapters.timestamp_authority import MOST_BYTES, AuthorityAwayError, TimestampAuthority


class Asked(NamedTuple):
    path: str
    content_type: str
    body: bytes


class Handler(BaseHTTPRequestHandler):
    asked: list[Asked]
    status: int
    answer: bytes

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append(Asked(self.path, self.headers["Content-Type"], body))
        self.send_response(self.status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *_: object) -> None:  # to stderr, by default
        pass


@pytest.fixture
def served() -> Iterator[tuple[str, type[Handler]]]:
    handler = type("Served", (Handler,), {"asked": [], "status": 200, "answer": b"an answer"})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/tsa?key=hush", handler
        server.shutdown()
        thread.join()


def test_a_question_is_posted_as_rfc_3161_says(served: tuple[str, type[Handler]]) -> None:
    url, handler = served
    assert asyncio.run(TimestampAuthority(url).ask(b"a question")) == b"an answer"
    assert handler.asked == [("/tsa?key=hush", "application/timestamp-query", b"a question")]
    assert "hush" not in repr(TimestampAuthority(url))


@pytest.mark.parametrize(("status", "answer"), [(500, b""), (302, b""), (404, b"no"), (200, b"x" * (MOST_BYTES + 1))])
def test_other_answers_are_none(served: tuple[str, type[Handler]], status: int, answer: bytes) -> None:
    url, handler = served
    handler.status, handler.answer = status, answer
    with pytest.raises(AuthorityAwayError) as told:
        asyncio.run(TimestampAuthority(url).ask(b"a question"))
    assert "hush" not in str(told.value)
    assert len(handler.asked) == 1


def test_who_is_away_is_told() -> None:
    with pytest.raises(AuthorityAwayError, match="did not answer"):
        asyncio.run(TimestampAuthority("http://127.0.0.1:1/tsa").ask(b"a question"))
