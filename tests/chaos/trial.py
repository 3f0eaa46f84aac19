"""One run: a stack and vendors, people's wishes coming in, faults, a quiet end, and an audit."""

import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import psycopg

from adapters.card import Work
from adapters.registry import ADAPTERS
from ledger.session import connect
from local.sandbox import Sandbox
from tests.chaos.acts import Acts
from tests.chaos.audit import Findings, audit, told_of_people, unfinished
from tests.chaos.people import PARTIAL, Wish, wishes
from tests.chaos.plan import COSTS_AN_ANSWER, draw
from tests.contract.samples import SAMPLES
from tests.flows.conftest import Stack
from tests.forked import forked_sandbox
from tests.ports import free_port
from tests.redis_servers import Proxy, Server, redis_server

LEASE_S = 5
SUBMIT_S = 60.0
ON_PURPOSE = {(vendor, rule) for vendor, sample in SAMPLES.items() for rule in sample.probe_breaks}
"""Refusals with which a held vendor answers a probe (a profile without a session, a list of nobody): they mean that it
works."""
HELD_MEANWHILE = tuple(PARTIAL)
"""Held by hand until everything is submitted, so that all wishes of a person meet there, and what is cancelled was not
sent. At the others each is sent as it comes."""


@dataclass(frozen=True)
class Terms:
    """How hard a run is, and when it fails."""

    seed: int
    seconds: float
    people: int
    settle_s: float = 300.0


@dataclass
class Report:
    """The result of a run."""

    terms: Terms
    faults: list[str] = field(default_factory=list)
    settled_after_s: float | None = None
    left: int = 0
    findings: Findings = field(default_factory=Findings)

    @property
    def wrong(self) -> list[str]:
        """Everything that is wrong."""
        late = [] if self.settled_after_s is not None else [f"{self.left} requests and chunks are still open"]
        return late + self.findings.wrong

    def __str__(self) -> str:
        found = self.findings
        settled = "never" if self.settled_after_s is None else f"{self.settled_after_s:.1f} s after the last fault"
        return "\n".join(
            [
                f"seed {self.terms.seed}, {self.terms.seconds:g} s of faults, {self.terms.people:,} people",
                *(f"  {fault}" for fault in self.faults),
                f"settled: {settled}",
                f"deliveries: {found.deliveries:,}, disagreeing with the vendors: {found.disagreeing}",
                f"outcomes: {dict(sorted(found.outcomes.items()))}",
                f"most effects on one person: {dict(sorted(found.effects.items()))}",
                *(f"WRONG: {one}" for one in self.wrong[:40]),
            ]
        )


class FailedError(AssertionError):
    """The run has failed; the message is its report."""


def run(terms: Terms, folder: Path) -> Report:
    """Run it in `folder`, where logs stay behind. Raises FailedError, with the seed and the faults."""
    report = Report(terms)
    try:
        _run(report, folder)
    except Exception as error:
        # Whatever it is, report the faults that led there.
        raise FailedError(f"{type(error).__name__}: {error}\n{report}") from error
    if report.wrong:
        raise FailedError(str(report))
    return report


def _run(report: Report, folder: Path) -> None:
    terms = report.terms
    asked = wishes(terms.seed, terms.people, terms.seconds)
    with (
        forked_sandbox(folder, faults="mild", seed=terms.seed, limits=_limits(terms)) as vendors,
        _redis(folder, terms.seed) as (own_redis, proxy),
        _stack(folder, vendors, proxy) as stack,
    ):
        vendors.seed(list({one["user_id"]: one for wish in asked for one in wish.who}.values()))
        acts = Acts.upon(stack, vendors, own_redis, proxy)
        report.faults = acts.done
        with _producer(stack, asked) as submitted:
            _torment(acts, terms)
        calm = time.monotonic()
        report.left = _await_peace(acts, calm + terms.settle_s, len(asked))
        if report.left == 0:
            report.settled_after_s = time.monotonic() - calm
        report.findings = _audited(acts, submitted, vendors)
        stack.down()
        if told := told_of_people(folder):
            report.findings.wrong.append(f"people can be found in {', '.join(sorted(set(told)))}")


def _limits(terms: Terms) -> dict[str, int]:
    """Limits with which the work takes most of the time of the faults. Algonomy's is used fully for over a minute in a
    long run, so that an exceeded window after a flush would be seen."""
    pace = 60 / (0.6 * terms.seconds)
    work_of = {name: adapter.card.work for name, adapter in ADAPTERS.items()}
    limits = {name: max(60, int(_calls(work) * terms.people * pace)) for name, work in work_of.items()}
    if terms.seconds >= 30:
        limits["algonomy"] = int(terms.people * 60 / 75)
    return limits


def _calls(work: Work) -> float:
    return work.calls if work.calls_alone is None else work.calls_alone


def _torment(acts: Acts, terms: Terms) -> None:
    until = acts.began + terms.seconds
    try:
        for fault in draw(terms.seed, LEASE_S):
            if time.monotonic() + fault.pause_s >= until:
                break
            acts.sleep(fault.pause_s)
            acts.do(fault, costs=fault.kind in COSTS_AN_ANSWER)
        acts.sleep(max(0.0, until - time.monotonic()))
    finally:  # leave nothing frozen, and no process running
        acts.end_all()


