"""The Redis lists that a producer's message passes through: pushed, taken, put off, done.

Every process that takes in has its own list with the messages that it works on, and a key that shows that it lives. If
a list's owner is gone, any process puts its messages back. A message leaves Redis only once it is recorded or refused,
so one that is worked on twice is recorded once, and none is lost.
"""

from collections.abc import Iterable, Iterator
from socket import gethostname
from typing import NamedTuple, cast
from uuid import uuid4

from pydantic_core import from_json, to_json
from redis import Redis

from domain.counted import counted
from tasks.bounded_answers import TOO_LARGE
from tasks.queues import SUBMIT_QUEUE
from tasks.sealed import LARGEST_ITEM

PUT_OFF = "consent.take-in.put-off"
"""Messages that could not be recorded when they came, and those of a process that has died."""
CONSUMERS = "consent.take-in.consumers"
TAKEN, ALIVE = "consent.take-in.taken:", "consent.take-in.alive:"
"""Out of producers' reach: their keys begin with the name of their queue."""
LIVES_S = 20.0
"""A process is taken for dead this long after its last sign of life."""
LARGEST_ROUND = 16_000_000
"""Bytes of messages that are taken at once, unless one alone is larger."""
BY_PRIORITY = tuple(f"{SUBMIT_QUEUE}\x06\x16{priority}" for priority in (9, 6, 3))
"""Where Celery puts messages with a priority."""
UNACKED, UNACKED_INDEX = "unacked", "unacked_index"
"""Where workers of earlier versions kept the messages that they worked on."""

TAKE = f"""
-- Before all else a write that takes no room: Redis lets a script that has written go on though its memory is full.
if redis.call('PEXPIRE', KEYS[3], ARGV[4]) == 0 then
    redis.call('SET', KEYS[3], '1', 'PX', ARGV[4])
    redis.call('SADD', KEYS[4], ARGV[5])
end
if redis.call('LLEN', KEYS[2]) == 0 then
    local kind = redis.call('TYPE', KEYS[1]).ok
    if kind ~= 'list' and kind ~= 'none' then
        redis.call('DEL', KEYS[1])
        redis.call('LPUSH', KEYS[2], '{TOO_LARGE.decode()}')
        kind = 'none'
    end
    local count, bytes = 0, 0
    while kind == 'list' and count < tonumber(ARGV[1]) do
        local item = redis.call('LINDEX', KEYS[1], -1)
        if not item then break end
        if #item > tonumber(ARGV[3]) then
            redis.call('LTRIM', KEYS[1], 0, -2)
            redis.call('LPUSH', KEYS[2], '{TOO_LARGE.decode()}')
        else
            bytes = bytes + #item
            if count > 0 and bytes > tonumber(ARGV[2]) then break end
            redis.call('LMOVE', KEYS[1], KEYS[2], 'RIGHT', 'LEFT')
        end
        count = count + 1
    end
end
return redis.call('LRANGE', KEYS[2], 0, -1)
"""
"""Moves the oldest items of a list to our own, and returns what is there. What was taken before and is not done comes
first, so that a lost answer loses nothing."""

MOVE = """
redis.call('PEXPIRE', KEYS[3], ARGV[4])
local kind, moved = redis.call('TYPE', KEYS[1]).ok, 0
if kind ~= 'list' then
    redis.call('DEL', KEYS[1])
    return 0
end
while moved < tonumber(ARGV[1]) and redis.call('LMOVE', KEYS[1], KEYS[2], ARGV[2], ARGV[3]) do
    moved = moved + 1
end
return moved
"""
"""Moves items from one list to another, unread."""
AT_ONCE = 1_000


