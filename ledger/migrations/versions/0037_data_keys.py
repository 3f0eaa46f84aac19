"""Wrapped data keys in a table of their own; when people are forgotten and records dropped, as values of the ledger."""

from alembic import op
from sqlalchemy import text

revision = "0037"
down_revision = "0041"

KEYS = """
    CREATE TABLE data_keys (
        request_id bigint PRIMARY KEY, -- no foreign key: its check would cost a look-up per request
        wrapped    bytea NOT NULL,
        spared     integer -- of how many people it is, who still waited when all others were forgotten; NULL: of all
    ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
    INSERT INTO data_keys (request_id, wrapped) SELECT id, data_key FROM requests WHERE data_key IS NOT NULL;

    DROP TRIGGER requests_log_change ON requests;
    ALTER TABLE requests ADD COLUMN forget_from timestamptz;
    -- USING writes the table anew, so that no wrapped key is left in it. A dropped column would stay in its rows.
    ALTER TABLE requests
        ALTER COLUMN forget_from TYPE timestamptz USING CASE WHEN data_key IS NOT NULL THEN closed_at END,
        ALTER COLUMN data_key TYPE bytea USING NULL;
    ALTER TABLE requests DROP COLUMN data_key;
    COMMENT ON COLUMN requests.forget_from IS
        'from when the days count after which its people are forgotten; NULL: not closed, or nothing to be done';
    CREATE INDEX requests_to_forget ON requests (kind, forget_from) WHERE forget_from IS NOT NULL;

    ALTER TABLE forgetting ADD COLUMN kept integer[]; -- lines of people who still wait; NULL: nobody does

    CREATE TABLE retention_periods (
        name      text PRIMARY KEY CHECK (name IN ('erasure', 'opt_out', 'opt_in', 'record')),
        days      double precision CHECK (days >= 0), -- NULL: never
        as_before boolean NOT NULL DEFAULT false, -- of an older ledger: the next start writes it down
        set_at    timestamptz NOT NULL DEFAULT now(),
        set_by    text NOT NULL DEFAULT 'settings'
    );
    INSERT INTO retention_periods (name, as_before)
    SELECT name, true FROM unnest(ARRAY['erasure', 'opt_out', 'opt_in', 'record']) AS name
    WHERE EXISTS (SELECT FROM vendors) OR EXISTS (SELECT FROM requests);
"""
FUNCTIONS = """
    CREATE OR REPLACE FUNCTION log_request() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        IF OLD.status = 'loading' THEN
            INSERT INTO log_pending (type, request, facts)
            VALUES ('request.received', NEW.public_id, log_received(NEW));
        ELSIF NEW.status <> OLD.status OR NEW.closed_at IS DISTINCT FROM OLD.closed_at THEN
            INSERT INTO log_pending (type, request, facts) VALUES ('request.status', NEW.public_id,
                jsonb_build_object('status', NEW.status, 'closed_at', log_utc(NEW.closed_at)));
            IF NEW.closed_at IS NOT NULL THEN
                INSERT INTO trees_due (request_id) VALUES (NEW.id);
            END IF;
        END IF;
        RETURN NULL;
    END $$;

    CREATE FUNCTION log_forgotten() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO log_pending (type, request, facts)
        SELECT 'request.forgotten', public_id, '{}' FROM gone JOIN requests ON requests.id = gone.request_id;
        RETURN NULL;
    END $$;

    CREATE FUNCTION log_people_forgotten() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO log_pending (type, request, facts)
        SELECT 'request.people_forgotten', public_id, jsonb_build_object('still_waiting', NEW.spared)
        FROM requests WHERE requests.id = NEW.request_id;
        RETURN NULL;
    END $$;

    CREATE FUNCTION log_retention() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO log_pending (type, facts) VALUES ('retention', jsonb_build_object(
            'name', NEW.name, 'days', NEW.days, 'by', NEW.set_by));
        RETURN NULL;
    END $$;

    CREATE FUNCTION forget_from_closing() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.forget_from := CASE WHEN NEW.forgotten_at IS NULL THEN NEW.closed_at END;
        RETURN NEW;
    END $$;

    -- Somebody who waited waits no longer, and the request was closed before.
    CREATE FUNCTION forget_from_deed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        UPDATE requests SET forget_from = now()
        WHERE id IN (SELECT request_id FROM fresh WHERE deed IN ('accept', 'close', 'vendor retire'))
            AND closed_at IS NOT NULL AND forgotten_at IS NULL;
        RETURN NULL;
    END $$;
"""
TRIGGERS = """
    CREATE TRIGGER requests_log_change AFTER UPDATE ON requests FOR EACH ROW
        WHEN (NEW.status <> OLD.status OR NEW.closed_at IS DISTINCT FROM OLD.closed_at)
        EXECUTE FUNCTION log_request();
    CREATE TRIGGER requests_forget_from BEFORE UPDATE ON requests FOR EACH ROW
        WHEN (NEW.closed_at IS DISTINCT FROM OLD.closed_at)
        EXECUTE FUNCTION forget_from_closing();
    CREATE TRIGGER notes_forget_from AFTER INSERT ON notes REFERENCING NEW TABLE AS fresh
        FOR EACH STATEMENT EXECUTE FUNCTION forget_from_deed();
    CREATE TRIGGER data_keys_log AFTER DELETE ON data_keys REFERENCING OLD TABLE AS gone
        FOR EACH STATEMENT EXECUTE FUNCTION log_forgotten();
    CREATE TRIGGER data_keys_log_spared AFTER UPDATE OF spared ON data_keys FOR EACH ROW
        EXECUTE FUNCTION log_people_forgotten();
    CREATE TRIGGER retention_periods_log AFTER INSERT OR UPDATE ON retention_periods FOR EACH ROW
        WHEN (NOT NEW.as_before)
        EXECUTE FUNCTION log_retention();
"""
OF_THE_OWNER = ("log_request", "log_forgotten", "log_people_forgotten", "log_retention", "forget_from_deed")


def upgrade() -> None:
    op.execute(KEYS)
    op.execute(FUNCTIONS)
    op.execute(TRIGGERS)
    # Nobody's temporary table takes the place of one of ours.
    schema = op.get_bind().execute(text("SELECT quote_ident(current_schema())")).scalar_one()
    for name in OF_THE_OWNER:
        op.execute(f"ALTER FUNCTION {name}() SET search_path = {schema}, pg_temp")
