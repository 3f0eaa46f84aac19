"""Whose wish counts: a wish is never newer than its receipt, vendors' own identifiers have fingerprints, and a
superseded delivery names its successor."""

from alembic import op

revision = "0014"
down_revision = "0013"

OPEN_VOLUME = """
    CREATE OR REPLACE FUNCTION open_volume(volume smallint, first_request bigint, past_request bigint) RETURNS void
    LANGUAGE plpgsql AS $$
    DECLARE
        parent text;
        child text;
    BEGIN
        INSERT INTO volumes (id, first_request, past_request) VALUES (volume, first_request, past_request);
        FOREACH parent IN ARRAY ARRAY['subjects', 'other_identifiers', 'sessions', 'outcomes', 'successions'] LOOP
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
            ELSIF parent IN ('subjects', 'outcomes') THEN
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
    UPDATE requests SET effective_at = received_at WHERE effective_at > received_at;

    -- A delivery that the vendor took stays a wish to compare with when its request is cancelled afterwards.
    DROP INDEX requests_by_effect;
    CREATE INDEX requests_by_effect ON requests (kind, effective_at)
        WHERE status IN ('completed', 'completed_with_exceptions', 'cancelled');

    -- Identifiers that are none of a person's user_id, e-mail and phone number: a vendor's own. Most people have none.
    CREATE TABLE other_identifiers (
        request_id bigint NOT NULL,
        line       integer NOT NULL,
        kind       text NOT NULL,
        print      uuid NOT NULL,
        PRIMARY KEY (request_id, line, kind, print)
    ) PARTITION BY RANGE (request_id);
    CREATE INDEX other_identifiers_by_print ON other_identifiers (print, request_id);

    -- Which delivery a superseded one gave way to.
    CREATE TABLE successions (
        request_id bigint NOT NULL,
        vendor_id  smallint NOT NULL,
        line       integer NOT NULL,
        round      smallint NOT NULL,
        by_request bigint NOT NULL,
        by_line    integer NOT NULL,
        PRIMARY KEY (request_id, vendor_id, line, round)
    ) PARTITION BY RANGE (request_id);
    CREATE INDEX successions_by_successor ON successions (by_request, vendor_id, by_line);

    DO $$
    DECLARE
        volume record;
        parent text;
        child text;
    BEGIN
        FOR volume IN SELECT id, first_request, past_request FROM volumes WHERE dropped_at IS NULL ORDER BY id LOOP
            FOREACH parent IN ARRAY ARRAY['other_identifiers', 'successions'] LOOP
                child := parent || '_' || volume.id;
                EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS)', child, parent);
                EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
                               parent, child, volume.first_request, volume.past_request);
            END LOOP;
        END LOOP;
    END $$;
    """)
    op.execute(OPEN_VOLUME)
