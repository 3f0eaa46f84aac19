"""Other requests of the same people: whether a newer wish makes a delivery moot, or an earlier one must end first."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from ledger.chunks import Lease, Purpose


class Overlap(NamedTuple):
    """What other requests of a chunk's people at the same vendor mean for it, by line."""

    superseded: frozenset[int]  # a newer wish changes this one's meaning
    waiting: frozenset[int]  # another delivery of this person has to end first
    overtaken: frozenset[int] = frozenset()  # a newer wish of another kind: a read-back tells nothing of this one


def overlap(connection: Connection, lease: Lease, lines: Sequence[int]) -> Overlap:
    """Compare these lines of a leased chunk with the other requests of a person who shares an identifier.

    The newest wish wins, by `effective_at`; equal times are decided in favour of privacy. An opt-in after an erasure
    is a new relationship and goes out. Of two deliveries of one person to one vendor the one recorded first goes
    first, and none goes while the other is under way.
    """
    if not lines:
        return Overlap(frozenset(), frozenset())
    here = {
        "request_id": lease.request_id,
        "vendor_id": lease.vendor_id,
        "reads_back": lease.purpose is Purpose.VERIFY,
        "lines": list(lines),
    }
    # From the smaller side: a campaign beside requests of one person must not look up each of its own people, and one
    # person must not be held against each of ten thousand requests.
    near = connection.execute(_NEAR, {**here, "most": max(len(lines), _FEW)}).one()
    if near.many:
        same = connection.execute(_MINE_IN_ANY, here).all()
    elif near.ids is None:
        same = []
    else:
        statement = _THEIRS_IN_MINE if near.people <= len(lines) else _MINE_IN_THEIRS
        same = connection.execute(statement, {**here, "others": near.ids}).all()
    if not same:  # as nearly always
        return Overlap(frozenset(), frozenset())
    found = {
        "found": [row.line for row in same],
        "others": [row.other_id for row in same],
        "other_lines": [row.other_line for row in same],
    }
    told = connection.execute(_MEANING, {**here, **found}).all()
    superseded = frozenset(row.line for row in told if row.superseded)
    waiting = frozenset(row.line for row in told if row.waiting) - superseded
    return Overlap(superseded, waiting, frozenset(row.line for row in told if row.overtaken))


_FEW = 16
_MATTERS = """
    (:vendor_id = ANY(other.vendor_ids) AND other.not_before <= now() AND (
        other.status = 'running'
        OR (this.kind <> 'erasure' OR :reads_back) AND other.kind <> this.kind
            AND other.effective_at >= this.effective_at
            AND other.status IN ('completed', 'completed_with_exceptions'))
    OR EXISTS (
        SELECT FROM chunks
        WHERE chunks.request_id = other.id AND chunks.vendor_id = :vendor_id AND chunks.state = 'leased'
            AND chunks.purpose = 'verify'))
"""
"""Whether another request can matter to this one: one still running, one with a newer wish of another kind, or one that
is being read back at this moment, for a read-back may deliver again."""
# The limits bound what is read, however many requests there are; where one is reached, the list is not complete. In the
# order of an index, for a planner that expects many would rather read the table until it has enough.
_NEAR = text(f"""
    WITH near AS MATERIALIZED (
        (SELECT 1 AS why, id FROM requests WHERE status = 'running' AND not_before <= now() AND id <> :request_id
         ORDER BY not_before LIMIT :most)
        UNION ALL
        (SELECT 2, newer.id
         FROM requests AS this
         CROSS JOIN unnest(enum_range(CAST(NULL AS kind))) AS another (kind)
         CROSS JOIN LATERAL (
            SELECT id FROM requests
            WHERE status IN ('completed', 'completed_with_exceptions') AND kind = another.kind
                AND effective_at >= this.effective_at
            ORDER BY effective_at LIMIT :most) AS newer
         WHERE this.id = :request_id AND (:reads_back OR this.kind <> 'erasure') AND another.kind <> this.kind)
        UNION ALL
        (SELECT 3, request_id FROM chunks
         WHERE state = 'leased' AND purpose = 'verify' AND vendor_id = :vendor_id AND request_id <> :request_id
         LIMIT :most))
    SELECT EXISTS (SELECT FROM near GROUP BY why HAVING count(*) >= :most) AS many, array_agg(id) AS ids,
        sum(subjects) AS people
    FROM (
        SELECT DISTINCT other.id, other.subjects
        FROM requests AS this
        CROSS JOIN near
        CROSS JOIN LATERAL (SELECT * FROM requests WHERE requests.id = near.id OFFSET 0) AS other
        WHERE this.id = :request_id AND {_MATTERS}) AS mattering
""")
_PRINTS = ("user_print", "email_print", "phone_print")


