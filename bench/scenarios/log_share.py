"""What the log adds to a campaign and to API posts: the same work with its triggers and without, in turns."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text

from bench.results import Bound, Row
from bench.scenarios.deliveries import DFINERY, WARM_UP, deliver
from bench.scenarios.http_api import SETTINGS, Web, web_process
from bench.stand import BenchError, Ours, Stand

PEOPLE, FEW = 40_000, 20_000
TURNS, FEW_TURNS = 8, 4
POSTS_S, AFTERWARDS_S = 6.0, 6.0
"""How long is posted, and how long afterwards whatever runs is counted: what was logged is in order by then. The stack
that has nothing to do costs as much with triggers as without."""
CAUGHT_UP_WITHIN_S = 120.0
BOUND = Bound("ratio", most=1.25)
"""Promised are 1.03 for a campaign and 1.05 for posts. Whole runs of the same differ by more (0.96 to 1.16, and 0.83 to
1.23), so a run can only tell that the log takes no quarter."""


def log_share(stand: Stand, *, quick: bool) -> Iterator[Row]:
    """Least CPU times of all turns: what disturbs a turn only adds to them.

    Without triggers nothing is written for the log, so nothing is put in order, hashed or signed either.
    """
    turns, number = (FEW_TURNS, FEW) if quick else (TURNS, PEOPLE)
    settings = {**SETTINGS, "CONSENT_DFINERY__REQUESTS_PER_MINUTE": "10000000"}
    campaigns: dict[bool, list[float]] = {True: [], False: []}
    hashing: list[float] = []
    posts: dict[bool, list[float]] = {True: [], False: []}
    with stand.database("bench_log_share") as url, stand.ours(settings, database_url=url) as ours:
        deliver(ours, stand, DFINERY, WARM_UP)
        for _ in range(turns):
            for logged in (True, False):
                with _logging(ours.engine, logged=logged):
                    campaigns[logged].append(deliver(ours, stand, DFINERY, number).cpu.total)
                    closed = stand.cpu_s().total
                    _catch_up(ours)
                    if logged:
                        hashing.append((stand.cpu_s().total - closed) / number)
        with web_process(ours) as web:
            asyncio.run(web.ask(POSTS_S))  # warm
            for _ in range(turns):
                for logged in (True, False):
                    with _logging(ours.engine, logged=logged):
                        posts[logged].append(_post(stand, ours, web))
    yield Row(
        "log_campaign",
        f"The log's share of a campaign: {DFINERY.title}, {DFINERY.says}",
        "µs/person",
        1e6 * min(campaigns[True]),
        1e6 * min(campaigns[False]),
        "without triggers",
        BOUND,
        f"CPU of workers, PostgreSQL and Redis until it has closed; {number:,} people, least of {turns} turns each; "
        f"hashing the outcomes afterwards, in the background: {1e6 * min(hashing):.1f} µs a person",
    )
    yield Row(
        "log_posts",
        "The log's share of API posts of one person",
        "µs/post",
        1e6 * min(posts[True]),
        1e6 * min(posts[False]),
        "without triggers",
        BOUND,
        f"CPU of web process, workers, PostgreSQL and Redis until {AFTERWARDS_S:g} s after the last; least of {turns} "
        f"turns of {POSTS_S:g} s each",
    )


def _post(stand: Stand, ours: Ours, web: Web) -> float:
    """CPU seconds of one post, with what its entry in the log costs."""
    with ours.engine.connect() as connection:
        first = _requests(connection)
    began, before = time.monotonic(), stand.cpu_s().total
    asyncio.run(web.ask(POSTS_S))
    ours.pause(began + POSTS_S + AFTERWARDS_S - time.monotonic())
    spent = stand.cpu_s().total - before
    _catch_up(ours)  # so that the next turn begins with nothing to do
    with ours.engine.connect() as connection:
        return spent / (_requests(connection) - first)


def _requests(connection: Connection) -> int:
    return int(connection.execute(text("SELECT count(*) FROM requests")).scalar_one())


def _catch_up(ours: Ours) -> None:
    """Wait until everything is hashed, in order and signed."""
    deadline = time.monotonic() + CAUGHT_UP_WITHIN_S
    while time.monotonic() < deadline:
        ours.pause(0.1)
        with ours.engine.connect() as connection:
            if not connection.execute(_BEHIND).scalar_one():
                return
    raise BenchError(f"the log is not in order after {CAUGHT_UP_WITHIN_S:g} s")


_BEHIND = text("""
    SELECT EXISTS (SELECT FROM trees_due) OR EXISTS (SELECT FROM log_pending) OR EXISTS (SELECT FROM audit_due)
        OR (SELECT size FROM log_head) > (SELECT COALESCE(max(size), 0) FROM log_checkpoints)
""")


@contextmanager
def _logging(engine: Engine, *, logged: bool) -> Iterator[None]:
    """With the triggers that write for the log, or without them for a while."""
    if logged:
        yield
        return
    _switch(engine, "DISABLE")
    try:
        yield
    finally:
        _switch(engine, "ENABLE")


def _switch(engine: Engine, verb: str) -> None:
    with engine.begin() as connection:
        for table, trigger in connection.execute(_TRIGGERS).all():
            connection.execute(text(f"ALTER TABLE {table} {verb} TRIGGER {trigger}"))


_TRIGGERS = text(r"""
    SELECT CAST(tgrelid AS regclass), quote_ident(tgname) FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
    WHERE NOT tgisinternal AND tgparentid = 0 AND prosrc ~ 'INSERT INTO (log_pending|trees_due|audit_due)'
    ORDER BY 1, 2
""")
