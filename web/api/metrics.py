"""Counters for Prometheus."""

from collections.abc import Iterator
from typing import NamedTuple

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from ledger.delivery import rechecks
from web.dependencies import Reader, TheContext

FORMAT = "text/plain; version=0.0.4; charset=utf-8"
"""https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format"""


class Counter(NamedTuple):
    """A counter by vendor."""

    name: str
    help: str
    by_vendor: dict[str, int]

    def lines(self) -> Iterator[str]:
        """In Prometheus' text format. Names of vendors need no escapes."""
        yield f"# HELP {self.name} {self.help}"
        yield f"# TYPE {self.name} counter"
        yield from (f'{self.name}{{vendor="{vendor}"}} {count}' for vendor, count in self.by_vendor.items())


router = APIRouter(tags=["health"])


@router.get(
    "/metrics",
    summary="Counters for Prometheus",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {"example": 'consent_resurrected_total{vendor="dfinery"} 1\n'}}}},
)
async def metrics(context: TheContext, _: Reader) -> PlainTextResponse:
    """How many people who were verified have been read back again, and how many of them had come back."""

    def read() -> dict[str, rechecks.Count]:
        with context.engine.connect() as connection:
            return rechecks.counts(connection)

    found = await context.reads.run(read)
    counters = (
        Counter(
            "consent_rechecked_total",
            "People whose withdrawal was verified and who were read back again.",
            {vendor: one.people for vendor, one in found.items()},
        ),
        Counter(
            "consent_resurrected_total",
            "Of them, those who had come back.",
            {vendor: one.back for vendor, one in found.items()},
        ),
    )
    lines = [line for counter in counters for line in counter.lines()]
    return PlainTextResponse("\n".join(lines) + "\n", media_type=FORMAT)
