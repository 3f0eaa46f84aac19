"""The HTTP API's throughput: small requests beside a campaign, and files of any size in constant memory."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles

import aiohttp
import psutil

from bench.people import people, write_ndjson
from bench.results import Bound, Row
from bench.stand import BenchError, Ours, Stand
from domain.requests import Kind
from intake.access.tokens import mint_key
from intake.files.reader import read_people
from ledger.accounts import access
from local.services import free_port
from tasks.attend import AttendError, Desk

LEAST_PER_S, MOST_P99_MS, LEAST_ROWS_PER_S, MOST_GROWTH_MB = 400, 50, 50_000, 10
REQUESTS = (Bound("ours", least=LEAST_PER_S), Bound("ratio", least=1.5))
P99 = (Bound("ours", most=MOST_P99_MS), Bound("ratio", most=25))
UPLOAD = (Bound("ours", least=LEAST_ROWS_PER_S), Bound("ratio", least=0.5))
MEMORY = (Bound("ours", most=MOST_GROWTH_MB), Bound("ratio", most=0.15))
CLIENTS = 16
CAMPAIGN = 300_000
MOST_ASKED = 1_000_000
SETTINGS = {
    "CONSENT_API_REQUESTS_PER_MINUTE": "10000000",
    "CONSENT_DFINERY__REQUESTS_PER_MINUTE": "10000",  # the vendor's real limit, so that the campaign lasts
    "CONSENT_MAX_SUBJECTS_UNCONFIRMED": "10000000",
}


def http_api(stand: Stand, *, quick: bool) -> Iterator[Row]:
    """`consent web` pinned to one core; the client, PostgreSQL and the campaign's workers share the rest."""
    seconds = 8 if quick else 20
    with stand.ours(SETTINGS) as ours, web_process(ours) as web:
        asyncio.run(web.ask(2))  # warm
        campaign = ours.submit(Kind.OPT_OUT, ["dfinery"], people(CAMPAIGN)).recorded.public_id
        fast = asyncio.run(web.ask(seconds))
        alone_per_s = _recorded_one_by_one(ours, seconds / 4)
        half = asyncio.run(web.ask(seconds, per_s=LEAST_PER_S / 2))
        with suppress(AttendError):  # it has ended by itself
            Desk(ours.engine, "bench", lambda _: None).cancel(campaign)
        yield Row(
            "http_requests",
            "API: POST /v1/requests of one person, one core, while a campaign runs",
            "requests/s",
            fast.per_s,
            alone_per_s,
            "recorded one after the other, without HTTP",
            REQUESTS,
            f"{CLIENTS} at once for {seconds} s; {fast.cpu_s * 1e3:.2f} ms of the core each",
        )
        yield Row(
            "http_p99",
            "API: the same at half of that load, p99",
            "ms",
            half.p99_ms,
            half.median_ms,
            "median",
            P99,
            f"{LEAST_PER_S / 2:g} a second for {seconds} s, what was written before synced",
        )
        yield from _uploads(stand, ours, web, quick=quick)


def _recorded_one_by_one(ours: Ours, seconds: float) -> float:
    """Requests of one person a second, for so long."""
    began = time.perf_counter()
    for done, person in enumerate(people(MOST_ASKED), 1):
        ours.submit(Kind.OPT_OUT, (), [person], not_before=in_a_week())
        if (took := time.perf_counter() - began) > seconds:
            return done / took
    raise BenchError("there are no more people")


def _recorded_from_file(ours: Ours, path: Path) -> float:
    """The seconds that it takes to record a file without HTTP."""
    began = time.perf_counter()
    with path.open("rb") as file:
        ours.submit(Kind.OPT_OUT, (), read_people(file), not_before=in_a_week())
    return time.perf_counter() - began


def _uploads(stand: Stand, ours: Ours, web: "Web", *, quick: bool) -> Iterator[Row]:
    few, many = 10_000, 200_000 if quick else 1_000_000
    paths = {number: stand.folder / f"upload-{number}.ndjson" for number in (few, many)}
    for number, path in paths.items():
        write_ndjson(path, number)
    asyncio.run(web.upload(paths[few]))  # what grows only once
    _, small_mb = asyncio.run(web.upload(paths[few]))
    took_s, large_mb = asyncio.run(web.upload(paths[many]))
    alone_s = _recorded_from_file(ours, paths[many])
    yield Row(
        "http_upload",
        "API: an uploaded file to a sealed record",
        "rows/s",
        many / took_s,
        many / alone_s,
        "the same file without HTTP",
        UPLOAD,
        f"{many:,} lines of NDJSON, one core",
    )
    yield Row(
        "http_memory",
        f"API: memory of an upload of {many:,} rows beyond that of {few:,}",
        "MB",
        large_mb - small_mb,
        small_mb,
        "the process at the small one",
        MEMORY,
        "highest resident set seen",
    )


