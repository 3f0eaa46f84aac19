"""The proxy to the vendors refuses, goes silent or goes away: nobody is lost, and nothing ends."""

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Engine, text

from ledger.delivery.vendors import announce
from ledger.sealing import MasterKeys, generate_master_key
from tests.forked import forked_sandbox
from tests.proxy import OPENED, ConnectProxy
from tests.receiver import Authority
from tests.redis_servers import Proxy
from tests.worker_host import Host

NAME = "vendors.test"
ANSWERS: dict[str, bytes | None] = {
    "407": b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
    "502": b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
    "nonsense": b"<html>\r\n\r\n",
    "hangs up": None,
    "silence": b"",
}


class Egress:
    """A CONNECT proxy in a thread, which does what it is told."""

    def __init__(self, leads_to: int) -> None:
        self.proxy = ConnectProxy(leads_to)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._listening = self.proxy.listening()
        self._thread.start()

    def come(self) -> None:
        """Listen, at the same port as before."""
        self._listening = self.proxy.listening()
        asyncio.run_coroutine_threadsafe(self._listening.__aenter__(), self._loop).result(10)

    def go(self) -> None:
        """Stop listening, and close every connection."""
        asyncio.run_coroutine_threadsafe(self._listening.__aexit__(None, None, None), self._loop).result(10)
        self.cut()

    def answer(self, answer: bytes | None) -> None:
        """Answer CONNECT with this from now on; open connections are closed."""
        self.proxy.answer = answer
        self.cut()

    def was_asked_since(self, asked: int) -> bool:
        """Whether CONNECT was used more than `asked` times."""
        return len(self.proxy.heads) > asked

    def cut(self) -> None:
        """Close every connection."""
        self._loop.call_soon_threadsafe(self.proxy.cut)

    def close(self) -> None:
        self.go()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


@pytest.fixture
def host_and_egress(tmp_path: Path, engine: Engine, postgres_url: str, redis_url: str) -> Iterator[tuple[Host, Egress]]:
    """A worker that reaches Dfinery by a name that only the proxy knows, over TLS."""
    keys, authority = generate_master_key(), Authority(tmp_path)
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CONSENT_")}
    with ExitStack() as stack:
        vendors = stack.enter_context(forked_sandbox(tmp_path, faults="none", seed=1))
        port = urlsplit(vendors.url).port
        assert port is not None
        front = stack.enter_context(Proxy(port, authority.server(NAME)))
        egress = Egress(front.port)
        egress.come()
        stack.callback(egress.close)
        given = {name: value for name, value in vendors.environment.items() if "DFINERY" in name}
        path = urlsplit(given["CONSENT_DFINERY__BASE_URL"]).path
        environment = {
            **clean,
            **given,
            "CONSENT_DFINERY__BASE_URL": f"https://{NAME}{path}",
            "CONSENT_DFINERY__TIMEOUT_S": "2",
            "CONSENT_EGRESS_PROXY": f"http://127.0.0.1:{egress.proxy.port}",
            "CONSENT_CA_BUNDLE": str(tmp_path / "ca.pem"),
            "CONSENT_PROBE_AFTER_S": "1",
            "CONSENT_DATA_DIR": str(tmp_path / "data"),
            "CONSENT_DATABASE_URL": postgres_url,
            "CONSENT_REDIS_URL": redis_url,
            "CONSENT_MASTER_KEYS": keys,
        }
        host = Host(engine, MasterKeys.parse(keys), tmp_path, environment)
        stack.callback(host.stop)
        yield host, egress


@pytest.mark.timeout(280)
def test_whatever_befalls_the_proxy_everybody_is_reached_in_the_end(host_and_egress: tuple[Host, Egress]) -> None:
    host, egress = host_and_egress
    with host.engine.begin() as connection:
        announce(connection, {"dfinery": 10})
    host.start()
    host.await_delivery(host.submit())
    assert f"{NAME}:443" in egress.proxy.asked_for
    waiting = []
    for answer in ANSWERS.values():
        egress.answer(answer)
        asked = len(egress.proxy.heads)
        waiting.append(host.submit())
        host.await_that(partial(egress.was_asked_since, asked))
    egress.go()
    waiting.append(host.submit())
    egress.answer(OPENED)
    egress.come()
    for request in waiting:
        host.await_delivery(request)
    with host.engine.connect() as connection:
        outcomes = connection.execute(text("SELECT CAST(outcome AS text), count(*) FROM outcomes GROUP BY 1")).all()
    assert dict(outcomes) == {"accepted": len(waiting) + 1}
