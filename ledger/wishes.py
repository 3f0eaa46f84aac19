"""Other requests of the same people: whether a newer wish makes a delivery moot, or an earlier one must end first."""

from collections.abc import Sequence
from typing import NamedTuple

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
    here = {"request_id": lease.request_id, "vendor_id": lease.vendor_id}
    reads_back = lease.purpose is Purpose.VERIFY
    others = connection.execute(_OTHERS, {**here, "reads_back": reads_back}).all()
    if not others or not lines:
        return Overlap(frozenset(), frozenset())
    # From the smaller side: a campaign beside requests of one person must not look up each of its own people.
    statement = _FROM_THEIRS if sum(other.subjects for other in others) <= len(lines) else _FROM_MINE
    told = connection.execute(statement, {**here, "lines": list(lines), "others": [other.id for other in others]}).all()
    superseded = frozenset(row.line for row in told if row.superseded)
    waiting = frozenset(row.line for row in told if row.waiting) - superseded
    return Overlap(superseded, waiting, frozenset(row.line for row in told if row.overtaken))


_OTHERS = text("""
    SELECT other.id, other.subjects
    FROM requests AS this
    JOIN requests AS other ON other.id <> this.id AND other.status = 'running'
    WHERE this.id = :request_id AND :vendor_id = ANY(other.vendor_ids) AND other.not_before <= now()
    UNION
    SELECT other.id, other.subjects
    FROM requests AS this
    JOIN requests AS other ON other.id <> this.id AND other.kind <> this.kind
        AND other.effective_at >= this.effective_at
    WHERE this.id = :request_id AND (this.kind <> 'erasure' OR :reads_back) AND :vendor_id = ANY(other.vendor_ids)
        AND other.status IN ('running', 'completed', 'completed_with_exceptions') AND other.not_before <= now()
    UNION
    SELECT other.id, other.subjects
    FROM chunks JOIN requests AS other ON other.id = chunks.request_id
    WHERE chunks.state = 'leased' AND chunks.purpose = 'verify' AND chunks.vendor_id = :vendor_id
        AND other.id <> :request_id
""")
"""Requests that could matter: those still running, those with a newer wish of another kind, and those that are being
read back at this moment, for a read-back may deliver again."""
_PRINTS = ("user_print", "email_print", "phone_print")
# OFFSET 0 keeps the look-ups by index, one for each person of the smaller side, whatever the planner believes.
_MINE_IN_THEIRS = " UNION ALL ".join(
    f"""
        SELECT mine.line, also.request_id AS other_id, also.line AS other_line
        FROM mine CROSS JOIN LATERAL (
            SELECT request_id, line FROM subjects
            WHERE {name} = mine.{name} AND request_id = ANY(CAST(:others AS bigint[])) OFFSET 0) AS also
    """
    for name in _PRINTS
)
_THEIRS_IN_MINE = " UNION ALL ".join(
    f"""
        SELECT also.line, theirs.request_id AS other_id, theirs.line AS other_line
        FROM theirs CROSS JOIN LATERAL (
            SELECT line FROM subjects
            WHERE {name} = theirs.{name} AND request_id = :request_id AND line = ANY(CAST(:lines AS integer[]))
            OFFSET 0) AS also
    """
    for name in _PRINTS
)
_MEANING = """
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
    FROM same
    JOIN requests AS this ON this.id = :request_id
    JOIN requests AS other ON other.id = same.other_id
    GROUP BY same.line
"""
_FROM_MINE = text(
    f"""
    WITH mine AS MATERIALIZED (
        SELECT line, {", ".join(_PRINTS)} FROM subjects
        WHERE request_id = :request_id AND line = ANY(CAST(:lines AS integer[]))),
    same AS MATERIALIZED ({_MINE_IN_THEIRS})
    {_MEANING}
"""
)
_FROM_THEIRS = text(
    f"""
    WITH theirs AS MATERIALIZED (
        SELECT request_id, line, {", ".join(_PRINTS)} FROM subjects
        WHERE request_id = ANY(CAST(:others AS bigint[]))),
    same AS MATERIALIZED ({_THEIRS_IN_MINE})
    {_MEANING}
"""
)
