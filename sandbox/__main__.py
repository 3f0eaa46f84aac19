"""`python -m sandbox`: serves the vendors on one port until SIGTERM."""

import argparse
import asyncio
import ipaddress
import logging
import os
import signal
import sys
from pathlib import Path

import uvloop
from aiohttp import web

from sandbox.accounts import point_resolver, point_worker
from sandbox.app import build_app
from sandbox.faults import read_faults
from sandbox.served import LIMITS, ROOMY, VENDORS
from sandbox.state import Sandbox

LONGEST_LINE = 65_536  # a percent-encoded id of Algonomy is three times as long


def read_arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--host", type=accept_host, default="127.0.0.1", help="a loopback host, or 0.0.0.0")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--faults", default="none", metavar="none|mild|harsh|PATH.json")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ready-file", type=Path, help="gets the port once listening")
    parser.add_argument("--limit", action="append", type=read_limit, default=[], metavar="VENDOR=PER_MINUTE")
    parser.add_argument("--roomy", action="store_true", help="the limits of a demonstration, which is to be over soon")
    parser.add_argument("--print-env", action="store_true", help="print consent-worker's settings and leave")
    parser.add_argument("--directory", action="store_true", help="print the settings of the directory too")
    return parser.parse_args(given)


def accept_host(host: str) -> str:
    """A loopback host, or 0.0.0.0 for a container that its network isolates."""
    try:
        address = ipaddress.IPv4Address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise argparse.ArgumentTypeError("expected an IPv4 address") from None
    if not (address.is_loopback or address.is_unspecified):
        raise argparse.ArgumentTypeError("only a loopback host, or 0.0.0.0")
    return str(address)


def read_limit(text: str) -> tuple[str, int]:
    vendor, _, number = text.partition("=")
    if vendor not in LIMITS or not number.isdigit():
        raise argparse.ArgumentTypeError(f"expected VENDOR=NUMBER, VENDOR one of {', '.join(LIMITS)}")
    return vendor, int(number)


def write_ready(path: Path, port: int) -> None:
    """Write the whole file or nothing: somebody is polling for it."""
    draft = path.with_name(path.name + ".part")
    draft.write_text(f"{port}\n")
    os.replace(draft, path)


async def serve(sandbox: Sandbox, host: str, port: int, ready_file: Path | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(
        build_app(sandbox),
        access_log=None,
        shutdown_timeout=1.0,
        max_line_size=LONGEST_LINE,
        max_field_size=LONGEST_LINE,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=4096).start()
        bound = runner.addresses[0][1]
        sys.stdout.write(f"sandbox ready on http://{host}:{bound}\n")
        sys.stdout.flush()
        if ready_file:
            write_ready(ready_file, bound)
        await stop.wait()
    finally:
        await runner.cleanup()


def main() -> int:
    arguments = read_arguments()
    limits = (ROOMY if arguments.roomy else LIMITS) | dict(arguments.limit)
    if arguments.print_env:
        url = f"http://{arguments.host}:{arguments.port}"
        directory = point_resolver(url) if arguments.directory else []
        for line in [*point_worker(VENDORS, url, limits), *directory]:
            sys.stdout.write(f"{line}\n")
        return 0
    try:
        sandbox = Sandbox(os.environ, read_faults(arguments.faults), arguments.seed, limits)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        sys.stderr.write(f"--faults: {error}\n")
        return 2
    # aiohttp logs the first line of a malformed request, and it may contain an identifier.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    uvloop.run(serve(sandbox, arguments.host, arguments.port, arguments.ready_file))
    return 0


if __name__ == "__main__":
    sys.exit(main())
