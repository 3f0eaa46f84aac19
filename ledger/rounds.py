"""New rounds of deliveries: what has ended is pending again, and chunks are opened to send it."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from ledger.data_keys import readable
from ledger.tallies import counting

LATEST = """
    NOT EXISTS (
        SELECT FROM outcomes AS later
        WHERE later.request_id = outcomes.request_id AND later.vendor_id = outcomes.vendor_id
            AND later.line = outcomes.line AND later.round > outcomes.round)
"""
"""A condition on `outcomes`: it is the delivery's latest."""
LATEST_OF_THESE = LATEST.replace(
    "WHERE later", "WHERE later.request_id = ANY(CAST(:request_ids AS bigint[])) AND later"
)
"""The same where `outcomes` are those of `request_ids`. This is repeated, because later rounds would be searched in
every volume otherwise."""
OF_THESE = "FROM outcomes WHERE request_id = ANY(CAST(:request_ids AS bigint[]))"
_OF_OUTCOMES = f"""
    {OF_THESE} AND vendor_id = :vendor_id AND line = ANY(CAST(:lines AS integer[]))
        AND CAST(outcome AS text) = ANY(CAST(:outcomes AS text[])) AND {LATEST_OF_THESE}
"""


def reopen_outcomes(
    connection: Connection, request_id: int, vendor_id: int, lines: Sequence[int], outcomes: Sequence[str]
) -> int:
    """Send these people's deliveries at one vendor again, where they ended as one of `outcomes`; returns how many. The
    caller holds the request's lock."""
    values = {
        "request_ids": [request_id],
        "vendor_id": vendor_id,
        "lines": list(lines),
        "outcomes": list(outcomes),
        "lifted": None,
    }
    return sum(one.deliveries for one in open_round(connection, _OF_OUTCOMES, values))


class Opened(NamedTuple):
    """A round of a request at a vendor, and the number of its deliveries."""

    request_id: int
    vendor_id: int
    round: int
    deliveries: int


def open_round(connection: Connection, which: str, values: dict[str, Any]) -> list[Opened]:
    """Send the outcomes that `which` selects again, with attempts counted anew. `which` begins with OF_THESE. `values`
    are its values, with `request_ids` and `lifted`: the reason to ask a person who has now said to go on."""
    opened = [Opened(*row) for row in connection.execute(_append_pending(which), values)]
    if opened:
        requests, vendors, rounds, _ = (list(column) for column in zip(*opened, strict=True))
        runs = [*zip(*_runs(requests), strict=True)]
        values = {"requests": requests, "vendors": vendors, "rounds": rounds, "firsts": runs[0], "lasts": runs[1]}
        connection.execute(_OPEN_CHUNKS, {name: list(value) for name, value in values.items()})
        connection.execute(_RUN_AGAIN, {"ids": sorted(set(requests))})
    return opened


def _runs(ascending: Iterable[int]) -> list[tuple[int, int]]:
    """The first and last of numbers that are close together. So few chunks are between them that reading these is
    cheaper than looking up each request's own, for which only a block-range index (BRIN) exists."""
    runs: list[tuple[int, int]] = []
    for number in ascending:
        if runs and number - runs[-1][1] <= CLOSE:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


CLOSE = 16


_READABLE = readable("outcomes", "subjects.request_id = ANY(CAST(:request_ids AS bigint[]))")


def _append_pending(which: str) -> Any:
    # A chunk still open from an earlier retry must not meet one of the same round: both would send to the same people.
    # So a new round is higher than any open one, and the rounds between are filled, because a delivery's rounds have no
    # gaps. `lifted` is stored with the round.
    return text(f"""
        WITH meant AS MATERIALIZED (
            SELECT request_id, vendor_id, line, round, outcome {which} AND {_READABLE}),
        open AS MATERIALIZED (
            SELECT request_id, vendor_id, max(round) AS round FROM chunks
            WHERE request_id = ANY(CAST(:request_ids AS bigint[])) AND purpose = 'deliver' AND state <> 'closed'
                AND round > 1
            GROUP BY request_id, vendor_id),
        placed AS MATERIALIZED (
            SELECT request_id, vendor_id, line, meant.round AS last, outcome,
                GREATEST(meant.round + 1, open.round) AS round
            FROM meant LEFT JOIN open USING (request_id, vendor_id)),
        fresh AS (
            INSERT INTO outcomes (request_id, vendor_id, line, round, attempts, outcome, reason)
            SELECT request_id, vendor_id, line, filled, 0, 'pending', CAST(:lifted AS text)
            FROM placed CROSS JOIN LATERAL generate_series(last + 1, placed.round) AS filled),
        tallied AS (
            {counting("SELECT request_id, vendor_id, outcome, -1 FROM placed")})
        SELECT request_id, vendor_id, round, count(*) FROM placed GROUP BY request_id, vendor_id, round ORDER BY 1, 2, 3
    """)


# LIMIT and max keep the planner from joining all lines with all lines: it looks up one span, and one line, at a time.
_OPEN_CHUNKS = text("""
    INSERT INTO chunks (request_id, vendor_id, first_line, last_line, round)
    SELECT opened.request_id, opened.vendor_id, first_line, last_line, opened.round + 1
    FROM unnest(CAST(:firsts AS bigint[]), CAST(:lasts AS bigint[])) AS run (first, last)
    CROSS JOIN LATERAL (
        SELECT request_id, vendor_id, first_line, last_line FROM chunks
        WHERE request_id BETWEEN run.first AND run.last AND round = 1 AND purpose = 'deliver'
        OFFSET 0) AS span
    JOIN unnest(CAST(:requests AS bigint[]), CAST(:vendors AS smallint[]), CAST(:rounds AS smallint[]))
        AS opened (request_id, vendor_id, round) USING (request_id, vendor_id)
    WHERE (
        SELECT true FROM outcomes
        WHERE outcomes.request_id = opened.request_id AND outcomes.vendor_id = opened.vendor_id
            AND outcomes.round = opened.round AND outcomes.line BETWEEN first_line AND last_line
            AND outcomes.outcome = 'pending' AND opened.round = (
                SELECT max(later.round) FROM outcomes AS later
                WHERE later.request_id = opened.request_id AND later.vendor_id = opened.vendor_id
                    AND later.line = outcomes.line)
        ORDER BY outcomes.line LIMIT 1)
    ORDER BY opened.request_id, opened.vendor_id, opened.round, first_line
""")
_RUN_AGAIN = text("""
    UPDATE requests SET status = 'running', closed_at = NULL WHERE id = ANY(CAST(:ids AS bigint[]))
""")
