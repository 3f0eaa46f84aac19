"""Whether a Redis can be used: said in advance, in words, with what is missing."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from tasks import redis_check
from tasks.redis_check import commands, is_cluster, lacking, patterns, trouble, worries
from tasks.redis_connections import connect, connect_async
from tasks.redis_faults import CLUSTER
from tests.redis_servers import Server, redis_server
from worker.pace import Pace
from worker.throttle import Lane


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> "object":
    with redis_server(tmp_path_factory.mktemp("redis")) as running:
        yield running


def replica(client: redis.Redis) -> None:
    client.replicaof("127.0.0.1", "1")


def full(client: redis.Redis) -> None:
    client.config_set("maxmemory", "1")


def unable_to_save(client: redis.Redis) -> None:
    client.config_set("min-replicas-to-write", "3")


@pytest.mark.parametrize(
    ("spoil", "says", "goes_on"),
    [
        (replica, "read-only replica", False),
        (full, "memory is full", True),  # which workers can do without
        (unable_to_save, "too few replicas", False),
    ],
)
async def test_a_redis_that_takes_nothing_is_told_and_the_throttle_waits(
    server: Server, spoil: Callable[[redis.Redis], None], says: str, *, goes_on: bool
) -> None:
    client = connect(server.url)
    shared = connect_async(server.url)
    lane = Lane(shared, "v", Pace.for_limit(6_000))
    assert trouble(client) is None
    await lane.take()
    try:
        spoil(server.client())
        assert says in str(trouble(client))
        assert (await lane.book(1.0, 1, 60.0) == pytest.approx(1.0)) != goes_on  # as with Redis away
    finally:
        mend(server)
    assert trouble(client) is None
    await lane.take()
    await shared.aclose()


def mend(server: Server) -> None:
    with server.client() as client:
        client.replicaof("NO", "ONE")
        client.config_set("maxmemory", "0")
        client.config_set("min-replicas-to-write", "0")


PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
RIGHTS = tuple(re.findall(r"^ACL SETUSER consent on >password (.*)$", PAGE.read_text(), re.MULTILINE)[0].split())


def test_a_user_with_the_rights_of_the_page_lacks_nothing(server: Server) -> None:
    client = allowed(server, *RIGHTS)
    assert lacking(client) == []
    assert trouble(client) is None


@pytest.mark.parametrize("command", [*sorted({command[0].lower() for command in commands(0)}), "psubscribe", "multi"])
def test_each_command_that_the_acl_lacks_is_named(server: Server, command: str) -> None:
    name = "script|load" if command == "script" else command
    client = allowed(server, *RIGHTS, f"-{command}")
    assert f"(+{name})" in str(trouble(client))


@pytest.mark.parametrize(
    ("rights", "named"),
    [
        (("~_kombu.*", "~unacked*", "&*", "+@all"), ["consent.control", "consent:throttle", "consent:probe"]),
        (("~consent*", "~unacked*", "&*", "+@all"), ["_kombu.binding.consent.control"]),
        (("~consent*", "~_kombu.*", "&*", "+@all"), ["unacked_index", "unacked_mutex"]),
        (("~consent.*", "~_kombu.*", "~unacked*", "&*", "+@all"), ["consent:throttle:probe", "consent:token:probe"]),
        (("~consent*", "~_kombu.*", "~unacked*", "+@all"), [*patterns(0), "/0.celeryev/worker.heartbeat"]),
        (("~consent*", "~_kombu.*", "~unacked*", "~*celery*", "&/0.celery.pidbox", "+@all"), ["/0.celeryev/*"]),
        (("~consent*", "~_kombu.*", "~unacked*", "%R~*", "&*", "+@all", "-@write"), ["+lpush", "+set", "+zadd"]),
        ((), ["+multi"]),
        (("+multi",), ["+lpush", "+zadd", "+evalsha", "+publish", "+psubscribe", "+time"]),
    ],
)
def test_keys_and_channels_that_the_acl_lacks_are_named(
    server: Server, rights: tuple[str, ...], named: list[str]
) -> None:
    said = str(trouble(allowed(server, *rights)))
    assert "ACL" in said
    for one in named:
        assert one in said


def allowed(server: Server, *rights: str) -> redis.Redis:
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "ann", "reset", "on", ">pw", *rights)
    return connect(server.url.replace("//", "//ann:pw@"))


def test_looking_changes_nothing_but_the_probe(server: Server) -> None:
    with server.client() as client:
        client.flushall()
        assert trouble(connect(server.url)) is None
        assert client.keys() == [redis_check.PROBE_KEY.encode()]
        assert 0 < client.pttl(redis_check.PROBE_KEY) <= redis_check.PROBE_MS


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"maxmemory": "900mb", "maxmemory-policy": "allkeys-lru"}, "maxmemory-policy is allkeys-lru"),
        ({"maxmemory": "900mb", "maxmemory-policy": "volatile-ttl"}, "noeviction"),
        ({"maxmemory": "0", "maxmemory-policy": "allkeys-lru"}, None),
        ({"maxmemory": "900mb", "maxmemory-policy": "noeviction"}, None),
        ({"maxmemory": "nearly", "maxmemory-policy": "noeviction"}, "of its maxmemory is taken"),
    ],
)
def test_what_will_go_wrong_one_day_is_told(server: Server, settings: dict[str, str], says: str | None) -> None:
    with server.client() as client:
        for name, value in settings.items():
            used = client.info("memory")["used_memory"]
            client.config_set(name, str(int(used * 1.05)) if value == "nearly" else value)
        said = list(worries(client))
        client.config_set("maxmemory", "0")
        client.config_set("maxmemory-policy", "noeviction")
    assert [says in one for one in said] == [True] if says else said == []


def test_cluster_mode_is_told_and_not_taken_for_something_to_wait_for(tmp_path: Path, server: Server) -> None:
    with redis_server(tmp_path, cluster_enabled="yes") as cluster:
        assert trouble(connect(cluster.url)) == CLUSTER
        assert is_cluster(connect(cluster.url))
    assert not is_cluster(connect(server.url))
