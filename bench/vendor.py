"""A loopback vendor that costs next to nothing: good answers from constants, every arrival counted.

`python -m bench.vendor` serves on a free port of 127.0.0.1 until it is terminated, and prints `PORT` first. It checks
nothing (that is the sandbox's work), so that a measurement shows our side only. Insider, Dfinery and Algonomy are told
apart by path; `/bench/...` controls it.
"""

import argparse
import asyncio
import os
import signal
import sys
import time
from array import array
from collections.abc import Mapping
from types import MappingProxyType
from typing import cast
from urllib.parse import parse_qs, urlsplit

import uvloop

HEAD_END, LINE_END = b"\r\n\r\n", b"\r\n"
LENGTH = b"\r\ncontent-length:"
NAMED, LISTED = b'"user_id":"', b'"user_ids":['


def answer_of(body: bytes, status: str = "200 OK") -> bytes:
    """A whole HTTP answer with a JSON body."""
    return b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        status.encode(),
        len(body),
        body,
    )


INSIDER, ALGONOMY = answer_of(b"{}"), answer_of(b"")
PROFILE = answer_of(b'{"attributes":{"iid":"bench","gdpr":false},"quota":{"cost":2.5,"used":2.5,"total":1000}}')
TOKEN = answer_of(b'{"access_token":"bench","token_type":"bearer","expires_in":28800}')
UNKNOWN = answer_of(b"{}", "404 Not Found")


class Counter:
    """What arrived since the last reset, and how slow answers are to be."""

    def __init__(self) -> None:
        self.moments = array("d")
        self.latency_s = 0.0

    def steer(self, path: str, values: Mapping[str, list[str]]) -> bytes:
        """The answer to a request under /bench/. Moments are of CLOCK_MONOTONIC, the same for all processes."""
        match path:
            case "/bench/reset":
                self.moments = array("d")
                self.latency_s = float(values.get("latency_s", ["0"])[0])
                return answer_of(b"{}")
            case "/bench/moments":
                return answer_of(self.moments.tobytes())
        return UNKNOWN


def size_of(data: bytes) -> int:
    """How many bytes the first request in `data` takes; 0 where it is incomplete."""
    head_end = data.find(HEAD_END)
    if head_end < 0:
        return 0
    size = head_end + len(HEAD_END)
    head = data[:size].lower()
    at = head.find(LENGTH)
    if at >= 0:
        at += len(LENGTH)
        size += int(head[at : head.index(LINE_END, at)])
    return size if size <= len(data) else 0


class Connection(asyncio.Protocol):
    """One client's connection: requests are answered in turn, as soon as they are complete.

    What arrives is usually one whole request, and is then neither copied nor kept.
    """

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._rest = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's does not inherit from it

    def data_received(self, data: bytes) -> None:
        """Answer every complete request."""
        if self._rest:
            data = self._rest + data
        while size := size_of(data):
            self._answer(data[:size])
            data = data[size:]
        self._rest = data

    def _answer(self, request: bytes) -> None:
        path_at = request.index(b" ") + 1
        path = request[path_at : request.index(b" ", path_at)]
        if path.startswith(b"/bench/"):
            address = urlsplit(path.decode())
            self._write(self._counter.steer(address.path, MappingProxyType(parse_qs(address.query))))
            return
        counter = self._counter
        counter.moments.append(time.monotonic())
        answer = answer_to(path, request)
        if counter.latency_s:
            asyncio.get_running_loop().call_later(counter.latency_s, self._write, answer)
        else:
            self._write(answer)

    def _write(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)


def answer_to(path: bytes, request: bytes) -> bytes:
    """A good answer of the vendor whose path this is."""
    if b"/optOut/" in path:
        return ALGONOMY
    if path.startswith(b"/api/user/"):
        return PROFILE if path.endswith(b"/profile") else INSIDER
    if path.startswith(b"/api/v1/users/"):
        return _succeeded(_listed(request) if path.endswith(b"/delete") else _named(request))
    return TOKEN if path.endswith(b"/oauth2/token") else UNKNOWN


def _succeeded(keys: bytes) -> bytes:
    return answer_of(b'{"result_code":2000,"result_msg":"OK","result_data":{"successful_user_ids":[%s]}}' % keys)


def _listed(request: bytes) -> bytes:
    """The ids of `"user_ids":[…]`. Cut out unparsed, as below: ids of a benchmark hold no quotes or brackets."""
    at = request.index(LISTED) + len(LISTED)
    return request[at : request.index(b"]", at)]


def _named(request: bytes) -> bytes:
    """The ids of every `"user_id":"…"`."""
    keys = [part[: part.index(b'"')] for part in request.split(NAMED)[1:]]
    return b'"%s"' % b'","'.join(keys)


async def serve(core: int | None) -> None:
    """Serve until SIGTERM."""
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    loop, counter, stopping = asyncio.get_running_loop(), Counter(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    server = await loop.create_server(lambda: Connection(counter), "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await stopping.wait()
    server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A loopback vendor for benchmarks.")
    parser.add_argument("--core", type=int, help="pin to this core")
    uvloop.run(serve(parser.parse_args().core))
