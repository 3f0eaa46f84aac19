"""What only the owner of the tables may do, as functions that check it themselves: volumes, and the order of the log.

Who may call them, and the roles, are the work of ledger/roles.py after every migration: the tables that later ones make
need rights too. See docs/decisions/0060-roles-in-postgresql.md.
"""

from alembic import op
from sqlalchemy import text

revision = "0039"
down_revision = "0036"

VOLUMES = """
    CREATE FUNCTION turn_over_volumes(most_bytes bigint, most_days double precision) RETURNS smallint
    LANGUAGE plpgsql SECURITY DEFINER AS $$
    DECLARE
        present record;
    BEGIN
        LOCK TABLE volumes IN SHARE ROW EXCLUSIVE MODE;
        PERFORM keep_volume_ahead();
        SELECT volumes.id, volumes.past_request,
            (SELECT sum(pg_total_relation_size(CAST(part || '_' || volumes.id AS regclass)))
             FROM unnest(volume_parts()) AS part) AS bytes,
            COALESCE((SELECT received_at FROM requests WHERE requests.id >= first_request ORDER BY requests.id LIMIT 1)
                < now() - most_days * interval '1 day', false) AS old
        INTO present
        FROM volumes, requests_id_seq WHERE last_value >= first_request AND last_value < past_request;
        IF present.bytes < most_bytes AND NOT present.old THEN
            RETURN NULL;
        END IF;
        -- The sequence jumps at once, even if this transaction fails. The volume that it jumps to exists already.
        PERFORM setval('requests_id_seq', present.past_request, false)
        FROM requests_id_seq WHERE last_value < present.past_request;
        PERFORM keep_volume_ahead();
        RETURN present.id + 1;
    END $$;

    -- The tables of a volume. `open_volume` names the same.
    CREATE FUNCTION volume_parts() RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
        SELECT ARRAY['subjects', 'other_identifiers', 'sessions', 'outcomes', 'successions']
    $$;

    -- An empty volume is always ready, for far more requests than it will hold.
    CREATE FUNCTION keep_volume_ahead() RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM open_volume(CAST(newest.id + 1 AS smallint), newest.past_request,
            newest.past_request + (CAST(1 AS bigint) << 32))
        FROM (SELECT id, first_request, past_request FROM volumes ORDER BY id DESC LIMIT 1) AS newest, requests_id_seq
        WHERE newest.first_request <= last_value;
        UPDATE volumes SET ended_at = now()
        WHERE ended_at IS NULL AND past_request <= (SELECT last_value FROM requests_id_seq);
    END $$;

    -- Who calls this may write `closed_at` too, but never `ended_at`: a volume stays for its retention at least.
    CREATE FUNCTION drop_volume(volume smallint, retention_days double precision) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER AS $$
    DECLARE
        expiring record;
        before timestamptz := now() - retention_days * interval '1 day';
    BEGIN
        SELECT * INTO expiring FROM volumes WHERE id = volume FOR UPDATE;
        IF expiring.dropped_at IS NOT NULL THEN
            RETURN;
        END IF;
        IF COALESCE(retention_days, 0) < 1 OR COALESCE(expiring.ended_at >= before, true) OR EXISTS (
            SELECT FROM requests WHERE requests.id >= expiring.first_request AND requests.id < expiring.past_request
                AND COALESCE(closed_at >= before, true))
        THEN
            RAISE EXCEPTION 'volume % is kept: its retention is not over', volume USING ERRCODE = 'restrict_violation';
        END IF;
        UPDATE volumes SET dropped_at = now() WHERE id = volume;
    END $$;

    -- Others wait behind us while we wait for who reads the table, so we wait briefly: the next call tries again.
    -- DETACH CONCURRENTLY would hold up nobody, but runs in no function.
    CREATE FUNCTION drop_volume_part(volume smallint, part text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET lock_timeout = '1s' AS $$
    DECLARE
        child text := part || '_' || volume;
        detaching boolean;
    BEGIN
        IF part <> ALL (volume_parts())
            OR NOT EXISTS (SELECT FROM volumes WHERE id = volume AND dropped_at IS NOT NULL)
        THEN
            RAISE EXCEPTION 'volume % is kept: it was not dropped', volume USING ERRCODE = 'restrict_violation';
        END IF;
        IF to_regclass(child) IS NULL THEN
            RETURN;
        END IF;
        SELECT inhdetachpending INTO detaching FROM pg_inherits WHERE inhrelid = to_regclass(child);
        IF FOUND THEN
            EXECUTE format('ALTER TABLE %I DETACH PARTITION %I %s', part, child,
                CASE WHEN detaching THEN 'FINALIZE' ELSE '' END);
        END IF;
        EXECUTE format('DROP TABLE %I', child);
    END $$;

    -- A trigger keeps those of a volume that was not dropped.
    CREATE FUNCTION drop_outcome_hashes(request_ids bigint[]) RETURNS void LANGUAGE sql SECURITY DEFINER AS $$
        DELETE FROM outcome_tiles USING outcome_trees
        WHERE tree_id = outcome_trees.id AND request_id = ANY (request_ids)
    $$;

    CREATE FUNCTION note_what_comes_late(volume smallint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        IF EXISTS (SELECT FROM volumes WHERE id = volume AND ended_at IS NOT NULL AND dropped_at IS NULL) THEN
            EXECUTE format('CREATE OR REPLACE TRIGGER late_prints AFTER INSERT OR UPDATE ON %I
                FOR EACH ROW EXECUTE FUNCTION note_late_prints(%s)', 'subjects_' || volume, volume);
        END IF;
    END $$;
"""

