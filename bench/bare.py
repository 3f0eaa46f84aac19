"""The bare client: requests built by a vendor's adapter, sent by our transport, and nothing recorded.

`python -m bench.bare VENDOR KIND PEOPLE` reads the settings a worker would, sends to a few people to warm up, prints a
line, waits for one on its standard input, sends to PEOPLE more, and prints a `Sent` as JSON. Of an order only the first
step is sent. No process that also leases, seals, classifies and records could be faster.
"""

import asyncio
import gc
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass

import uvloop

from adapters.contract import Adapter, Addressed, Authenticates, Call, Order, Person
from adapters.transport import Transport
from bench.people import people
from config.settings import Settings
from domain.chunking import cut
from domain.requests import Kind

WARM_UP = 500
"""Number of people, before the clock runs."""
ENDS_WITHIN_S = 120.0


@dataclass(frozen=True)
class Sent:
    """One process's work: people sent, start and end (s of time.monotonic()), and its CPU seconds."""

    number: int
    began: float
    ended: float
    cpu_s: float


def send_from(processes: int, vendor: str, kind: Kind, number: int) -> list[Sent]:
    """Send to `number` people from so many processes at once, started together.

    They have this process's environment. Raises subprocess.CalledProcessError.
    """
    argv = [sys.executable, "-m", "bench.bare", vendor, kind.value, str(number // processes)]
    with ExitStack() as stack:
        started = [
            stack.enter_context(subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for _ in range(processes)
        ]
        for process in started:
            assert process.stdout is not None  # noqa: S101 - for the type checker: it was asked for
            process.stdout.readline()
        for process in started:
            assert process.stdin is not None  # noqa: S101 - for the type checker: it was asked for
            process.stdin.write("go\n")
            process.stdin.flush()
        said = [process.communicate(timeout=ENDS_WITHIN_S)[0] for process in started]
    for process in started:
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, argv)
    return [Sent(**json.loads(words)) for words in said]


def rate_of(sent: Sequence[Sent]) -> float:
    """People a second of all processes together, from the first beginning to the last end."""
    span_s = max(one.ended for one in sent) - min(one.began for one in sent)
    return sum(one.number for one in sent) / span_s


def cpu_of(sent: Sequence[Sent]) -> float:
    """CPU seconds a person."""
    return sum(one.cpu_s for one in sent) / sum(one.number for one in sent)


async def _measure(adapter: Adapter, kind: Kind, number: int) -> Sent:
    transport = Transport(adapter.settings.timeout_s)
    call, persons = _addressed(adapter, Order(kind), WARM_UP + number)
    await _send(adapter, transport, call, persons[:WARM_UP])
    gc.collect()
    gc.freeze()  # as in a worker
    await asyncio.to_thread(_await_start)
    began, cpu_s = time.monotonic(), time.process_time()
    await _send(adapter, transport, call, persons[WARM_UP:])
    sent = Sent(number, began, time.monotonic(), time.process_time() - cpu_s)
    await transport.aclose()
    return sent


def _addressed(adapter: Adapter, order: Order, number: int) -> tuple[Call, list[Person]]:
    persons, step = [], ""
    for line, subject in enumerate(people(number), 1):
        addressed = adapter.address(order, subject)
        if not isinstance(addressed, Addressed):
            raise TypeError(f"{adapter.name} does not take such people")
        step = addressed.step
        persons.append(Person(line, subject, addressed.key))
    return Call(order, step), persons


def _await_start() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()


async def _send(adapter: Adapter, transport: Transport, call: Call, persons: Sequence[Person]) -> None:
    """With as many requests in flight as a worker would have."""
    size = adapter.limits(call).people
    batches = (persons[span.first - 1 : span.last] for span in cut(len(persons), size))
    async with asyncio.TaskGroup() as group:
        for _ in range(adapter.settings.concurrency):
            group.create_task(_one_after_another(adapter, transport, call, batches))


async def _one_after_another(
    adapter: Adapter, transport: Transport, call: Call, batches: Iterator[Sequence[Person]]
) -> None:
    logs_in = isinstance(adapter, Authenticates) and adapter.login() is not None
    for batch in batches:
        request = adapter.build(call, batch)
        if logs_in:
            request.headers["Authorization"] = "Bearer bench"
        (await transport.send(request)).raise_for_status()


def _main(vendor: str, kind: str, number: str) -> None:
    sent = uvloop.run(_measure(Settings.load().adapters()[vendor], Kind(kind), int(number)))
    sys.stdout.write(json.dumps(asdict(sent)) + "\n")


if __name__ == "__main__":
    _main(*sys.argv[1:])
