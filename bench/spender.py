"""One process that spends permits as fast as they come: `python -m bench.spender`, started by the limiter scenario.

Its client is minimal, so that only the throttle is measured.
"""

import asyncio
import os
import sys
import time

from redis.asyncio import Redis

from adapters.contract import NotNowError
from worker.throttle import Lane, open_lanes

REDIS_URL = "BENCH_SPENDER_REDIS_URL"
CONNECTIONS = 16
REQUEST = b"PUT /profile-command/v1/optOut/bench HTTP/1.1\r\nHost: bench\r\nContent-Length: 0\r\n\r\n"


async def spend(port: int, per_minute: int, run_s: float) -> None:
    """For `run_s`, one request to the vendor at `port` for each permit, at `per_minute` for all processes."""
    redis = Redis.from_url(os.environ[REDIS_URL])
    lane = open_lanes(redis, {"bench": per_minute})["bench"]
    until = time.monotonic() + run_s
    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(_one_after_another(lane, port, until))
    await redis.aclose()


async def _one_after_another(lane: Lane, port: int, until: float) -> None:
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
    port_, per_minute_, run = sys.argv[1:]
    asyncio.run(spend(int(port_), int(per_minute_), float(run)))