@dataclass(frozen=True)
class Asked:
    """The figures of a run of small requests."""

    per_s: float
    cpu_s: float
    """Of the web process, for each request."""
    median_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Web:
    """A running `consent web`."""

    url: str
    headers: dict[str, str]
    process: psutil.Process

    async def ask(self, seconds: float, per_s: float | None = None) -> Asked:
        """POST requests of one person for so many seconds, as fast as possible or at a rate."""
        # The kernel writes the data of the campaign's intake half a minute later, and commits wait for it then. That is
        # the disk's cost of a file of people, and not what is measured here.
        os.sync()
        waits: list[float] = []
        bodies = enumerate(people(MOST_ASKED))
        began, cpu = time.perf_counter(), self._cpu_s()

        async def client(session: aiohttp.ClientSession) -> None:
            for place, person in bodies:
                if time.perf_counter() - began > seconds:
                    return
                if per_s is not None:
                    await asyncio.sleep(began + place / per_s - time.perf_counter())
                asked = time.perf_counter()
                body = {"kind": "opt_out", "subjects": [person], "not_before": in_a_week().isoformat()}
                headers = {"Idempotency-Key": f"{began}-{place}"}
                async with session.post("/v1/requests", json=body, headers=headers) as answer:
                    if answer.status != 201:
                        raise BenchError(f"the API answered {answer.status}")
                    await answer.read()
                waits.append(time.perf_counter() - asked)

        async with aiohttp.ClientSession(self.url, headers=self.headers) as session:
            await asyncio.gather(*(client(session) for _ in range(CLIENTS if per_s is None else 4 * CLIENTS)))
        took = time.perf_counter() - began
        cuts = quantiles(waits, n=100)
        done = len(waits)
        return Asked(done / took, (self._cpu_s() - cpu) / done, cuts[49] * 1e3, cuts[98] * 1e3)

    async def upload(self, path: Path) -> tuple[float, float]:
        """Upload a file: the seconds it took, and the most memory (MB) the process had meanwhile."""
        most = 0.0
        done = asyncio.Event()

        async def watch() -> None:
            nonlocal most
            while not done.is_set():
                most = max(most, self.process.memory_info().rss / 1e6)
                await asyncio.sleep(0.02)

        async def pieces() -> AsyncIterator[bytes]:
            with path.open("rb") as file:
                while piece := file.read(65_536):
                    yield piece

        watching = asyncio.create_task(watch())
        began = time.perf_counter()
        timeout = aiohttp.ClientTimeout(total=600)
        async with aiohttp.ClientSession(self.url, headers=self.headers, timeout=timeout) as session:
            headers = {"Content-Type": "application/x-ndjson"}
            at = f"/v1/requests/upload?kind=opt_out&not_before={in_a_week():%Y-%m-%dT%H:%M:%SZ}"
            async with session.post(at, data=pieces(), headers=headers) as answer:
                if answer.status != 201:
                    raise BenchError(f"the upload was answered {answer.status}")
        took = time.perf_counter() - began
        done.set()
        await watching
        return took, most

    def _cpu_s(self) -> float:
        return sum(self.process.cpu_times()[:2])


def in_a_week() -> datetime:
    # Recorded requests are not delivered meanwhile: intake is measured, and the campaign continues.
    return datetime.now(UTC) + timedelta(days=7)


@contextmanager
def web_process(ours: Ours, role: str = "submitter") -> Iterator[Web]:
    """`consent web` on one core, for anyone who has a key of this role."""
    minted, port = mint_key(), free_port()
    with ours.engine.begin() as connection:
        access.add_key(
            connection, prefix=minted.prefix, name="bench", role=role, digest=minted.digest, by="bench", days=1
        )
    with subprocess.Popen([sys.executable, "-m", "cli", "web", "--port", str(port)]) as process:
        os.sched_setaffinity(process.pid, {min(os.sched_getaffinity(0))})
        try:
            web = Web(
                f"http://127.0.0.1:{port}",
                {"Authorization": f"Bearer {minted.secret}"},
                psutil.Process(process.pid),
            )
            asyncio.run(_await_ready(web.url))
            yield web
        finally:
            process.terminate()


async def _await_ready(url: str) -> None:
    deadline = time.monotonic() + 60
    async with aiohttp.ClientSession(url) as session:
        while time.monotonic() < deadline:
            try:
                async with session.get("/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)
    raise BenchError("the web process did not start")
