"""Bearer tokens shared by every process."""

import asyncio
from collections.abc import Awaitable, Callable
from time import time

import fakeredis
import pytest
from redis.asyncio.lock import Lock
from redis.exceptions import OutOfMemoryError

from adapters import credentials
from adapters.contract import Answer, NotNowError, Token, Verdict
from adapters.credentials import Credentials, LoginRefusedError
from domain.outcomes import Reason
from ledger.sealing import MasterKeys, generate_master_key

PLAIN = "plain-token-4711"


class Logins:
    """Counts logins, each a little slow, each with a token of its own."""

    def __init__(self, life_s: float | None = None) -> None:
        self.life_s = life_s
        self.count = 0
        self.now = 0
        self.most = 0

    async def __call__(self, _renewal: object) -> Token:
        self.count += 1
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.02)
        self.now -= 1
        return Token(f"{PLAIN}-{self.count}", self.life_s)


@pytest.fixture
def server() -> fakeredis.FakeServer:
    return fakeredis.FakeServer()


@pytest.fixture
def process(server: fakeredis.FakeServer) -> Callable[..., Credentials]:
    """The credentials of one more process on the same Redis."""
    masters = MasterKeys.parse(generate_master_key())
    return lambda keys=masters: Credentials(fakeredis.FakeAsyncRedis(server=server), keys)


async def test_among_many_who_ask_one_logs_in(process: Callable[..., Credentials]) -> None:
    log_in, here = Logins(), process()
    tokens = await asyncio.gather(*(here.token("v", log_in) for _ in range(50)))
    assert set(tokens) == {Token(f"{PLAIN}-1")}
    assert log_in.count == 1


async def test_among_many_processes_one_logs_in(process: Callable[..., Credentials]) -> None:
    log_in = Logins()
    processes = [process() for _ in range(4)]
    tokens = await asyncio.gather(*(each.token("v", log_in) for each in processes for _ in range(5)))
    assert set(tokens) == {Token(f"{PLAIN}-1")}
    assert log_in.count == 1


async def test_a_refused_token_is_renewed_once_for_all(process: Callable[..., Credentials]) -> None:
    log_in = Logins()
    processes = [process() for _ in range(3)]
    refused = {await each.token("v", log_in) for each in processes}
    assert refused == {Token(f"{PLAIN}-1")}
    renewed = await asyncio.gather(
        *(each.token("v", log_in, not_this_one=Token(f"{PLAIN}-1")) for each in processes for _ in range(10))
    )
    assert set(renewed) == {Token(f"{PLAIN}-2")}
    assert (log_in.count, log_in.most) == (2, 1)


async def test_who_was_refused_late_gets_what_the_others_have_by_now(process: Callable[..., Credentials]) -> None:
    log_in, here, there = Logins(), process(), process()
    old = await here.token("v", log_in)
    new = await there.token("v", log_in, not_this_one=old)
    assert await here.token("v", log_in, not_this_one=old) == new
    assert log_in.count == 2


async def test_every_vendor_has_its_own(process: Callable[..., Credentials]) -> None:
    log_in, here = Logins(), process()
    assert await here.token("a", log_in) != await here.token("b", log_in)


async def test_the_token_is_nowhere_in_redis(process: Callable[..., Credentials], server: fakeredis.FakeServer) -> None:
    await process().token("v", Logins())
    redis = fakeredis.FakeRedis(server=server)
    kept = {key: redis.get(key) for key in redis.keys("*")}
    assert list(kept) == [b"consent:token:v"]
    assert PLAIN.encode() not in b"".join([*kept, *kept.values()])
    assert 0 < redis.ttl(b"consent:token:v") <= 7 * 3600


async def test_a_token_sealed_by_other_keys_is_no_token(process: Callable[..., Credentials]) -> None:
    log_in = Logins()
    await process().token("v", log_in)
    stranger = process(MasterKeys.parse(generate_master_key()))
    assert await stranger.token("v", log_in) == Token(f"{PLAIN}-2")


async def test_a_token_moved_to_another_vendors_place_is_no_token(
    process: Callable[..., Credentials], server: fakeredis.FakeServer
) -> None:
    log_in = Logins()
    await process().token("v", log_in)
    redis = fakeredis.FakeRedis(server=server)
    redis.rename("consent:token:v", "consent:token:w")
    assert await process().token("w", log_in) == Token(f"{PLAIN}-2")


async def test_what_is_damaged_in_redis_is_no_token(
    process: Callable[..., Credentials], server: fakeredis.FakeServer
) -> None:
    fakeredis.FakeRedis(server=server).set("consent:token:v", b"\xff")
    assert await process().token("v", Logins()) == Token(f"{PLAIN}-1")


async def test_with_redis_away_nobody_logs_in(
    process: Callable[..., Credentials], server: fakeredis.FakeServer
) -> None:
    log_in, here = Logins(), process()
    server.connected = False
    with pytest.raises(NotNowError) as not_now:
        await here.token("v", log_in)
    assert not_now.value.delay_s > 0
    assert log_in.count == 0


async def test_a_token_known_here_serves_on_while_redis_is_away(
    process: Callable[..., Credentials], server: fakeredis.FakeServer
) -> None:
    log_in, here = Logins(), process()
    known = await here.token("v", log_in)
    server.connected = False
    assert await here.token("v", log_in) == known
    with pytest.raises(NotNowError):
        await here.token("v", log_in, not_this_one=known)


