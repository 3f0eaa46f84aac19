"""Writes to a Redis whose memory is full: only small values, bounded in number, and soon removed.

Above `maxmemory` Redis refuses every command that may take memory, but lets a script continue that began with a write
that takes none. So the messages and turns of workers and beat, which Redis holds for moments, still pass. Producers'
requests are refused until there is room. docs/decisions/0041.
"""

from typing import Any

from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from tasks.redis_connections import PROBE_KEY, PROBE_MS

LET_IN = f"redis.call('PEXPIRE', KEYS[2], {PROBE_MS})\n"
"""Takes no memory, and does nothing where the key is missing. KEYS[2]: a key that nothing uses."""
PUSH = f"{LET_IN}return redis.call('LPUSH', KEYS[1], ARGV[1])"
SET_NEW = f"{LET_IN}return redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])"
SET = f"{LET_IN}return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])"


def push(client: Redis, key: str, item: str | bytes) -> None:
    """LPUSH. Raises redis.RedisError."""
    client.register_script(PUSH)(keys=[key, PROBE_KEY], args=[item])


def probe(client: Redis) -> None:
    """Write a short-lived key, to see whether Redis takes writes at all. Raises redis.RedisError."""
    client.register_script(SET)(keys=[PROBE_KEY, PROBE_KEY], args=["", PROBE_MS])


async def set_new(client: AsyncRedis, key: str, value: str, ms: int) -> Any:
    """SET with NX and PX; None where the key exists. Raises redis.RedisError."""
    return await client.register_script(SET_NEW)(keys=[key, PROBE_KEY], args=[value, ms])
