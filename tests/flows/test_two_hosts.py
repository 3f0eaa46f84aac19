"""Workers on two hosts, which are network namespaces, with one Redis and one PostgreSQL: they share one limit."""

import json
import os
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from sqlalchemy import Engine, text

from domain.requests import Kind
from ledger.sealing import MasterKeys, generate_master_key
from tasks.sending import sender, wake
from tasks.submission import Submission
from tasks.submit import submit
from tests.ports import free_port
from worker.pace import Pace

HOSTS = ("host-a", "host-b")
PER_MINUTE = 6_000
PEOPLE = 1_400
SECONDS = 3.0
PATIENCE_S = 120.0
ON_A_HOST = ["unshare", "--user", "--map-root-user", "--net", "--uts"]


@dataclass
class Vendor:
    """Says yes to everything, and notes what came from which host."""

    folder: Path
    seen: list[tuple[float, str]] = field(default_factory=list)
    """When, and from which host, of the vendor that is limited."""
    others: list[float] = field(default_factory=list)
    """When, of the other vendor."""

    def door(self, host: str) -> Path:
        """The unix socket by which one host reaches it."""
        return self.folder / f"vendor-{host}"

    def take(self, host: str, path: str) -> bytes:
        """The answer to one request."""
        if path.endswith("/token"):
            return b'{"access_token":"t","token_type":"bearer","expires_in":28800}'
        if "/optOut/" in path:
            self.seen.append((time.monotonic(), host))
            return b""
        self.others.append(time.monotonic())
        return b"{}"

    @contextmanager
    def open(self) -> Iterator[None]:
        """Serve every host."""
        with ExitStack() as stack:
            for host in HOSTS:
                server = socketserver.ThreadingUnixStreamServer(str(self.door(host)), self._handler(host))
                server.daemon_threads = True
                stack.callback(server.server_close)
                stack.callback(server.shutdown)
                threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
            yield

    def _handler(self, host: str) -> type[BaseHTTPRequestHandler]:
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                body = vendor.take(host, self.path)
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_PUT = do_POST = answer  # noqa: N815 - so the base class wants it

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: that of a unix socket has 107 bytes at most."""
    with tempfile.TemporaryDirectory(prefix="hosts-") as folder:
        yield Path(folder)


def namespaces() -> list[str]:
    """The command that begins a host; none, and a warning, on a system that allows nobody namespaces."""
    tried = subprocess.run([*ON_A_HOST, "true"], capture_output=True, check=False)
    if tried.returncode == 0:
        return ON_A_HOST
    warnings.warn("this system allows no network namespaces: the hosts are two processes of one host", stacklevel=2)
    return []


@contextmanager
def workers(folder: Path, environment: dict[str, str], vendor: Vendor) -> Iterator[None]:
    """A worker on each host, ended on leaving."""
    begin = namespaces()
    with ExitStack() as stack:
        for host in HOSTS:
            vendor_port = free_port()
            openings = {str(vendor_port): str(vendor.door(host))}
            url = f"http://127.0.0.1:{vendor_port}"
            urls = {"CONSENT_ALGONOMY__BASE_URL": f"{url}/profile-command/v1", "CONSENT_INSIDER__BASE_URL": url}
            celery = [sys.executable, "-m", "celery", "--app", "worker.app", "worker", "--hostname", f"w@{host}"]
            command = [*celery, "--pool", "threads", "--concurrency", "28", "--without-gossip", "--without-mingle"]
            launcher = [sys.executable, "-m", "tests.flows.host", host if begin else "", json.dumps(openings)]
            with (folder / f"{host}.log").open("wb") as log:
                process = subprocess.Popen(
                    [*begin, *launcher, *command],
                    env={**environment, **urls},
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            stack.callback(end, process)
        yield


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a host; its namespaces go with its last process."""
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)


def densest(moments: list[float], window_s: float) -> int:
    return max(bisect_left(moments, moment + window_s) - place for place, moment in enumerate(moments))