def _await_peace(acts: Acts, deadline: float, requests: int) -> int:
    """Wait until everything is closed; returns the number of requests and chunks that are not."""
    left = -1
    while time.monotonic() < deadline:
        acts.check_alive()
        try:
            with acts.connect() as connection:
                left = unfinished(connection)
        except psycopg.Error:
            left = -1
        if left == 0:
            return 0
        time.sleep(0.25)
    return left


def _audited(acts: Acts, submitted: Sequence[tuple[Wish, UUID]], vendors: Sandbox) -> Findings:
    engine = connect(acts.addresses.database_url, pool_size=1)
    try:
        with acts.connect() as connection:
            findings = audit(connection, engine, submitted, vendors.facts(), costly_faults=acts.costly)
    finally:
        engine.dispose()
    broken = [one for one in vendors.violations() if (one["vendor"], one["rule"]) not in ON_PURPOSE]
    findings.wrong += [f"{one['vendor']}: {one['rule']} broken {one['count']} times" for one in broken]
    return findings


@contextmanager
def _producer(stack: Stack, asked: Sequence[Wish]) -> Iterator[list[tuple[Wish, UUID]]]:
    """Submits during the faults, like a patient producer: again with the same key until there is an answer."""
    submitted: list[tuple[Wish, UUID]] = []
    failed: list[BaseException] = []

    def produce() -> None:
        try:
            for vendor in HELD_MEANWHILE:
                patiently(stack, "vendor", "hold", vendor)
            began = time.monotonic()
            for wish in asked:
                time.sleep(max(0.0, began + wish.at_s - time.monotonic()))
                public_id = submit(stack, wish)
                submitted.append((wish, public_id))
                if wish.cancelled:
                    patiently(stack, "cancel", str(public_id))
            for vendor in HELD_MEANWHILE:
                patiently(stack, "vendor", "resume", vendor)
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            failed.append(error)

    producer = threading.Thread(target=produce, name="producer")
    producer.start()
    try:
        yield submitted
    finally:
        producer.join()
    if failed:
        raise failed[0]


def submit(stack: Stack, wish: Wish) -> UUID:
    """Submit until it is known to be recorded. Exit code 3 means that a service was away; no other is allowed."""
    lines = "".join(json.dumps(person) + "\n" for person in wish.people)
    deadline = time.monotonic() + SUBMIT_S
    options = stack.folder / f"{wish.key}.json"
    options.write_text(json.dumps(wish.options))
    more = ["--vendors", ",".join(wish.vendors), "--options", str(options)] if wish.options else []
    while True:
        done = stack.run(
            "submit", "-", "--kind", wish.kind, "--idempotency-key", wish.key, "--json", *more, stdin=lines
        )
        if done.returncode == 0:
            return UUID(json.loads(done.stdout)["request_id"])
        assert done.returncode == 3, f"`consent submit` ended with {done.returncode}: {done.stderr[-2000:]}"
        assert time.monotonic() < deadline, f"could not submit for {SUBMIT_S:g} s: {done.stderr[-2000:]}"
        time.sleep(0.3)


def patiently(stack: Stack, *command: str) -> None:
    """Repeat it until it is done, or nothing is left to do: a request that was to be cancelled has ended."""
    deadline = time.monotonic() + SUBMIT_S
    while (done := stack.run(*command)).returncode == 3:
        assert time.monotonic() < deadline, f"no {command[0]} for {SUBMIT_S:g} s: {done.stderr[-2000:]}"
        time.sleep(0.3)
    assert done.returncode in (0, 2), f"`consent {command[0]}` ended with {done.returncode}: {done.stderr[-2000:]}"


@contextmanager
def _redis(folder: Path, seed: int) -> Iterator[tuple[Server | None, Proxy | None]]:
    """With an even seed a Redis elsewhere, reached through a proxy; with an odd one the stack's own."""
    if seed % 2:
        yield None, None
        return
    home = folder / "redis"
    home.mkdir()
    with redis_server(home, appendonly="yes", maxmemory="256mb") as server, Proxy(server.port) as proxy:
        yield server, proxy


@contextmanager
def _stack(folder: Path, vendors: Sandbox, proxy: Proxy | None) -> Iterator[Stack]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CONSENT_")}
    settings = {
        "CONSENT_DATA_DIR": str(folder / "data"),
        "CONSENT_FLOWER_PORT": str(free_port()),
        "CONSENT_WEB_PORT": "0",
        "CONSENT_LEASE_S": str(LEASE_S),
        "CONSENT_VERIFY_AFTER_S": "2",
        "CONSENT_PROBE_AFTER_S": "2",
    }
    if proxy is not None:
        settings["CONSENT_REDIS_URL"] = f"redis://127.0.0.1:{proxy.port}/0"
    stack = Stack({**clean, **settings, **vendors.environment}, folder)
    stack.up()
    try:
        yield stack
    finally:
        if stack.process is not None and stack.process.poll() is None:
            stack.down()


@contextmanager
def scratch(keep: Path | None = None) -> Iterator[Path]:
    """A folder for a run: `keep`, or one that is gone afterwards. Raises FailedError where `keep` is there already: the
    ledger of an earlier run knows the requests of this one by their keys, and its vendors would not hear of them."""
    if keep is not None:
        if keep.exists():
            raise FailedError(f"{keep} is there already: a run needs a folder of its own")
        keep.mkdir(parents=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="consent-chaos-") as folder:
        yield Path(folder)
