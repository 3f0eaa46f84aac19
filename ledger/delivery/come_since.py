"""Which requests run beside a large one, and which have come to run since a snapshot: by the transaction that made each
run or changed what is given of its people."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, TextClause, text

from ledger.delivery.near_requests import array_of, done_and_newer, leased_though_ended, listed_at_most, mattering
from ledger.kept_plans import unseen

CROWD = 20_000
"""Beside more running requests than this, each chunk is compared by itself. To look up so many takes about 0.2 s."""


def running_beside(connection: Connection, here: Mapping[str, Any], *, small: int) -> Row[Any]:
    """Whether `request_id` is `large`, with more people than `small`: then, of all other requests that run, the `small`
    and those that are to be compared `apart`, which are larger or have identifiers of vendors' own; how many `requests`
    and `people` these are, CROWD + 1 at most; and `snapshot`, `own` and `of` for `come_since`."""
    return connection.execute(_RUNNING, {**here, "small": small}).one()


def come_since(
    connection: Connection, kinds: Sequence[str], here: Mapping[str, Any], known: Mapping[str, Any], *, small: int
) -> Row[Any]:
    """The same of what has come to run since a comparison, `known` by its `of`, `seen`, `own` and `apart`; and what can
    matter of those that are compared with each chunk, `ids` and `people` (`theirs_other`: one has identifiers of
    vendors' own). `usable`: the comparison still tells of its people as they are; `many`: more has come than can be
    listed."""
    return connection.execute(_since(tuple(kinds), listed_at_most(here)), {**here, **known, "small": small}).one()


def still_matter(
    connection: Connection, kinds: Sequence[str], here: Mapping[str, Any], others: Sequence[int]
) -> set[int]:
    """Which of these requests can matter now."""
    return set(connection.execute(_still(tuple(kinds)), {**here, "others": others}).scalars())


# Statistics are reset when PostgreSQL recovers from a crash. It may then give numbers of transactions again of which
# nothing was left.
_OF = """
    concat_ws(' ', extract(epoch FROM pg_postmaster_start_time()),
        extract(epoch FROM pg_stat_get_bgwriter_stat_reset_time()),
        (SELECT oid FROM pg_database WHERE datname = current_database()), this.public_id)
"""
_LEFT_OUT = """
    requests.subjects > :small
        OR EXISTS (SELECT FROM other_identifiers WHERE other_identifiers.request_id = requests.id) AS left_out
"""
_NOW = """
    CAST(pg_current_snapshot() AS text) AS snapshot, CAST(pg_current_xact_id_if_assigned() AS text) AS own
"""
_SPLIT = """
    COALESCE((SELECT array_agg(id) FROM running WHERE NOT left_out), CAST(ARRAY[] AS bigint[])) AS small,
    COALESCE((SELECT array_agg(id) FROM running WHERE left_out), CAST(ARRAY[] AS bigint[])) AS apart
"""


def _usable(seen: str) -> str:
    """Whether a comparison of `this` request in a snapshot tells of its people as they are now. While fingerprints are
    replaced, two people may share one by either key."""
    return f"""
    this.status = 'running' AND (this.changed IS NULL OR pg_visible_in_snapshot(this.changed, {seen}))
        AND NOT EXISTS (SELECT FROM other_identifiers WHERE request_id = :request_id)
        AND NOT EXISTS (SELECT FROM keys WHERE state = 'reprinting')
    """


_RUNNING = text(f"""
    WITH running AS MATERIALIZED (
        SELECT requests.id, requests.subjects, {_LEFT_OUT}
        FROM requests AS this JOIN requests ON requests.id <> this.id
        WHERE this.id = :request_id AND this.subjects > :small AND requests.status = 'running'
        LIMIT {CROWD + 1:d})
    SELECT this.subjects > :small AS large, this.subjects AS mine, {_usable("pg_current_snapshot()")} AS usable,
        (SELECT count(*) FROM running) AS requests,
        (SELECT COALESCE(sum(subjects), 0) FROM running WHERE NOT left_out) AS people,
        {_SPLIT}, {_OF} AS of, {_NOW}
    FROM requests AS this WHERE this.id = :request_id
""")
_SEEN, _OWN = "CAST(:seen AS pg_snapshot)", "CAST(:own AS xid8)"
_BEGUN_SINCE = f"changed >= pg_snapshot_xmax({_SEEN}) AND changed < pg_snapshot_xmax(pg_current_snapshot())"


def _changed(when: str) -> str:
    """In the order of its index, and never by reading all that run."""
    return f"SELECT id, subjects FROM requests WHERE status = 'running' AND {when} ORDER BY changed LIMIT {CROWD:d}"


@cache
def _since(kinds: tuple[str, ...], most: int) -> TextClause:
    """What has come to run since; and of what is compared with each chunk, what can matter.

    Transactions that are yet to come are those of another server, from which the ledger was restored. Their requests
    were there before."""
    listed = array_of(kinds)
    return text(f"""
        WITH running AS MATERIALIZED (
            SELECT requests.id, {_LEFT_OUT}
            FROM (
                SELECT its.*
                FROM (SELECT pg_snapshot_xip({_SEEN}) UNION SELECT {_OWN}) AS writing (xid)
                CROSS JOIN LATERAL ({_changed("changed >= xid AND changed <= xid")}) AS its
                UNION ALL
                ({_changed(_BEGUN_SINCE)})) AS requests
            WHERE id <> :request_id),
        near AS MATERIALIZED (
            ({done_and_newer(listed, most)})
            UNION ALL
            ({leased_though_ended(most)})
            UNION ALL
            SELECT 1, id FROM unnest({unseen("apart", "bigint")}) AS apart (id)
            UNION ALL
            SELECT 1, id FROM running WHERE left_out),
        mattering AS MATERIALIZED ({mattering(listed)})
        SELECT {_usable(_SEEN)} AND this.changed IS DISTINCT FROM {_OWN} AND {_OF} = :of AS usable,
            (SELECT count(*) FROM running) >= {CROWD:d} OR EXISTS (
                SELECT FROM near GROUP BY why HAVING count(*) >= {most:d}) AS many,
            {_SPLIT},
            COALESCE((SELECT array_agg(id) FROM mattering), CAST(ARRAY[] AS bigint[])) AS ids,
            COALESCE((SELECT sum(subjects) FROM mattering), 0) AS people,
            EXISTS (
                SELECT FROM mattering CROSS JOIN LATERAL (
                    SELECT FROM other_identifiers WHERE request_id = mattering.id OFFSET 0) AS also) AS theirs_other,
            :of AS of, {_NOW}
        FROM requests AS this WHERE this.id = :request_id
    """)


@cache
def _still(kinds: tuple[str, ...]) -> TextClause:
    """Which of the `others` can matter still."""
    return text(f"""
        WITH near AS MATERIALIZED (SELECT id FROM unnest({unseen("others", "bigint")}) AS one (id))
        SELECT id FROM ({mattering(array_of(kinds))}) AS mattering
    """)
