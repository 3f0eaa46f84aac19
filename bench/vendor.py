"""A loopback vendor that costs next to nothing: good answers from constants, every arrival counted.

`python -m bench.vendor` serves on a free port of 127.0.0.1 until it is terminated, and prints `PORT` first. It checks
nothing (that is the sandbox's work): it is here so that a measurement shows our side only. Insider, Dfinery and
Algonomy are told apart by path; `/bench/...` steers it.
"""

import argparse
import asyncio
import os
import re
import signal
import sys
import time
from array import array
from collections.abc import Mapping
from types import MappingProxyType
from typing import cast
from urllib.parse import parse_qs, urlsplit

import uvloop

HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
NAMED = re.compile(rb'"user_id":"([^"\\]*)"')
LISTED = re.compile(rb'"user_ids":\[([^\]]*)\]')


def answer_of(body: bytes, status: str = "200 OK") -> bytes:
    """A whole HTTP answer with a JSON body."""
    return b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        status.encode(),
        len(body),
        body,
    )


INSIDER, ALGONOMY = answer_of(b"{}"), answer_of(b"")
TOKEN = answer_of(b'{"access_token":"bench","token_type":"bearer","expires_in":28800}')
UNKNOWN = answer_of(b"{}", "404 Not Found")


class Counter:
    """What arrived since the last reset, and how slowly answers are to come."""

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


class Connection(asyncio.Protocol):
    """One client's connection: requests are answered in turn, as soon as they are whole."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._buffer = bytearray()
        self._transport: asyncio.WriteTransport | None = None
        self._needed = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole now."""
        self._buffer += data
        while self._buffer and len(self._buffer) >= self._needed:
            head_end = self._buffer.find(HEAD_END)
            if head_end < 0:
                return
            length = LENGTH.search(self._buffer, 0, head_end)
            self._needed = head_end + len(HEAD_END) + (int(length[1]) if length else 0)
            if len(self._buffer) < self._needed:
                return
            request = bytes(self._buffer[: self._needed])
            del self._buffer[: self._needed]
            self._needed = 0
            self._answer(request)

    def _answer(self, request: bytes) -> None:
        path = request[: request.find(b"\r\n")].split(b" ")[1]
        if path.startswith(b"/bench/"):
            address = urlsplit(path.decode())
            self._write(self._counter.steer(address.path, MappingProxyType(parse_qs(address.query))))
            return
        self._counter.moments.append(time.monotonic())
        answer = _answer_to(path, request)
        if self._counter.latency_s:
            asyncio.get_running_loop().call_later(self._counter.latency_s, self._write, answer)
        else:
            self._write(answer)

    def _write(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)


def _answer_to(path: bytes, request: bytes) -> bytes:
    if path.startswith(b"/api/user/"):
        return INSIDER
    if path.startswith(b"/api/v1/users/"):
        return _dfinery(request)
    if path.endswith(b"/oauth2/token"):
        return TOKEN
    return ALGONOMY if b"/optOut/" in path else UNKNOWN


def _dfinery(request: bytes) -> bytes:
    """Whoever the call names has succeeded. The call's own JSON is echoed, unparsed."""
    listed = LISTED.search(request)
    keys = listed[1] if listed else b",".join(b'"%s"' % key for key in NAMED.findall(request))
    return answer_of(b'{"result_code":2000,"result_msg":"OK","result_data":{"successful_user_ids":[%s]}}' % keys)


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
