"""What the log adds to a campaign and to API posts."""

import asyncio
from collections.abc import Iterator, Sequence
from statistics import mean

from sqlalchemy import Connection, text

from bench.log_cost import LogCost, interval, logging
from bench.results import Bound, Row
from bench.scenarios.deliveries import DFINERY, WARM_UP, deliver
from bench.scenarios.http_api import SETTINGS, Web, web_process
from bench.stand import Ours, Stand

PEOPLE, FEW = 40_000, 20_000
TURNS, FEW_TURNS = 3, 2
COST_TURNS, FEW_COST_TURNS = 24, 12
POSTS_S = 6.0
"""How long is posted. What is posted begins a week later, so nothing of it is delivered."""


def log_share(stand: Stand, *, quick: bool) -> Iterator[Row]:
    """The work of a whole stack without the log, and what the log adds, which is measured by itself: two runs of a
    stack differ by more than the log adds."""
    with stand.database("bench_log_cost") as one_url, stand.database("bench_log_cost_too") as other_url:
        cost = LogCost(one_url, other_url)
        try:
            turns = FEW_COST_TURNS if quick else COST_TURNS
            of_posts, of_campaigns = cost.of_posts(turns), cost.of_campaigns(turns)
        finally:
            cost.close()
    number = FEW if quick else PEOPLE
    campaigns, posts = _work(stand, FEW_TURNS if quick else TURNS, number)
    of_people = [one / number for one in of_campaigns]
    yield Row(
        "log_campaign",
        f"The log's share of a campaign: {DFINERY.title}, {DFINERY.says}",
        "µs/person",
        1e6 * (mean(campaigns) + mean(of_people)),
        1e6 * mean(campaigns),
        "without the log",
        Bound("ratio", most=1.03),
        f"{number:,} people; three entries, each put in order and signed by itself: "
        f"{1e3 * mean(of_campaigns):.1f} ms; {_surely(of_people, campaigns)}",
    )
    yield Row(
        "log_posts",
        "The log's share of API posts of one person",
        "µs/post",
        1e6 * (mean(posts) + mean(of_posts)),
        1e6 * mean(posts),
        "without the log",
        Bound("ratio", most=1.05),
        f"an entry of the log, and one of the audit log: {1e6 * mean(of_posts):.0f} µs; {_surely(of_posts, posts)}",
    )


def _surely(added: Sequence[float], work: Sequence[float]) -> str:
    low, high = interval(added, work)
    return (
        f"95 % interval {low:.4f} to {high:.4f} x; CPU time of all processes; hashing the outcomes, in the background, "
        "is not counted"
    )


def _work(stand: Stand, turns: int, number: int) -> tuple[list[float], list[float]]:
    """CPU seconds of a campaign's person and of a post, without the log; by turn."""
    campaigns, posts = [], []
    settings = {**SETTINGS, "CONSENT_DFINERY__REQUESTS_PER_MINUTE": "10000000"}
    with (
        stand.database("bench_log_share") as url,
        stand.ours(settings, database_url=url) as ours,
        logging(ours.engine, logged=False),
    ):
        deliver(ours, stand, DFINERY, WARM_UP)
        for _ in range(turns):
            campaigns.append(deliver(ours, stand, DFINERY, number).cpu.total)
        with web_process(ours) as web:
            asyncio.run(web.ask(POSTS_S))  # warm
            for _ in range(turns):
                posts.append(_post(stand, ours, web))
    return campaigns, posts


def _post(stand: Stand, ours: Ours, web: Web) -> float:
    """CPU seconds of one post."""
    with ours.engine.connect() as connection:
        first = _requests(connection)
    before = stand.cpu_s().total
    asyncio.run(web.ask(POSTS_S))
    spent = stand.cpu_s().total - before
    with ours.engine.connect() as connection:
        return spent / (_requests(connection) - first)


def _requests(connection: Connection) -> int:
    return int(connection.execute(text("SELECT count(*) FROM requests")).scalar_one())