@pytest.fixture
def _lasting_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has to wait for the lock to lapse waits longer than a test."""
    monkeypatch.setattr(credentials, "REFRESH_LOCK_S", 3_600.0)


@pytest.mark.usefixtures("_lasting_lock")
async def test_a_refused_login_is_told_and_the_next_one_may_try(process: Callable[..., Credentials]) -> None:
    async def refused(_renewal: object) -> Token:
        raise LoginRefusedError(Answer(Verdict.VENDOR, Reason.BAD_CREDENTIALS))

    here = process()
    with pytest.raises(LoginRefusedError):
        await here.token("v", refused)
    assert await asyncio.wait_for(process().token("v", Logins()), timeout=60) == Token(f"{PLAIN}-1")


@pytest.mark.usefixtures("_lasting_lock")
async def test_a_refresher_that_was_cancelled_does_not_keep_the_others_out(process: Callable[..., Credentials]) -> None:
    began = asyncio.Event()

    async def for_ever(_renewal: object) -> Token:
        began.set()
        await asyncio.sleep(3600)
        return Token("")

    waiting: Awaitable[Token] = asyncio.create_task(process().token("v", for_ever))
    await began.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await asyncio.wait_for(process().token("v", Logins()), timeout=60) == Token(f"{PLAIN}-1")


async def test_a_slow_login_keeps_the_others_out_as_long_as_it_takes(
    process: Callable[..., Credentials], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "REFRESH_LOCK_S", 1.5)
    monkeypatch.setattr(credentials, "RENEW_LOCK_S", 0.1)
    logins = 0

    async def log_in(_renewal: object) -> Token:
        nonlocal logins
        logins += 1
        await asyncio.sleep(2.0)
        return Token(f"{PLAIN}-{logins}")

    assert await asyncio.gather(*(process().token("v", log_in) for _ in range(3))) == [Token(f"{PLAIN}-1")] * 3


async def test_a_refresher_that_died_is_replaced_soon(
    process: Callable[..., Credentials], server: fakeredis.FakeServer
) -> None:
    await fakeredis.FakeAsyncRedis(server=server).set("consent:token:v:refresh", "of the dead", px=300)
    assert await asyncio.wait_for(process().token("v", Logins()), 60) == Token(f"{PLAIN}-1")
    assert credentials.REFRESH_LOCK_S < 5


async def test_nothing_of_a_token_is_shown(process: Callable[..., Credentials]) -> None:
    here = process()
    await here.token("v", Logins())
    assert PLAIN not in repr(here)


@pytest.mark.parametrize("life_s", [1.0, 3.0, 299.0, 600.0, 86_400.0])
async def test_a_token_is_asked_for_anew_before_it_ends_and_not_long_before(
    process: Callable[..., Credentials],
    server: fakeredis.FakeServer,
    monkeypatch: pytest.MonkeyPatch,
    life_s: float,
) -> None:
    clock = 0.0
    monkeypatch.setattr(credentials, "monotonic", lambda: clock)
    log_in, here = Logins(life_s), process()
    asked = time()
    first = await here.token("v", log_in)
    kept_until = await fakeredis.FakeAsyncRedis(server=server).pexpiretime("consent:token:v") / 1000
    assert kept_until - asked > life_s * 0.5
    assert kept_until - time() < life_s, "no process finds it there when it has ended"
    clock = life_s * 0.5
    assert await here.token("v", log_in) == first
    clock = life_s * 0.99 if life_s < 6_000 else life_s - 30
    await fakeredis.FakeAsyncRedis(server=server).delete("consent:token:v")  # as Redis does by itself at that time
    assert await here.token("v", log_in) != first
    assert log_in.count == 2


async def test_a_token_found_in_redis_is_used_no_longer_than_who_asked_for_it_may(
    process: Callable[..., Credentials], server: fakeredis.FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 0.0
    monkeypatch.setattr(credentials, "monotonic", lambda: clock)
    log_in, here, there = Logins(600.0), process(), process()
    first = await here.token("v", log_in)
    assert await there.token("v", log_in) == first
    clock = 600.0
    await fakeredis.FakeAsyncRedis(server=server).delete("consent:token:v")  # as Redis does by itself at that time
    assert await there.token("v", log_in) == await here.token("v", log_in) != first
    assert log_in.count == 2


async def test_a_token_that_redis_does_not_take_is_used_and_not_asked_for_again(
    server: fakeredis.FakeServer, process: Callable[..., Credentials], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis's memory is full by the time that the vendor has given one: who logs in at each try is soon refused."""
    log_in, here, other = Logins(), process(), process()

    async def refuse(*_: object, **__: object) -> None:
        raise OutOfMemoryError

    monkeypatch.setattr(here.redis, "set", refuse)
    # The lock is taken by `set` as well; there was still room for it.
    monkeypatch.setattr(Lock, "do_acquire", lambda *_: asyncio.sleep(0, result=True))
    monkeypatch.setattr(Lock, "release", lambda _: asyncio.sleep(0))
    assert [await here.token("v", log_in) for _ in range(3)] == [Token(f"{PLAIN}-1")] * 3
    assert log_in.count == 1
    assert await other.token("v", log_in) == Token(f"{PLAIN}-2")