LOG = """
    CREATE FUNCTION take_log_head(waiting boolean) RETURNS TABLE (id uuid, origin text, size bigint)
    LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO log_head DEFAULT VALUES ON CONFLICT DO NOTHING;
        IF waiting THEN
            RETURN QUERY SELECT log_head.id, log_head.origin, log_head.size FROM log_head FOR UPDATE;
        ELSE
            RETURN QUERY SELECT log_head.id, log_head.origin, log_head.size FROM log_head FOR UPDATE SKIP LOCKED;
        END IF;
    END $$;

    -- What was logged becomes an entry, or stays: nothing is dropped, and nothing else becomes one. `entries` are what
    -- is hashed, in the canonical form that SQL cannot write; vendors' names stand in them instead of numbers.
    CREATE FUNCTION append_log(ids bigint[], entries bytea[]) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER AS $$
    DECLARE
        first bigint;
        appended bigint;
    BEGIN
        SELECT size INTO first FROM log_head FOR UPDATE;
        WITH taken AS (
            DELETE FROM log_pending WHERE id = ANY (ids) RETURNING *
        )
        INSERT INTO log_entries (index, type, request, row_id, entry)
        SELECT first + place - 1, type, request, row_id, given.entry
        FROM unnest(ids, entries) WITH ORDINALITY AS given (id, entry, place) JOIN taken USING (id)
        WHERE CAST(convert_from(given.entry, 'UTF8') AS jsonb) @> jsonb_strip_nulls(
            (CASE WHEN type = 'outcomes' THEN facts ELSE facts - 'vendor' - 'vendors' END)
            || jsonb_build_object('type', type, 'logged_at', log_utc(at), 'request', request, 'row', row_id));
        GET DIAGNOSTICS appended = ROW_COUNT;
        IF appended <> cardinality(ids) OR appended <> cardinality(entries) THEN
            RAISE EXCEPTION 'these entries are not what was logged' USING ERRCODE = 'restrict_violation';
        END IF;
        UPDATE log_head SET size = first + appended;
        RETURN first + appended;
    END $$;

    -- Of each day the last checkpoint stays.
    CREATE FUNCTION keep_checkpoint_at(at_size bigint, by_name text, note text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        IF NOT EXISTS (SELECT FROM log_head WHERE size = at_size) THEN
            RAISE EXCEPTION 'a checkpoint is of the whole log' USING ERRCODE = 'restrict_violation';
        END IF;
        UPDATE log_head SET origin = by_name WHERE origin IS NULL;
        INSERT INTO log_checkpoints (size, signed) VALUES (at_size, note) ON CONFLICT DO NOTHING;
        DELETE FROM log_checkpoints WHERE size < at_size AND at >= date_trunc('day', clock_timestamp());
    END $$;
"""
OF_THE_OWNER = (
    "turn_over_volumes(bigint, double precision)",
    "drop_volume(smallint, double precision)",
    "drop_volume_part(smallint, text)",
    "drop_outcome_hashes(bigint[])",
    "note_what_comes_late(smallint)",
    "take_log_head(boolean)",
    "append_log(bigint[], bytea[])",
    "keep_checkpoint_at(bigint, text, text)",
)


def upgrade() -> None:
    op.execute(VOLUMES)
    op.execute(LOG)
    # Nobody's temporary table takes the place of one of ours.
    schema = op.get_bind().execute(text("SELECT quote_ident(current_schema())")).scalar_one()
    for function in OF_THE_OWNER:
        op.execute(f"ALTER FUNCTION {function} SET search_path = {schema}, pg_temp")
