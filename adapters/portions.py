"""How much of a vendor's work is handed out at once: a few seconds of its pace, so that holds, cancels and newcomers
count at once, whatever has been submitted before."""

from math import ceil

from adapters.contract import Adapter

CHUNK_S = 1.0
"""A chunk holds no more of the vendor's pace than this, and one full call at least."""
OUT_S = 3.0
"""Queued or under way is no more of it than this, and two chunks at least: while one ends, another one is sent."""
EXPRESS = 4
"""So many chunks may be out beyond that, of requests that are one chunk at this vendor and have none out."""


def chunk_people(adapter: Adapter) -> int:
    """How many people a chunk holds."""
    return max(adapter.call_people, min(adapter.chunk_people, int(_people_a_second(adapter) * CHUNK_S)))


def window(adapter: Adapter) -> int:
    """How many chunks may be out, over all workers."""
    fit = ceil(_people_a_second(adapter) * OUT_S / chunk_people(adapter))
    return min(max(2, fit), adapter.settings.chunks_in_flight)


def most_out(adapter: Adapter) -> int:
    """How many chunks are ever out: so many threads of a worker may one vendor take, and no more."""
    return adapter.settings.chunks_in_flight + EXPRESS


def _people_a_second(adapter: Adapter) -> float:
    return adapter.settings.allowance / 60.0 * adapter.call_people
