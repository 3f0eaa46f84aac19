"""What a hostile or broken client may send, to `consent web` as a process of its own."""

import http.client
import json
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from sqlalchemy import Engine, text

from ledger.delivery.vendors import announce
from ledger.sealing import generate_master_key
from tests.forked import ForkedProcess, start_forked
from tests.ports import free_port
from web import bodies, connection_limits, frame, server
from web.batching import Together
from web.bodies import LARGEST_JSON, Allowance
from web.context import Context

Key = Callable[..., dict[str, str]]
PEOPLE = {"kind": "erasure", "subjects": [{"user_id": "secret-jane"}]}


@pytest.fixture
def served(engine: Engine, postgres_url: str, redis_url: str, tmp_path: Path) -> Iterator[tuple[str, Path, int]]:
    """`consent web`: its address, its log and its process id."""
    with engine.begin() as connection:
        announce(connection, {"dfinery": 100})
    port, log = free_port(), tmp_path / "web.log"
    settings = {
        "CONSENT_DATABASE_URL": postgres_url,
        "CONSENT_REDIS_URL": redis_url,
        "CONSENT_MASTER_KEYS": generate_master_key(),
        "CONSENT_LOG_LEVEL": "DEBUG",
    }
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CONSENT_")}
    argv = [sys.executable, "-m", "cli", "web", "--port", str(port)]
    process = start_forked(argv, {**clean, **settings}, log)
    url = f"http://127.0.0.1:{port}"
    try:
        await_ready(url, process, log)
        yield url, log, process.pid
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.wait()


