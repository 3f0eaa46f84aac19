"""Rates from times of completion."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from math import ceil

FROM_SHARE, TO_SHARE = 0.1, 0.9
"""Start and end of a run are not its steady state: the first and the last tenth are left out."""


def steady_rate(endings: Sequence[tuple[float, int]]) -> float:
    """Completions a second between the first tenth and the last; `endings` are (time in s, how many ended then).

    What ended at the opening time is not counted, because it began earlier. With too few times, the whole span.
    """
    ordered = sorted(endings)
    total = sum(count for _, count in ordered)
    reached = list(accumulate(count for _, count in ordered))
    opening = next(place for place, done in enumerate(reached) if done >= FROM_SHARE * total)
    closing = next(place for place, done in enumerate(reached) if done >= TO_SHARE * total)
    if closing == opening:
        opening, closing = 0, len(ordered) - 1
    span_s = ordered[closing][0] - ordered[opening][0]
    return (reached[closing] - reached[opening]) / span_s if span_s > 0 else float("nan")


def windows(moments: Sequence[float], window_s: float, *, every_s: float = 1.0) -> dict[str, list[float]]:
    """How many of `moments` (in order) fall into the window that ends at each `every_s` from the first one on: columns
    `second` (the window's end) and `in_window`. Half-open, as the vendor counts."""
    first, last = moments[0], moments[-1]
    ends = [first + step * every_s for step in range(1, int((last - first) / every_s) + 1)]
    counts = [bisect_left(moments, end) - bisect_left(moments, end - window_s) for end in ends]
    return {"second": [end - first for end in ends], "in_window": [float(count) for count in counts]}


def nearest_rank(values: Sequence[float], share: float) -> float:
    """The value that `share` of all values do not exceed: a measured one, never interpolated."""
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]


def spread(values: Sequence[float]) -> float:
    """How far apart repeated measurements are: largest over smallest."""
    return max(values) / min(values)
