"""Whether Redis lets us work, tested without doing any work: for `consent doctor`, `/readyz` and starting workers.

Every command that we and Kombu send is queued in a transaction that is then discarded. As it queues them, Redis checks
the ACL for the command, its keys and channels, and whether it takes writes. One key is really written.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from redis import Redis
from redis.exceptions import NoPermissionError, RedisError

from tasks.queues import CONTROL_QUEUE, SUBMIT_QUEUE
from tasks.redis_connections import PROBE_KEY, PROBE_MS
from tasks.redis_faults import CLUSTER, say_fault

NEARLY_FULL = 0.9
SEP = "\x06\x16"
"""Kombu appends it, with a number, to the queue's name for messages of another priority."""
THROTTLE_KEY, TOKEN_KEY = "consent:throttle:probe", "consent:token:probe"
EVENTS, CONTROL = "celeryev", "celery.pidbox"
LISTS = (
    *(CONTROL_QUEUE, f"{CONTROL_QUEUE}{SEP}3", SUBMIT_QUEUE),
    *("consent.vendor.probe", f"consent.vendor.probe{SEP}9", "consent.dispatch.probe", f"probe.reply.{CONTROL}"),
)
SETS = (f"_kombu.binding.{CONTROL_QUEUE}", "_kombu.binding.consent.vendor.probe", f"_kombu.binding.{CONTROL}")
LEFT_BEHIND = (f"probe.{CONTROL}", f"{EVENTS}.probe")
"""Queues of listeners, deleted by name when they end."""


def commands(database: int) -> Iterator[tuple[str, ...]]:
    """The commands of normal work, on names of each sort that is used. None is carried out."""
    yield from (("LPUSH", name, "") for name in LISTS)
    yield from (("RPUSH", name, "") for name in LISTS)
    yield from (("BRPOP", name, "1") for name in LISTS)
    yield from (("LLEN", name) for name in LISTS)
    for name in SETS:
        yield from (("SADD", name, ""), ("SMEMBERS", name), ("SREM", name, ""))
    yield from (("ZADD", "unacked_index", "0", ""), ("ZREM", "unacked_index", ""))
    yield ("ZRANGE", "unacked_index", "0", "0", "BYSCORE", "REV")
    yield from (("HSET", "unacked", "", ""), ("HGET", "unacked", ""), ("HDEL", "unacked", ""))
    yield ("SET", "unacked_mutex", "", "NX", "PX", "1")
    script = ("0" * 40, "1", THROTTLE_KEY)
    yield from (("EVALSHA", *script), ("SCRIPT", "LOAD", "return 0"))
    yield from (("HSET", THROTTLE_KEY, "tat", "0"), ("HMGET", THROTTLE_KEY, "tat"), ("PEXPIRE", THROTTLE_KEY, "1"))
    yield from (("HINCRBYFLOAT", THROTTLE_KEY, "debt", "0"), ("TIME",))
    yield from (("SET", TOKEN_KEY, "", "PX", "1"), ("GET", TOKEN_KEY), ("PTTL", TOKEN_KEY))
    yield from (("SET", PROBE_KEY, "", "PX", "1"), ("DEL", PROBE_KEY))
    yield from (("DEL", name) for name in LEFT_BEHIND)
    for topic in (f"{EVENTS}/worker.heartbeat", CONTROL):
        yield ("PUBLISH", f"/{database}.{topic}", "")


def patterns(database: int) -> Sequence[str]:
    """The patterns of channels that workers and Flower listen on, as Kombu names them."""
    return (f"/{database}.{EVENTS}/*", f"/{database}.{CONTROL}")


def lacking(redis: Redis) -> list[str]:
    """The commands, keys and channels that the ACL forbids. Raises RedisError for any other refusal."""
    database = int(redis.get_connection_kwargs().get("db") or 0)
    lacks: dict[str, None] = {}
    asked = [*commands(database), ("DISCARD",), *(("PSUBSCRIBE", name) for name in patterns(database))]
    connection = redis.connection_pool.get_connection()
    try:
        for round_ in ([("MULTI",)], asked):  # if MULTI is refused, nothing more may be sent: it would be carried out
            connection.send_packed_command(connection.pack_commands(round_))
            for command in round_:
                try:
                    connection.read_response()
                except NoPermissionError as error:
                    lacks[_named(str(error), command)] = None
            if lacks:
                break
    finally:
        connection.disconnect()  # discards what was queued and subscribed
        redis.connection_pool.release(connection)
    return list(lacks)


def write(redis: Redis) -> None:
    """Write a short-lived key. Raises RedisError."""
    redis.set(PROBE_KEY, "", px=PROBE_MS)


def trouble(redis: Redis) -> str | None:
    """Why this Redis cannot be worked with, in our words; None where it can."""
    try:
        if is_cluster(redis):
            return CLUSTER
        if lacks := lacking(redis):
            return "its ACL does not let us use " + "; ".join(lacks)
        write(redis)
    except RedisError as error:
        return say_fault(error)
    return None


def is_cluster(redis: Redis) -> bool:
    """Whether it runs in cluster mode; False where it does not say. Raises RedisError where it cannot be reached."""
    return _info(redis, "cluster").get("cluster_enabled") in (1, "1")


def worries(redis: Redis) -> Iterator[str]:
    """What will keep work from being done one day. Raises RedisError."""
    memory = _info(redis, "memory")
    policy, most = memory.get("maxmemory_policy", "noeviction"), int(memory.get("maxmemory") or 0)
    if policy != "noeviction" and most:
        yield (
            f"its maxmemory-policy is {policy}, so that it forgets the vendors' limits and messages when it is full: "
            "CONFIG SET maxmemory-policy noeviction"
        )
    share = int(memory.get("used_memory") or 0) / most if most else 0.0
    if share >= NEARLY_FULL:
        yield f"{share:.0%} of its maxmemory is taken, and when it is full it takes nothing: raise it"


def clock(redis: Redis) -> datetime:
    """The time by Redis. Raises RedisError."""
    seconds, micros = redis.time()
    return datetime.fromtimestamp(seconds + micros / 1e6, UTC)


def _info(redis: Redis, section: str) -> dict[str, str | int]:
    try:
        return dict(redis.info(section))
    except NoPermissionError:  # nobody needs it for work
        return {}


def _named(refusal: str, command: Sequence[str]) -> str:
    """What a refusal is about, for the person who writes the ACL."""
    said = refusal.lower()
    shown = " ".join(command[:2]) if command[0] in ("SCRIPT", "CLIENT") else command[0]
    if "channel" in said:
        return f"the channel {command[-1] or command[1]}"
    if "key" in said:
        key = command[3 if command[0] == "EVALSHA" else 1].split(SEP)[0]
        return f"the key {key} ({shown})"
    return f"the command {shown} (+{shown.lower().replace(' ', '|')})"