def await_ready(url: str, process: ForkedProcess, log: Path) -> None:
    deadline = time.monotonic() + 60
    with httpx.Client(base_url=url, timeout=60) as client:
        while True:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            try:
                if client.get("/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)


MANY = 2_500_000
CROWDS = [b"[" + b"[]," * MANY + b"[]]", b"[" + b"1," * MANY + b"1]", b"{" + b'"":0,' * (MANY // 2) + b'"":0}']


def resident_mb(pid: int) -> float:
    return float(psutil.Process(pid).memory_info().rss) / 1e6


def test_bad_bodies_are_refused_cheaply_and_told_in_no_log(
    served: tuple[str, Path, int], engine: Engine, key: Key
) -> None:
    url, log, pid = served
    json_type = {"Content-Type": "application/json"}
    with httpx.Client(base_url=url, headers=key(), timeout=30) as client:
        body = json.dumps(PEOPLE).encode()
        bad: list[tuple[bytes, dict[str, str], int]] = [
            (b"[" * 1_000_000, json_type, 400),
            (b'{"kind": "erasure", "subjects": ' + b'[{"a":' * 100_000, json_type, 400),
            (b'{"options": {"insider": ' + b"[" * 150 + b"]" * 150 + b"}}", json_type, 422),
            (b"secret", json_type, 400),
            (b"", json_type, 400),
            (b'{"kind": NaN}', json_type, 422),
            (b'{"kind": "erasure", "subjects": [{"user_id": "\\ud800secret"}]}', json_type, 400),
            (b"\xff\xfe" + body, json_type, 400),
            (b"[]", json_type, 422),
            (b"null", json_type, 422),
            (b'"' + b"secret" * 200_000 + b'"', json_type, 422),
            (b'{"kind": "erasure", "subjects": [' + b"1," * 100_000 + b"1]}", json_type, 422),
            (body, {"Content-Type": "text/plain"}, 415),
            (body, {"Content-Type": "application/x-www-form-urlencoded"}, 415),
            (b" " * (LARGEST_JSON + 1), json_type, 413),
            # Right in form, and made of so many parts that to build them would hurt.
            *((b'{"options": {"insider": {"x": ' + crowd + b"}}}", json_type, 422) for crowd in CROWDS),
            *((b'{"kind": "erasure", "subjects": ' + crowd + b"}", json_type, 422) for crowd in CROWDS),
        ]
        assert client.post("/v1/requests", content=body, headers=json_type).status_code == 201
        before = resident_mb(pid)
        began = time.process_time()
        for content, headers, status in bad:
            try:
                answer = client.post("/v1/requests", content=content, headers=headers)
            except httpx.TransportError:
                assert status == 413  # it hangs up on who sends too much
                continue
            assert answer.status_code == status, (content[:60], answer.text[:200])
            assert answer.headers["content-type"] == "application/problem+json"
            assert "secret" not in answer.text
            assert len(answer.content) < 10_000
        assert time.process_time() - began < 20
        until(lambda: resident_mb(pid) < before + 50)  # 753 MB were kept
        assert client.post("/v1/requests", content=body, headers=json_type).status_code == 201
        with engine.begin() as connection:  # a fault nobody has thought of, and PostgreSQL quotes the row
            connection.execute(text("ALTER TABLE requests ADD CONSTRAINT broken CHECK (subjects < 0) NOT VALID"))
        named = {**json_type, "Idempotency-Key": "secret-key", "X-Request-Id": "trace-4711"}
        broken = client.post("/v1/requests", content=body, headers=named)
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE requests DROP CONSTRAINT broken"))
        assert (broken.status_code, broken.json()["type"]) == (500, "urn:consent:problem:our-fault")
        assert "secret" not in broken.text
    assert broken.headers["x-request-id"] == "trace-4711"
    assert broken.json()["instance"] == "urn:consent:http-request:trace-4711"
    told = log.read_text()
    assert re.search(r"POST /v1/requests failed: IntegrityError .* at \S+ \(request trace-4711\)", told)
    for word in ("secret", "Traceback", "Failing row", "cw_"):
        assert word not in told


def until(condition: Callable[[], bool], within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def connect(url: str, source: str = "127.0.0.1") -> socket.socket:
    where = urlsplit(url)
    return socket.create_connection((where.hostname, where.port), timeout=20, source_address=(source, 0))


def is_cut_off(connection: socket.socket, within_s: float = 30.0) -> bool:
    """Whether the server hangs up without an answer."""
    connection.settimeout(within_s)
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def answered(connection: socket.socket) -> int:
    """The status of an answer, which is read to its end: a body that comes after its head is no answer to what is sent
    next."""
    with http.client.HTTPResponse(connection) as answer:
        answer.begin()
        answer.read()
        return answer.status


def test_who_is_slow_with_a_head_is_cut_off(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEAD_WITHIN_S", 0.3)
    for said in (b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n"):
        with connect(url) as connection:
            connection.sendall(said)
            assert is_cut_off(connection)
    monkeypatch.setattr(server, "HEAD_WITHIN_S", 30.0)
    with connect(url) as connection:  # the second head on a connection that was kept
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answered(connection) == 200
        monkeypatch.setattr(server, "HEAD_WITHIN_S", 0.3)
        connection.sendall(b"GET /healthz HTTP/1.1\r\n")
        time.sleep(0.1)
        connection.sendall(b"Host: x\r\n")
        assert is_cut_off(connection)


def test_a_head_without_end_is_cut_off(url: str) -> None:
    with connect(url) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        sent = 0
        with suppress(OSError):
            while sent < 100_000_000:
                connection.sendall(b"X-More: " + b"x" * 1_000 + b"\r\n")
                sent += 1_000
        assert sent < 100_000_000


def test_idle_connections_of_one_address_give_way_to_its_newer_ones(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_limits, "MOST_PER_ADDRESS", 4)
    asks = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with ExitStack() as stack:
        silent = [stack.enter_context(connect(url)) for _ in range(2)]
        kept = [stack.enter_context(connect(url)) for _ in range(2)]
        for one in kept:
            one.sendall(asks)
            assert answered(one) == 200
        other = stack.enter_context(connect(url, "127.0.0.2"))
        newer = [stack.enter_context(connect(url)) for _ in range(3)]
        assert all(is_cut_off(one) for one in (*silent, kept[0]))
        for one in (kept[1], other, *newer):
            one.sendall(asks)
            assert answered(one) == 200


def test_an_address_whose_connections_are_all_at_work_is_told(
    url: str, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_limits, "MOST_PER_ADDRESS", 2)
    head = f"POST /v1/requests HTTP/1.1\r\nHost: x\r\nAuthorization: {key()['Authorization']}\r\n"
    head += "Expect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(2):
            slow = stack.enter_context(connect(url))
            slow.sendall(head.encode())
            assert slow.recv(65_536).startswith(b"HTTP/1.1 100")  # its body is being waited for
        for source, status in (("127.0.0.1", 503), ("127.0.0.2", 200)):
            more = stack.enter_context(connect(url, source))
            more.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert answered(more) == status


NOT_HTTP: list[tuple[bytes, int]] = [
    (b"secret nonsense\r\n\r\n", 400),
    (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-More: a\0secret\r\n\r\n", 400),
    (b"POST /v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (b"POST /v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
    (b"POST /v1/requests HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nsecret", 400),
    (b"GET /healthz?" + b"secret" * 11_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
    (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-More: " + b"secret" * 11_000 + b"\r\n\r\n", 431),
]


def test_what_comes_to_no_route_is_a_problem_too(url: str) -> None:
    for said, status in NOT_HTTP:
        with connect(url) as connection:
            connection.sendall(said)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            assert answer.status == status, said[:60]
            assert answer.getheader("content-type") == "application/problem+json"
            told = answer.read()
            assert json.loads(told)["status"] == status
            assert answer.getheader("x-request-id")
            assert b"secret" not in told
            assert is_cut_off(connection)


def test_too_many_connections_are_told(stranger: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stranger.get("/healthz").status_code == 200
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 0)
    refused = stranger.get("/healthz")
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:consent:problem:crowded")
    assert refused.headers["content-type"] == "application/problem+json"
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["instance"].endswith(refused.headers["x-request-id"])
    monkeypatch.undo()
    assert stranger.get("/healthz").status_code == 200


def test_who_sends_all_of_it_before_reading_is_told_why_it_was_refused(url: str, key: Key) -> None:
    where = urlsplit(url)
    for headers, status in (({}, 401), (key(), 413)):
        connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=20)
        body = b" " * (4 * LARGEST_JSON)
        connection.request("POST", "/v1/requests", body, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["status"]) == (status, status)
        connection.close()


def test_who_goes_on_sending_for_ever_is_hung_up_on(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame, "LINGERS_S", 0.3)
    with connect(url) as connection:
        connection.sendall(b"POST /v1/requests HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 401")
        sent = 0
        with suppress(OSError):
            while sent < 500:
                connection.sendall(b"x" * 1_000)
                sent += 1
                time.sleep(0.02)
        assert sent < 500


def test_who_is_slow_with_a_body_is_told_and_cut_off(url: str, key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "Allowance", lambda: Allowance(within_s=0.6, between_s=0.3))
    head = f"POST /v1/requests HTTP/1.1\r\nHost: x\r\nAuthorization: {key()['Authorization']}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    with connect(url) as connection:
        connection.sendall(head.encode())
        assert connection.recv(65_536).startswith(b"HTTP/1.1 408")
    with connect(url) as connection:  # always something, never enough
        connection.sendall(head.encode())
        began = time.monotonic()
        connection.settimeout(0.1)
        answer = b""
        while not answer and time.monotonic() - began < 60:
            connection.sendall(b" ")
            with suppress(TimeoutError):
                answer = connection.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 408")


def test_an_overloaded_ledger_is_told_at_once(client: httpx.Client, context: Context, engine: Engine) -> None:
    most = 3
    together = Together(context.intake, context._submit_few, waiting=most)
    object.__setattr__(context, "_together", together)
    with engine.begin() as connection, ThreadPoolExecutor() as many:
        connection.execute(text("LOCK TABLE requests IN EXCLUSIVE MODE"))  # as if PostgreSQL stood still
        asked = []
        while len(together._waiting) < most:
            assert len(asked) < 5 * most
            asked.append(many.submit(client.post, "/v1/requests", json=PEOPLE))
            time.sleep(0.1)
        refused = client.post("/v1/requests", json=PEOPLE)
        assert (refused.status_code, refused.json()["type"]) == (429, "urn:consent:problem:busy")
        assert int(refused.headers["retry-after"]) >= 1
        assert client.get("/v1/vendors").status_code == 200
        connection.commit()
        assert {one.result().status_code for one in asked} == {201}