class Inbox:
    """One process's view of these lists. All methods raise redis.RedisError."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._name = f"{gethostname()}:{uuid4()}"
        self._taken, self._alive = TAKEN + self._name, ALIVE + self._name
        self._take, self._move = redis.register_script(TAKE), redis.register_script(MOVE)

    def stay_alive(self) -> None:
        """Show that this process lives, for LIVES_S from now."""
        if not self._redis.pexpire(self._alive, _ms(LIVES_S)):
            self._redis.set(self._alive, "1", px=_ms(LIVES_S))
            self._redis.sadd(CONSUMERS, self._name)

    def wait(self, seconds: float) -> bool:
        """Whether a message came within so many seconds. It stays in place: only the script moves messages, after
        measuring them. Raises redis.exceptions.OutOfMemoryError at once while nobody can push anything."""
        return self._redis.blmove(SUBMIT_QUEUE, SUBMIT_QUEUE, cast(int, seconds), "RIGHT", "RIGHT") is not None

    def take(self, most: int) -> list[bytes]:
        """Take up to `most` of the oldest new messages, oldest first; those that were taken and are not done come
        again."""
        return self._moved(SUBMIT_QUEUE, most)

    def take_put_off(self, most: int) -> list[bytes]:
        """The same for those that were put off."""
        return self._moved(PUT_OFF, most)

    def count_put_off(self) -> int:
        """How many are put off."""
        return self._redis.llen(PUT_OFF)

    def _moved(self, source: str, most: int) -> list[bytes]:
        keys = [source, self._taken, self._alive, CONSUMERS]
        args: list[str | int] = [most, LARGEST_ROUND, LARGEST_ITEM, _ms(LIVES_S), self._name]
        return cast(list[bytes], self._take(keys=keys, args=args))[::-1]

    def done(self, put_off: Iterable[bytes] = ()) -> None:
        """Remove all that was taken, except those that have to come again."""
        with self._redis.pipeline(transaction=True) as pipe:
            for item in put_off:
                pipe.lpush(PUT_OFF, item)
            pipe.delete(self._taken)
            pipe.execute()

    def leave(self) -> None:
        """Give back what is not done, in its order, before this process ends."""
        self._move_all(self._taken, SUBMIT_QUEUE, "LEFT", "RIGHT")
        self._redis.srem(CONSUMERS, self._name)
        self._redis.delete(self._alive)

    def adopt(self) -> int:
        """Put off the messages of processes that are gone, so that they are taken again; returns how many."""
        adopted = 0
        for name in map(bytes.decode, cast(set[bytes], self._redis.smembers(CONSUMERS))):
            if name != self._name and not self._redis.exists(ALIVE + name):
                adopted += self._move_all(TAKEN + name, PUT_OFF)
                self._redis.srem(CONSUMERS, name)
        return adopted

    def gather(self) -> int:
        """Bring in messages from elsewhere: those with a priority, and those that killed workers of earlier versions
        had; returns how many."""
        return sum(self._move_all(key, SUBMIT_QUEUE) for key in BY_PRIORITY) + self._left_behind()

    def _move_all(self, source: str, to: str, out: str = "RIGHT", into: str = "LEFT") -> int:
        keys, moved = [source, to, self._alive], 0
        while more := cast(int, self._move(keys=keys, args=[AT_ONCE, out, into, _ms(LIVES_S)])):
            moved += more
            if more < AT_ONCE:
                break
        return moved

    def _left_behind(self) -> int:
        if self._redis.type(UNACKED) != b"hash":
            return 0
        found = 0
        for tag, kept in cast(Iterator[tuple[bytes, bytes]], self._redis.hscan_iter(UNACKED, count=10)):
            message = _of_producer(kept)
            if message is None:
                continue
            with self._redis.pipeline(transaction=True) as pipe:
                pipe.rpush(SUBMIT_QUEUE, message)
                pipe.hdel(UNACKED, tag)
                pipe.zrem(UNACKED_INDEX, tag)
                pipe.execute()
            found += 1
        return found


def runs_here(redis: Redis) -> bool:
    """Whether a healthy process of this host takes in. Raises redis.RedisError."""
    return any(name.startswith(f"{gethostname()}:") and is_well for name, is_well in _consumers(redis).items())


class Waiting(NamedTuple):
    """How many messages of producers are not recorded yet, and how many processes take them in."""

    messages: int
    processes: int


def waiting(redis: Redis) -> Waiting:
    """The present numbers, over all hosts. Raises redis.RedisError."""
    consumers = _consumers(redis)
    taken = [TAKEN + name for name in consumers]
    lists = (SUBMIT_QUEUE, *BY_PRIORITY, PUT_OFF, *taken)
    return Waiting(sum(_length(redis, name) for name in lists), sum(consumers.values()))


def _consumers(redis: Redis) -> dict[str, bool]:
    """Every process that takes in or did, and whether it lives."""
    names = map(bytes.decode, cast(set[bytes], redis.smembers(CONSUMERS)))
    return {name: bool(redis.exists(ALIVE + name)) for name in names}


def _length(redis: Redis, name: str) -> int:
    """The number of messages in a list. A key that is no list counts as one thing to remove."""
    kind = redis.type(name)
    return redis.llen(name) if kind == b"list" else int(kind != b"none")


def _of_producer(kept: bytes) -> bytes | None:
    """The message of a producer that Celery's worker stored as [message, exchange, routing key]."""
    try:
        message, _, queue = from_json(kept)
    except (ValueError, TypeError):
        return None
    return to_json(message) if queue == SUBMIT_QUEUE else None


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def say_nobody_takes_in(messages: int) -> str:
    """That so many messages wait and no process takes them in, and what to run."""
    wait = counted(messages, "message of producers waits", "messages of producers wait")
    return f"{wait} and nobody takes them in: run `consent take-in`"
