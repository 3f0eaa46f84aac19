"""When deliveries of a request ended, by vendor: from some of its people, so that a million cost no more than a few
hundred."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, text

SAMPLES = 200
"""People of each request that are looked at, evenly over its lines; all of them where it has fewer."""
BUCKETS = 60


class Bucket(NamedTuple):
    """How many deliveries to a vendor ended within a stretch of time, about."""

    vendor: str
    at: datetime
    """The end of the stretch."""
    ended: float


class Timeline(NamedTuple):
    """The stretches in which something ended, by vendor and time."""

    buckets: list[Bucket]
    step: int
    """Every so many-th person was looked at."""


def timeline_of(connection: Connection, request_id: int, subjects: int) -> Timeline:
    """Of one request, from its receipt to what ended last."""
    step = _step(subjects)
    values = {"ids": [request_id], "samples": SAMPLES, "buckets": BUCKETS}
    return Timeline([Bucket(*row) for row in connection.execute(_TIMELINE, values)], step)


def _step(subjects: int) -> int:
    return max(1, -(-subjects // SAMPLES))


class Minute(NamedTuple):
    """How many deliveries ended a minute, about, until a moment."""

    at: datetime
    per_minute: float


def rate_of(connection: Connection, request_ids: Sequence[int], *, minutes: int = 60, each: int = 2) -> list[Minute]:
    """Of these requests together, for the last `minutes` in stretches of `each`, oldest first, without holes."""
    if not request_ids:
        return []
    values = {"ids": list(request_ids), "samples": SAMPLES, "minutes": minutes, "each": each}
    return [Minute(*row) for row in connection.execute(_RATE, values)]


# A delivery has ended when its last round has; what was retried meanwhile had not. Each person stands for the many
# that were not looked at. Some index look-ups for each: (request, vendor, line, round) is the key of outcomes.
_ENDED = """
    ended AS MATERIALIZED (
        SELECT requests.id, vendor_id, sampled.of_each, latest.at
        FROM requests
        CROSS JOIN LATERAL (
            SELECT GREATEST(1, (subjects + :samples - 1) / :samples) AS step) AS steps
        CROSS JOIN LATERAL (
            SELECT line, CAST(subjects AS double precision) / ((subjects + step - 1) / step) AS of_each
            FROM generate_series(1, subjects, step) AS line) AS sampled
        CROSS JOIN unnest(vendor_ids) AS vendor_id
        CROSS JOIN LATERAL (
            SELECT min(settled_at) AS at FROM outcomes
            WHERE outcomes.request_id = requests.id AND outcomes.vendor_id = vendor_id.vendor_id
                AND outcomes.line = sampled.line AND outcome <> 'pending'
                AND NOT EXISTS (
                    SELECT FROM outcomes AS again
                    WHERE again.request_id = requests.id AND again.vendor_id = vendor_id.vendor_id
                        AND again.line = sampled.line AND again.round > outcomes.round AND again.outcome = 'pending')
            OFFSET 0) AS latest
        WHERE requests.id = ANY(CAST(:ids AS bigint[])) AND latest.at IS NOT NULL)
"""
_TIMELINE = text(f"""
    WITH {_ENDED},
    span AS (
        SELECT min(received_at) AS first, GREATEST(max(at), min(received_at) + interval '1 second') AS last
        FROM ended JOIN requests USING (id)),
    placed AS (
        SELECT vendor_id, of_each, first, last,
            LEAST(:buckets, width_bucket(EXTRACT(EPOCH FROM at), EXTRACT(EPOCH FROM first), EXTRACT(EPOCH FROM last),
                                         :buckets)) AS bucket
        FROM ended CROSS JOIN span)
    SELECT vendors.name, first + (last - first) * (CAST(bucket AS double precision) / :buckets), sum(of_each)
    FROM placed JOIN vendors ON vendors.id = vendor_id
    GROUP BY vendors.name, bucket, first, last
    ORDER BY vendors.name, bucket
""")
_RATE = text(f"""
    WITH {_ENDED},
    stretches AS (
        SELECT date_trunc('minute', now()) - make_interval(mins => n * :each) AS until
        FROM generate_series(0, :minutes / :each - 1) AS n)
    SELECT until, COALESCE(sum(of_each), 0) / :each
    FROM stretches LEFT JOIN ended ON at > until - make_interval(mins => :each) AND at <= until
    GROUP BY until ORDER BY until
""")
