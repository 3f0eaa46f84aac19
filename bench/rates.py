"""From moments of completion to a rate."""

from collections.abc import Sequence
from itertools import accumulate

FROM_SHARE, TO_SHARE = 0.1, 0.9
"""Start and end of a run are not its steady state: the first tenth and the last are left out."""


def steady_rate(endings: Sequence[tuple[float, int]]) -> float:
    """Completions a second between the first tenth and the last; `endings` are (moment in s, how many ended then).

    Whatever ended at the opening moment is not counted, for it was begun earlier. With too few moments, the whole span.
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


def spread(values: Sequence[float]) -> float:
    """How far apart repeated measurements are: largest over smallest."""
    return max(values) / min(values)
