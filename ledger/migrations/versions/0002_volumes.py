"""Volumes: people, sessions and outcomes lie in one table for each range of requests, so that old ones can be dropped.

What is there already becomes the first volume, in place. See docs/decisions/0009-the-record-at-scale.md.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

# Parents cannot have storage parameters, so each volume gets them as it is opened.
OPEN_VOLUME = """
    CREATE FUNCTION open_volume(volume smallint, first_request bigint, past_request bigint) RETURNS void
    LANGUAGE plpgsql AS $$
    DECLARE
        parent text;
        child text;
    BEGIN
        INSERT INTO volumes (id, first_request, past_request) VALUES (volume, first_request, past_request);
        FOREACH parent IN ARRAY ARRAY['subjects', 'sessions', 'outcomes'] LOOP
            child := parent || '_' || volume;
            IF to_regclass(child) IS NULL THEN
                EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS)', child, parent);
            END IF;
            -- Attached rather than created as a partition: that locks out nobody who reads or writes the others.
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
                           parent, child, first_request, past_request);
            IF parent = 'sessions' THEN
                -- Comes and goes with the deliveries.
                EXECUTE format('ALTER TABLE %I SET (autovacuum_vacuum_scale_factor = 0.05)', child);
            ELSE
                -- Rows come and never change. A vacuum that follows them closely, a little each time, lets
                -- look-ups by index leave the table alone; freezing what it reads anyway spares a second pass
                -- before the transaction ids run out; and the planner hears of a large request soon.
                EXECUTE format('ALTER TABLE %I SET (
                    autovacuum_vacuum_insert_threshold = 100000, autovacuum_vacuum_insert_scale_factor = 0.02,
                    autovacuum_freeze_min_age = 0, autovacuum_analyze_threshold = 10000,
                    autovacuum_analyze_scale_factor = 0.02)', child);
            END IF;
        END LOOP;
        -- Triggers for each row come with the parent's; those for a statement do not.
        EXECUTE format('CREATE TRIGGER outcomes_not_truncated BEFORE TRUNCATE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', 'outcomes_' || volume);
    END $$;
"""


def upgrade() -> None:
    op.execute("""
    CREATE TABLE volumes (
        id            smallint PRIMARY KEY,
        first_request bigint NOT NULL,
        past_request  bigint NOT NULL CHECK (past_request > first_request), -- the first one that is not in it
        ended_at      timestamptz, -- new requests go to a later one
        dropped_at    timestamptz
    );

    DROP TRIGGER outcomes_append_only ON outcomes;
    DROP TRIGGER outcomes_not_truncated ON outcomes;
    ALTER TABLE outcomes RENAME TO outcomes_1;
    ALTER INDEX outcomes_pkey RENAME TO outcomes_1_pkey;
    ALTER INDEX outcomes_attention RENAME TO outcomes_1_attention;
    CREATE TABLE outcomes (LIKE outcomes_1 INCLUDING DEFAULTS) PARTITION BY RANGE (request_id);
    ALTER TABLE outcomes ADD PRIMARY KEY (request_id, vendor_id, line, round);
    CREATE INDEX outcomes_attention ON outcomes (request_id, vendor_id, reason)
        WHERE outcome IN ('refused', 'needs_action', 'exhausted');
    CREATE TRIGGER outcomes_append_only BEFORE UPDATE OR DELETE ON outcomes
        FOR EACH ROW EXECUTE FUNCTION refuse_change();
    CREATE TRIGGER outcomes_not_truncated BEFORE TRUNCATE ON outcomes
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

    ALTER TABLE subjects RENAME TO subjects_1;
    ALTER INDEX subjects_pkey RENAME TO subjects_1_pkey;
    ALTER INDEX subjects_by_user RENAME TO subjects_1_by_user;
    ALTER INDEX subjects_by_email RENAME TO subjects_1_by_email;
    ALTER INDEX subjects_by_phone RENAME TO subjects_1_by_phone;
    CREATE TABLE subjects (LIKE subjects_1 INCLUDING DEFAULTS) PARTITION BY RANGE (request_id);
    ALTER TABLE subjects ADD PRIMARY KEY (request_id, line);
    CREATE INDEX subjects_by_user ON subjects (user_print, request_id) WHERE user_print IS NOT NULL;
    CREATE INDEX subjects_by_email ON subjects (email_print, request_id) WHERE email_print IS NOT NULL;
    CREATE INDEX subjects_by_phone ON subjects (phone_print, request_id) WHERE phone_print IS NOT NULL;

    ALTER TABLE sessions RENAME TO sessions_1;
    ALTER INDEX sessions_pkey RENAME TO sessions_1_pkey;
    CREATE TABLE sessions (LIKE sessions_1 INCLUDING DEFAULTS) PARTITION BY RANGE (request_id);
    ALTER TABLE sessions ADD PRIMARY KEY (request_id, vendor_id, line);
    """)
    op.execute(OPEN_VOLUME)
    op.execute("""
    -- Requests number their volumes: the next volume begins where the numbers jump to.
    DO $$
    DECLARE
        past bigint := (SELECT COALESCE(max(id), 0) FROM requests) + (1::bigint << 32);
    BEGIN
        PERFORM open_volume(1::smallint, 1, past);
        PERFORM open_volume(2::smallint, past, past + (1::bigint << 32));
    END $$;

    -- A chunk is looked up by its request also when it is closed (a retry, a volume that is dropped). Chunks are
    -- written in the order of requests, so a hundredth of a b-tree's size finds them. A retry writes some out of order:
    -- "multi" keeps a page of those from standing for all requests between.
    CREATE INDEX chunks_by_request ON chunks USING brin (request_id int8_minmax_multi_ops)
        WITH (pages_per_range = 16, autosummarize = on);

    -- Which chunk another request's person is in is told from the index alone.
    DROP INDEX chunks_open_of_request;
    CREATE INDEX chunks_open_of_request ON chunks (request_id, vendor_id, first_line, last_line)
        WHERE state <> 'closed';

    -- What is under way at a vendor, for its window and for whoever delivers to the same person: a few hundred among
    -- all that is open.
    CREATE INDEX chunks_out ON chunks (vendor_id, request_id) WHERE state IN ('queued', 'leased');

    -- What is to be read back, which waits a minute beside all else that is open.
    CREATE INDEX chunks_to_verify ON chunks (vendor_id, due_at, id) WHERE purpose = 'verify' AND state <> 'closed';

    -- A chunk is updated about five times in its life. By default a fifth of the table would be dead before a vacuum.
    -- How many are open changes within minutes, and with it which index is worth reading: analyzed by number, not by
    -- share of a table in which nearly all are closed.
    ALTER TABLE chunks SET (autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_scale_factor = 0.01,
        autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_threshold = 2000,
        autovacuum_analyze_scale_factor = 0);
    -- Which request's turn it is at a vendor where very many are open.
    ALTER TABLE vendors ADD COLUMN turn bigint NOT NULL DEFAULT 0;

    -- A few rows that every recording updates, and a request three times.
    ALTER TABLE tallies SET (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0.01);
    ALTER TABLE requests SET (fillfactor = 70, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_scale_factor = 0.02);
    ALTER TABLE vendors SET (fillfactor = 20, autovacuum_vacuum_threshold = 100, autovacuum_vacuum_scale_factor = 0);
    """)
