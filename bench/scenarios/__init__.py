"""The scenarios: each yields rows, and adding one adds a line here."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Protocol

from bench.results import Row
from bench.scenarios import deliveries
from bench.scenarios.evidence import evidence
from bench.scenarios.fairness import fairness
from bench.scenarios.growth import growth
from bench.scenarios.http_api import http_api
from bench.scenarios.idle import idle
from bench.scenarios.intake import intake
from bench.scenarios.latency import latency
from bench.scenarios.limiter import limiter
from bench.scenarios.log_share import log_share
from bench.scenarios.looking import looking
from bench.scenarios.memory import memory
from bench.scenarios.pages import pages
from bench.scenarios.record import record
from bench.scenarios.running import running
from bench.scenarios.take_in import take_in
from bench.stand import Stand


class Scenario(Protocol):
    """Measures one thing on a stand. `quick`: a shorter run with more noise."""

    def __call__(self, stand: Stand, *, quick: bool) -> Iterator[Row]: ...


SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        "insider": deliveries.insider,
        "dfinery": deliveries.dfinery,
        "algonomy": deliveries.algonomy,
        "growth": growth,
        "fairness": fairness,
        "intake": intake,
        "evidence": evidence,
        "log_share": log_share,
        "http_api": http_api,
        "pages": pages,
        "take_in": take_in,
        "memory": memory,
        "record": record,
        "running": running,
        "latency": latency,
        "looking": looking,
        "idle": idle,
        "limiter": limiter,
    }
)
"""In the order in which they run."""
