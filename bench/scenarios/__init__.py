"""What is measured: a scenario yields rows, and adding one adds a line here."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Protocol

from bench.results import Row
from bench.scenarios import deliveries
from bench.stand import Stand


class Scenario(Protocol):
    """Measures one thing on a stand. `quick`: a shorter run with more noise."""

    def __call__(self, stand: Stand, *, quick: bool) -> Iterator[Row]: ...


SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        "insider": deliveries.insider,
        "dfinery": deliveries.dfinery,
        "algonomy": deliveries.algonomy,
        "slow": deliveries.slow,
    }
)
"""In the order in which they run."""
