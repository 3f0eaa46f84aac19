"""Runs one command as on a host of its own: `python -m tests.flows.host NAME OPENINGS COMMAND…`.

To be started by `unshare` in its own network and UTS namespaces, where even loopback is down. Nothing leads out of them
but the openings, a JSON object of ports on this host's loopback to Unix sockets outside. NAME is empty where the system
allows no namespaces.
"""

import asyncio
import fcntl
import json
import signal
import socket
import struct
import sys
from collections.abc import Awaitable, Callable

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1
Open = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


async def forward(target: Open, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy everything between a connection and `target`, until either side ends."""
    try:
        there, back = await target()
    except OSError:
        writer.close()
        return
    ways = [asyncio.create_task(_pour(reader, back)), asyncio.create_task(_pour(there, writer))]
    await asyncio.wait(ways)


async def _pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    except ConnectionError:
        pass
    finally:
        sink.close()


async def outwards(port: int, path: str) -> asyncio.Server:
    """From a port of this host's loopback to a unix socket."""
    return await asyncio.start_server(
        lambda reader, writer: forward(lambda: asyncio.open_unix_connection(path), reader, writer), "127.0.0.1", port
    )


def settle_in(name: str) -> None:
    """Give this host its name, and bring its loopback up."""
    socket.sethostname(name)
    with socket.socket() as any_:
        wanted = bytearray(struct.pack("16sh14x", b"lo", 0))
        fcntl.ioctl(any_, SIOCGIFFLAGS, wanted)
        (flags,) = struct.unpack_from("16xh", wanted)
        fcntl.ioctl(any_, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


async def run(openings: dict[str, str], command: list[str]) -> int:
    """Run the command with its openings; it gets our SIGTERM."""
    for port, path in openings.items():
        await outwards(int(port), path)
    process = await asyncio.create_subprocess_exec(*command)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, process.terminate)
    return await process.wait()


if __name__ == "__main__":
    name_, openings_, *command_ = sys.argv[1:]
    if name_:
        settle_in(name_)
    sys.exit(asyncio.run(run(json.loads(openings_), command_)))
