"""One process that spends permits as fast as they come: `python -m bench.spender`, started by the limiter scenario.

Its client is as bare as can be, so that what is seen is the throttle.
"""

import asyncio
import os
import sys
import time

from redis.asyncio import Redis

from adapters.contract import NotNowError
from worker import throttle

REDIS_URL = "BENCH_SPENDER_REDIS_URL"
CONNECTIONS = 16
REQUEST = b"PUT /profile-command/v1/optOut/bench HTTP/1.1\r\nHost: bench\r\nContent-Length: 0\r\n\r\n"


async def spend(port: int, allowance: int, window_s: float, run_s: float) -> None:
    """For `run_s`, one request to the vendor at `port` for each permit, at `allowance` per window for all processes."""
    throttle.WINDOW_S = window_s
    redis = Redis.from_url(os.environ[REDIS_URL])
    # The lane wants a limit per its own window, which it takes for a minute.
    lane = throttle.open_lanes(redis, {"bench": allowance})["bench"]
    until = time.monotonic() + run_s
    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(_one_after_another(lane, port, until))
    await redis.aclose()


async def _one_after_another(lane: throttle.Lane, port: int, until: float) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.monotonic() < until:
        try:
            await lane.take()
        except NotNowError as not_now:
            await asyncio.sleep(not_now.delay_s)
            continue
        writer.write(REQUEST)
        await reader.readuntil(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()


if __name__ == "__main__":
    port_, allowance_, window, run = sys.argv[1:]
    asyncio.run(spend(int(port_), int(allowance_), float(window), float(run)))
