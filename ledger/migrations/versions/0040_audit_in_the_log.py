"""The audit log stands in the evidence log, by the roots over its entries; and more of a request is logged.

An audit entry may name people of ours, and goes one day, so the log has no audit entry itself: a trigger notes its
number, and the sequencer hashes what was noted, under a salt that goes with the entries, and logs one root over it.
"""

from alembic import op
from sqlalchemy import text

revision = "0040"
down_revision = "0037"

TABLES = """
    -- Numbers of audit entries that no batch has yet. Without a key, as `settling`.
    CREATE TABLE audit_due (
        ids bigint[] NOT NULL
    ) WITH (autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_scale_factor = 0,
            autovacuum_vacuum_insert_threshold = -1);
    CREATE TABLE audit_batches (
        id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        ids    bigint[] NOT NULL CHECK (cardinality(ids) > 0), -- of audit_entries
        newest bigint NOT NULL, -- of these
        salt   bytea NOT NULL CHECK (length(salt) = 16),
        hashes bytea NOT NULL CHECK (length(hashes) = 32 * cardinality(ids)), -- of the entries, in the order of ids
        root   bytea NOT NULL CHECK (length(root) = 32)
    );
    CREATE INDEX audit_batches_by_newest ON audit_batches (newest);
"""

FUNCTIONS = """
    -- Everything that an audit entry says. A column that is added later changes no earlier entry: it is null there.
    CREATE FUNCTION log_audit_entry(entry audit_entries) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT CAST(jsonb_strip_nulls(to_jsonb(entry) || jsonb_build_object('at', log_utc(entry.at))) AS text)
    $$;

    CREATE OR REPLACE FUNCTION log_received(request requests) RETURNS jsonb LANGUAGE sql STABLE AS $$
        SELECT jsonb_build_object('kind', request.kind, 'people', request.subjects, 'repeats', request.duplicates,
            'vendors', to_jsonb(request.vendor_ids), 'regulation', request.regulation, 'by', request.submitted_by,
            'received_at', log_utc(request.received_at), 'due_at', log_utc(request.due_at),
            'asked_at', log_utc(request.asked_at), 'effective_at', log_utc(request.effective_at),
            'confirmed_by', request.confirmed_by, 'status', request.status)
    $$;

    -- Also a key that nothing needs any more, and that is deleted.
    CREATE OR REPLACE FUNCTION log_wrapped_key() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN
            INSERT INTO log_pending (type, facts)
            VALUES ('key', jsonb_build_object('purpose', OLD.purpose, 'deleted', true));
        ELSE
            INSERT INTO log_pending (type, facts) VALUES ('key', jsonb_build_object('purpose', NEW.purpose,
                'wrapped', encode(sha256(NEW.wrapped), 'hex')));
        END IF;
        RETURN NULL;
    END $$;

    CREATE FUNCTION note_audit_entries() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO audit_due (ids) SELECT array_agg(id) FROM fresh HAVING count(*) > 0;
        RETURN NULL;
    END $$;

    CREATE FUNCTION log_audit_batch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO log_pending (type, row_id, facts) VALUES ('audit', NEW.id, jsonb_build_object(
            'entries', cardinality(NEW.ids), 'newest', NEW.newest,
            'root', translate(encode(NEW.root, 'base64'), E'\\n', '')));
        RETURN NULL;
    END $$;

    -- Past their retention. What is left of a batch afterwards proves nothing, and must not help to guess.
    CREATE FUNCTION log_dropped_audit_entries() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    DECLARE up_to bigint := (SELECT max(id) FROM gone);
    BEGIN
        IF up_to IS NOT NULL THEN
            INSERT INTO log_pending (type, facts) SELECT 'audit.dropped',
                jsonb_build_object('entries', count(*), 'up_to', up_to, 'until', log_utc(max(at))) FROM gone;
            DELETE FROM audit_batches WHERE newest <= up_to
                AND NOT EXISTS (SELECT FROM audit_entries WHERE audit_entries.id = ANY(ids));
        END IF;
        RETURN NULL;
    END $$;
    CREATE FUNCTION keep_audit_batch() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM audit_entries WHERE id = ANY(OLD.ids)) THEN
            RAISE EXCEPTION 'audit_batches are append-only' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN OLD;
    END $$;
"""

TRIGGERS = """
    -- Also where a person takes over what is held already.
    DROP TRIGGER vendors_log ON vendors;
    CREATE TRIGGER vendors_log AFTER UPDATE ON vendors FOR EACH ROW
        WHEN ((NEW.enabled, NEW.held_at, NEW.held_by, NEW.off_by, NEW.retired_at)
            IS DISTINCT FROM (OLD.enabled, OLD.held_at, OLD.held_by, OLD.off_by, OLD.retired_at))
        EXECUTE FUNCTION log_vendor();
    DROP TRIGGER keys_log ON keys;
    CREATE TRIGGER keys_log AFTER INSERT OR DELETE OR UPDATE OF wrapped ON keys
        FOR EACH ROW EXECUTE FUNCTION log_wrapped_key();

    CREATE TRIGGER audit_entries_due AFTER INSERT ON audit_entries REFERENCING NEW TABLE AS fresh
        FOR EACH STATEMENT EXECUTE FUNCTION note_audit_entries();
    CREATE TRIGGER audit_entries_dropped AFTER DELETE ON audit_entries REFERENCING OLD TABLE AS gone
        FOR EACH STATEMENT EXECUTE FUNCTION log_dropped_audit_entries();
    CREATE TRIGGER audit_batches_log AFTER INSERT ON audit_batches FOR EACH ROW EXECUTE FUNCTION log_audit_batch();
    CREATE TRIGGER audit_batches_kept BEFORE DELETE ON audit_batches
        FOR EACH ROW EXECUTE FUNCTION keep_audit_batch();
    CREATE TRIGGER audit_batches_append_only BEFORE UPDATE ON audit_batches
        FOR EACH ROW EXECUTE FUNCTION refuse_change();
    CREATE TRIGGER audit_batches_not_truncated BEFORE TRUNCATE ON audit_batches
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
    CREATE TRIGGER audit_due_not_changed BEFORE UPDATE ON audit_due
        FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""
OF_THE_OWNER = ("note_audit_entries", "log_audit_batch", "log_dropped_audit_entries", "log_wrapped_key")


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(FUNCTIONS)
    op.execute(TRIGGERS)
    # Nobody's temporary table takes the place of one of ours.
    schema = op.get_bind().execute(text("SELECT quote_ident(current_schema())")).scalar_one()
    for name in OF_THE_OWNER:
        op.execute(f"ALTER FUNCTION {name}() SET search_path = {schema}, pg_temp")
    # Whatever is in the audit log by now, a few hundred in each row: the sequencer takes rows.
    op.execute("INSERT INTO audit_due (ids) SELECT array_agg(id) FROM audit_entries GROUP BY id / 250")
    # How vendors stand by now: not every change was logged.
    op.execute("""
        INSERT INTO log_pending (type, facts) SELECT 'vendor', jsonb_build_object('vendor', id, 'enabled', enabled,
            'held_at', log_utc(held_at), 'held_by', held_by, 'off_by', off_by, 'retired_at', log_utc(retired_at))
        FROM vendors
    """)
    # What the log does not have, so that nobody can widen it later.
    op.execute("""
        INSERT INTO log_pending (type, facts) SELECT 'log',
            jsonb_build_object('id', id, 'requests_after', requests_after, 'deeds_after', notes_after) FROM log_head
    """)
