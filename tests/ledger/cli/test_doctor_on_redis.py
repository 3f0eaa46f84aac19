"""What `consent doctor` and `/readyz` say of a Redis that answers: green only where work can be done."""

import importlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from cli.doctor import redis_findings
from intake.stack import surroundings
from tests.ledger.command_line import consent
from tests.redis_servers import Server, redis_server
from web.context import open_context


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with redis_server(tmp_path_factory.mktemp("redis"), maxmemory="300mb") as running:
        yield running


@pytest.fixture
def stack(environment: dict[str, str], server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[redis.Redis]:
    """A stack on a Redis of this test's own, and a client of that one."""
    monkeypatch.setenv("CONSENT_REDIS_URL", server.url)
    with server.client() as client:
        yield client
        client.replicaof("NO", "ONE")
        client.config_set("maxmemory", "300mb")
        client.config_set("maxmemory-policy", "noeviction")


def doctor() -> tuple[int, str]:
    result = consent("doctor")
    return result.exit_code, "\n".join(line for line in result.output.splitlines() if line[:5] in ("redis", "clock"))


@pytest.mark.parametrize(
    ("spoil", "ending", "says"),
    [
        (lambda client: client.replicaof("127.0.0.1", "1"), 3, "read-only replica"),
        (lambda client: client.config_set("maxmemory", "1"), 3, "memory is full"),
        (lambda client: client.config_set("maxmemory-policy", "allkeys-lru"), 1, "maxmemory-policy is allkeys-lru"),
    ],
)
def test_what_is_wrong_with_redis_is_named(
    stack: redis.Redis, spoil: Callable[[redis.Redis], object], ending: int, says: str
) -> None:
    with surroundings() as here, open_context(here) as context:
        assert "takes what we write" in doctor()[1]
        assert context.redis_answers()
        spoil(stack)
        code, said = doctor()
        assert code == ending, said
        assert says in said
        assert "FAULT" in said
        assert context.redis_answers() == (ending != 3)


@pytest.mark.parametrize(("by_s", "says"), [(9, "9 s ahead of"), (-8, "8 s behind")])
def test_clocks_that_differ_are_named(
    stack: redis.Redis, monkeypatch: pytest.MonkeyPatch, by_s: int, says: str
) -> None:
    assert "clocks" not in doctor()[1]
    there = timedelta(seconds=by_s)
    for clock, name in (("clock", "Redis"), ("time_by", "PostgreSQL")):
        with monkeypatch.context() as patched:
            patched.setattr(redis_findings, clock, lambda _: datetime.now(UTC) + there)
            assert f"the clock of {name} is {says} this machine's" in doctor()[1]


def test_a_way_that_others_can_read_along_is_named(monkeypatch: pytest.MonkeyPatch, stack: redis.Redis) -> None:
    monkeypatch.setattr("tasks.redis_connections._is_loopback", lambda _: False)
    assert "not encrypted on the way there: use rediss://" in doctor()[1]


def test_a_worker_and_beat_end_at_once_before_a_redis_in_cluster_mode(
    stack: redis.Redis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    process = importlib.import_module("worker.app")
    process._refuse_cluster()
    with redis_server(tmp_path, cluster_enabled="yes") as cluster:
        monkeypatch.setenv("CONSENT_REDIS_URL", cluster.url)
        for begins in (process._check_broker, lambda: process._open_runtime(sender=None)):
            with pytest.raises(SystemExit, match=r"cluster mode.*cluster-enabled no"):
                begins()
    process._refuse_cluster()  # one that is away is waited for
