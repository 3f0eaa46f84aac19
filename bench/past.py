"""A large past for a ledger: closed campaigns and requests of one person, in volumes, written by the server itself."""

from collections.abc import Sequence

from sqlalchemy import Engine, text

from ledger.delivery.vendors import Vendor
from ledger.filter_building import build_filters
from ledger.roles import keep_roles
from ledger.volumes import turn_over

VOLUME_DELIVERIES = 10_000_000
CAMPAIGNS, PEOPLE = 10, 200_000
"""People of a volume; with five vendors these are its ten million deliveries."""
LONE = 10_000
"""Requests of one person in each volume."""


def write_past(engine: Engine, vendors: Sequence[Vendor], deliveries: int, volumes: int | None = None) -> int:
    """Fill a migrated ledger with about so many settled deliveries; returns their number. New requests come after them.

    `volumes`: the number of volumes; unset: as many as they would have filled. One in a thousand was refused. Tables
    are filled first and indexed when they become volumes, which is several times as fast as filling volumes.
    """
    volumes = volumes or max(1, round(deliveries / VOLUME_DELIVERIES))
    large = deliveries // volumes >= VOLUME_DELIVERIES
    campaigns = CAMPAIGNS if large else 1
    people = PEOPLE if large else deliveries // len(vendors) // volumes
    values = {"campaigns": campaigns, "people": people, "lone": LONE, "vendors": [vendor.id for vendor in vendors]}
    for _ in range(volumes):
        with engine.begin() as connection:
            volume, first, past = connection.execute(_NEXT).one()
            connection.execute(text("SET LOCAL synchronous_commit = off; SET LOCAL maintenance_work_mem = '512MB'"))
            for parent in ("subjects", "sessions", "outcomes"):
                connection.execute(text(f"CREATE TABLE {parent}_{volume} (LIKE {parent} INCLUDING DEFAULTS)"))
            connection.execute(_REQUESTS, {**values, "first": first})
            connection.execute(_KEYS, {"first": first, "past": past})
            for statement in (_SUBJECTS, _OUTCOMES):
                connection.execute(text(statement.format(volume=volume)), {"first": first, "past": past})
            connection.execute(
                text("SELECT open_volume(CAST(:volume AS smallint), :first, :past)"),
                {
                    "volume": volume,
                    "first": first,
                    "past": past,
                },
            )
            connection.execute(_TALLIES, {"first": first, "past": past})
            for vendor in vendors:
                values_of_vendor = {"vendor_id": vendor.id, "size": vendor.chunk_people, "first": first, "past": past}
                connection.execute(_CHUNKS, values_of_vendor)
            connection.execute(text("SELECT setval('requests_id_seq', :past - 1)"), {"past": past})
    keep_roles(engine)  # these tables are ours, and the functions that follow are the owner's
    with engine.begin() as connection:
        turn_over(connection)
    build_filters(engine, ended_for_s=0)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE)"))
    return volumes * (campaigns * people + LONE) * len(vendors)


_NEXT = text("SELECT id + 1, past_request, past_request + (1::bigint << 32) FROM volumes ORDER BY id DESC LIMIT 1")
_REQUESTS = text("""
    INSERT INTO requests (id, public_id, kind, status, subjects, vendor_ids, options, received_at,
        effective_at, due_at, closed_at)
    OVERRIDING SYSTEM VALUE
    SELECT :first + n, gen_random_uuid(), (ARRAY['opt_in', 'opt_out', 'erasure'])[1 + n % 3]::kind, 'completed',
        CASE WHEN n < :campaigns THEN :people ELSE 1 END, CAST(:vendors AS smallint[]), '', at, at,
        at + interval '1 month', at + interval '1 hour'
    FROM generate_series(0, :campaigns + :lone - 1) AS n
    CROSS JOIN LATERAL (SELECT now() - interval '90 days' + n * interval '1 second') AS time (at)
""")
_KEYS = text(
    "INSERT INTO data_keys (request_id, wrapped) SELECT id, '' FROM requests WHERE id >= :first AND id < :past"
)
_SUBJECTS = """
    INSERT INTO subjects_{volume} (request_id, line, sealed, whole_print, user_print, email_print, phone_print)
    SELECT id, line, decode(repeat(said, 9), 'hex'), CAST(said AS uuid), CAST(md5('u' || said) AS uuid),
        CAST(md5('e' || said) AS uuid), CAST(md5('p' || said) AS uuid)
    FROM requests
    CROSS JOIN LATERAL generate_series(1, subjects) AS line
    CROSS JOIN LATERAL (SELECT md5(id || '-' || line)) AS person (said)
    WHERE id >= :first AND id < :past
    ORDER BY id
"""
_OUTCOMES = """
    INSERT INTO outcomes_{volume} (request_id, vendor_id, line, round, attempts, outcome, reason, settled_at)
    SELECT id, vendor_id, line, 1, 1, CASE WHEN line % 1000 = 7 THEN 'refused' ELSE 'accepted' END::outcome,
        CASE WHEN line % 1000 = 7 THEN 'rejected' END, closed_at
    FROM requests
    CROSS JOIN LATERAL unnest(vendor_ids) AS vendor_id
    CROSS JOIN LATERAL generate_series(1, subjects) AS line
    WHERE id >= :first AND id < :past
    ORDER BY id
"""
_TALLIES = text("""
    INSERT INTO tallies (request_id, vendor_id, outcome, deliveries)
    SELECT id, vendor_id, outcome, deliveries
    FROM requests
    CROSS JOIN LATERAL (SELECT (subjects + 993) / 1000) AS sevenths (refused)
    CROSS JOIN LATERAL unnest(vendor_ids) AS vendor_id
    CROSS JOIN LATERAL (VALUES ('accepted'::outcome, subjects - refused), ('refused', refused))
        AS counted (outcome, deliveries)
    WHERE id >= :first AND id < :past AND deliveries > 0
""")
_CHUNKS = text("""
    INSERT INTO chunks (request_id, vendor_id, first_line, last_line, state, starts)
    SELECT id, :vendor_id, line, LEAST(line + :size - 1, subjects), 'closed', 1
    FROM requests CROSS JOIN LATERAL generate_series(1, subjects, :size) AS line
    WHERE id >= :first AND id < :past
    ORDER BY id, line
""")