# OFFSET 0 keeps the look-ups by index, one for each person of the smaller side, whatever the planner believes.
def _mine_in(others: str) -> Any:
    same = " UNION ".join(
        f"""
        SELECT mine.line, also.request_id AS other_id, also.line AS other_line
        FROM mine CROSS JOIN LATERAL (
            SELECT request_id, line FROM subjects WHERE {name} = mine.{name} AND {others} OFFSET 0) AS also
        """
        for name in _PRINTS
    )
    return text(f"""
    WITH mine AS MATERIALIZED (
        SELECT line, {", ".join(_PRINTS)} FROM subjects
        WHERE request_id = :request_id AND line = ANY(CAST(:lines AS integer[])))
    {same}
    """)


_MINE_IN_THEIRS = _mine_in("request_id = ANY(CAST(:others AS bigint[]))")
_MINE_IN_ANY = _mine_in("request_id <> :request_id")
_THEIRS_IN_MINE = text(
    f"""
    WITH theirs AS MATERIALIZED (
        SELECT request_id, line, {", ".join(_PRINTS)} FROM subjects
        WHERE request_id = ANY(CAST(:others AS bigint[])))
    """
    + " UNION ".join(
        f"""
        SELECT also.line, theirs.request_id AS other_id, theirs.line AS other_line
        FROM theirs CROSS JOIN LATERAL (
            SELECT line FROM subjects
            WHERE {name} = theirs.{name} AND request_id = :request_id AND line = ANY(CAST(:lines AS integer[]))
            OFFSET 0) AS also
        """
        for name in _PRINTS
    )
)
# A statement of its own: it concerns outcomes of any request, so planning it looks at every volume.
_MEANING = text(f"""
    SELECT same.line,
        bool_or(CASE this.kind
            WHEN 'opt_in' THEN other.kind <> 'opt_in' AND other.effective_at >= this.effective_at
            WHEN 'opt_out' THEN other.kind = 'erasure' AND other.effective_at >= this.effective_at
                OR other.kind = 'opt_in' AND other.effective_at > this.effective_at
            ELSE false END) AS superseded,
        bool_or(other.kind <> this.kind AND other.effective_at >= this.effective_at
            AND other.status IN ('running', 'completed', 'completed_with_exceptions')) AS overtaken,
        bool_or(EXISTS (
            SELECT FROM chunks
            WHERE chunks.request_id = other.id AND chunks.vendor_id = :vendor_id AND chunks.state <> 'closed'
                AND same.other_line BETWEEN chunks.first_line AND chunks.last_line
                AND (chunks.state = 'leased'
                    OR chunks.purpose = 'deliver' AND other.id < this.id AND other.status = 'running')
                AND (chunks.round = 1 OR EXISTS ( -- a later round is about those whose last outcome it awaits
                    SELECT FROM outcomes
                    WHERE outcomes.request_id = other.id AND outcomes.vendor_id = :vendor_id
                        AND outcomes.line = same.other_line AND outcomes.round = chunks.round - 1
                        AND outcomes.outcome IN ('pending', 'accepted')))
                AND NOT EXISTS (
                    SELECT FROM outcomes
                    WHERE outcomes.request_id = other.id AND outcomes.vendor_id = :vendor_id
                        AND outcomes.line = same.other_line AND outcomes.round >= chunks.round))) AS waiting
    FROM unnest(CAST(:found AS integer[]), CAST(:others AS bigint[]), CAST(:other_lines AS integer[]))
        AS same (line, other_id, other_line)
    JOIN requests AS this ON this.id = :request_id
    CROSS JOIN LATERAL (SELECT * FROM requests WHERE requests.id = same.other_id OFFSET 0) AS other
    WHERE {_MATTERS}
    GROUP BY same.line
""")
