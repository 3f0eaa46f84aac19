"""Legal holds: whose data must be kept, and the deliveries that are withheld by them, as a new outcome. The outcome can
be used from the next revision on."""

from alembic import op
from sqlalchemy import text

revision = "0036"
down_revision = "0038"

TABLES = """
    CREATE TABLE legal_holds (
        id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        reason        text NOT NULL
            CHECK (reason IN ('litigation', 'legal_obligation', 'public_interest', 'expression')),
        because       text NOT NULL,
        until         timestamptz, -- NULL: until it is released
        added_by      text NOT NULL,
        added_at      timestamptz NOT NULL DEFAULT now(),
        ended_at      timestamptz,
        ended_by      text, -- NULL: its time was over
        ended_because text
    );
    CREATE INDEX legal_holds_in_force ON legal_holds (until) WHERE ended_at IS NULL;
    -- Of whom it is; deleted when it ends.
    CREATE TABLE legal_hold_prints (
        print   uuid NOT NULL,
        field   text NOT NULL,
        hold_id bigint NOT NULL REFERENCES legal_holds,
        PRIMARY KEY (print, hold_id)
    );
    CREATE INDEX legal_hold_prints_of ON legal_hold_prints (hold_id);
    -- Which hold a withheld delivery waits for.
    CREATE TABLE withheld (
        request_id bigint NOT NULL REFERENCES requests,
        vendor_id  smallint NOT NULL REFERENCES vendors,
        line       integer NOT NULL,
        hold_id    bigint NOT NULL REFERENCES legal_holds,
        PRIMARY KEY (request_id, vendor_id, line)
    );
    CREATE INDEX withheld_by ON withheld (hold_id);

    CREATE FUNCTION log_legal_hold() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            INSERT INTO log_pending (type, row_id, facts) VALUES ('legal_hold', NEW.id, jsonb_build_object(
                'hold', NEW.id, 'event', 'added', 'reason', NEW.reason, 'because', NEW.because,
                'until', log_utc(NEW.until), 'by', NEW.added_by, 'at', log_utc(NEW.added_at)));
        ELSE
            INSERT INTO log_pending (type, row_id, facts) VALUES ('legal_hold', NEW.id, jsonb_build_object(
                'hold', NEW.id, 'event', CASE WHEN NEW.ended_by IS NULL THEN 'ended' ELSE 'released' END,
                'because', NEW.ended_because, 'by', NEW.ended_by, 'at', log_utc(NEW.ended_at)));
        END IF;
        RETURN NULL;
    END $$;
    -- A hold only ever ends: what it says is evidence.
    CREATE FUNCTION keep_legal_hold() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' OR OLD.ended_at IS NOT NULL OR NEW.ended_at IS NULL
            OR (NEW.id, NEW.reason, NEW.because, NEW.until, NEW.added_by, NEW.added_at)
                IS DISTINCT FROM (OLD.id, OLD.reason, OLD.because, OLD.until, OLD.added_by, OLD.added_at)
        THEN
            RAISE EXCEPTION 'legal_holds may only end' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER legal_holds_log AFTER INSERT OR UPDATE ON legal_holds FOR EACH ROW EXECUTE FUNCTION log_legal_hold();
    CREATE TRIGGER legal_holds_kept BEFORE UPDATE OR DELETE ON legal_holds
        FOR EACH ROW EXECUTE FUNCTION keep_legal_hold();
    CREATE TRIGGER legal_holds_not_truncated BEFORE TRUNCATE ON legal_holds
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    op.execute("ALTER TYPE outcome ADD VALUE 'withheld' AFTER 'unreachable'")
    op.execute(TABLES)
    schema = op.get_bind().execute(text("SELECT quote_ident(current_schema())")).scalar_one()
    op.execute(f"ALTER FUNCTION log_legal_hold() SET search_path = {schema}, pg_temp")
