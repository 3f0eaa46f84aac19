"""How much of a vendor's work is queued at once: a few seconds at its rate, so that holds, cancels and newcomers take
effect at once, whatever was submitted before."""

from math import ceil

from adapters.contract import Adapter

CHUNK_S = 1.0
"""A chunk holds at most so many seconds at the vendor's rate, and at least one full call."""
OUT_S = 3.0
"""At most so many seconds of work are queued or under way, and at least two chunks: while one ends, another is sent."""
EXPRESS = 4
"""How many more chunks may be out, for requests of one chunk at this vendor that have none out."""


def chunk_people(adapter: Adapter) -> int:
    """How many people a chunk holds."""
    return max(adapter.call_people, min(adapter.chunk_people, int(_people_a_second(adapter) * CHUNK_S)))


def window(adapter: Adapter) -> int:
    """How many chunks may be out, over all workers."""
    fit = ceil(_people_a_second(adapter) * OUT_S / chunk_people(adapter))
    return min(max(2, fit), adapter.settings.chunks_in_flight)


def most_out(adapter: Adapter) -> int:
    """The most chunks that are ever out, and so the most threads of a worker that one vendor may take."""
    return adapter.settings.chunks_in_flight + EXPRESS


def _people_a_second(adapter: Adapter) -> float:
    return adapter.settings.allowance / 60.0 * adapter.call_people