def test_one_limit_is_held_between_two_hosts_and_a_newcomer_is_served_under_a_campaign(
    folder: Path, engine: Engine, postgres_url: str, redis_url: str
) -> None:
    keys = generate_master_key()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CONSENT_")}
    environment = {
        **clean,
        "CONSENT_DATA_DIR": str(folder / "data"),
        "CONSENT_DATABASE_URL": postgres_url,
        "CONSENT_REDIS_URL": redis_url,
        "CONSENT_MASTER_KEYS": keys,
        "CONSENT_WORKER_THREADS": "28",
        "CONSENT_ALGONOMY__CLIENT_ID": "ours",
        "CONSENT_ALGONOMY__CLIENT_SECRET": "hush",
        "CONSENT_ALGONOMY__REQUESTS_PER_MINUTE": str(PER_MINUTE),
        "CONSENT_INSIDER__PARTNER_NAME": "ours",
        "CONSENT_INSIDER__REQUEST_TOKEN": "hush",
        "CONSENT_INSIDER__LOOK_FIRST_UP_TO": "0",  # the other vendor is to be quick
    }
    vendor = Vendor(folder)
    waits: list[float] = []
    with vendor.open(), sender(redis_url) as app:  # Redis and PostgreSQL are files, which every host reaches

        def ask(who: str, count: int, *vendors: str) -> None:
            people = ({"user_id": f"{who}-{number}"} for number in range(count))
            masters, order = MasterKeys.parse(keys), Submission(Kind.OPT_OUT, vendors)
            submit(order, people, engine=engine, masters=masters, wake=lambda names: wake(app, names))

        with workers(folder, environment, vendor):
            await_workers(app, folder)
            ask("campaign", PEOPLE, "algonomy", "insider")
            began = time.monotonic()
            while pending(engine, request_id=1) > PEOPLE // 5:
                ask(f"newcomer-{len(waits)}", 1, "algonomy")  # somebody who is in the campaign too would wait for it
                submitted = time.monotonic()
                waits.append(until_settled(engine, 1 + len(waits) + 1, app, folder) - submitted)
                time.sleep(0.3)
            campaign_s = until_settled(engine, 1, app, folder) - began
    moments = sorted(moment for moment, _ in vendor.seen)
    assert len(moments) == PEOPLE + len(waits)
    assert densest(moments, SECONDS) <= Pace.for_limit(PER_MINUTE).most_in(SECONDS)
    shares = Counter(host for _, host in vendor.seen)
    assert min(shares[host] for host in HOSTS) >= 0.1 * PEOPLE, shares
    # People who wait for permits take no thread from another vendor.
    assert max(vendor.others) <= moments[len(moments) * 4 // 5]
    # If it were first come, first served, the first one would wait for the whole campaign.
    assert median(waits) <= 0.5 * campaign_s


def await_workers(app: Any, folder: Path) -> None:
    """Wait until a worker of each host answers."""
    deadline = time.monotonic() + PATIENCE_S
    names: set[str] = set()
    while len(names) < len(HOSTS):
        assert time.monotonic() < deadline, [(folder / f"{host}.log").read_text() for host in HOSTS]
        names |= {name for answer in app.control.ping(timeout=0.5, limit=len(HOSTS)) for name in answer}
    assert names == {f"w@{host}" for host in HOSTS}


def pending(engine: Engine, request_id: int) -> int:
    """How many people of a request have an open delivery at the limited vendor."""
    with engine.begin() as connection:
        return int(connection.execute(PENDING, {"request_id": request_id}).scalar_one())


def until_settled(engine: Engine, request_id: int, app: Any, folder: Path) -> float:
    """When a request has no open delivery any more (time.monotonic())."""
    deadline, woken = time.monotonic() + PATIENCE_S, time.monotonic()
    while pending(engine, request_id):
        now = time.monotonic()
        assert now < deadline, [(folder / f"{host}.log").read_text()[-2_000:] for host in HOSTS]
        if now - woken >= 1.0:
            wake(app, ["algonomy", "insider"])  # as beat does
            woken = now
        time.sleep(0.05)
    return time.monotonic()


PENDING = text("""
    SELECT subjects - (SELECT count(*) FROM outcomes JOIN vendors ON vendors.id = vendor_id
                       WHERE request_id = requests.id AND vendors.name = 'algonomy')
    FROM requests WHERE id = :request_id
""")
