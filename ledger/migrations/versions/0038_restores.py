"""Restored backups: a ledger that is behind the copy of its log, held until a person has looked at it."""

from alembic import op
from sqlalchemy import text

revision = "0038"
down_revision = "0035"

TABLE = """
    CREATE TABLE restores (
        id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        found_at     timestamptz NOT NULL DEFAULT now(),
        entries      bigint NOT NULL, -- that the ledger's log had
        copy_entries bigint NOT NULL, -- that its copy had
        copy_roots   bytea[] NOT NULL, -- the root of that copy's log, and of others that were known when it was lifted
        lifted_at    timestamptz,
        lifted_by    text,
        because      text,
        CHECK ((lifted_at IS NULL) = (lifted_by IS NULL) AND (lifted_at IS NULL) = (because IS NULL))
    );
    CREATE UNIQUE INDEX restores_one_is_open ON restores ((true)) WHERE lifted_at IS NULL;
    CREATE TRIGGER restores_kept BEFORE DELETE ON restores FOR EACH ROW EXECUTE FUNCTION refuse_change();
    CREATE TRIGGER restores_not_truncated BEFORE TRUNCATE ON restores
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""
FUNCTIONS = """
    CREATE FUNCTION log_restore() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO log_pending (type, row_id, facts) VALUES ('restored', NEW.id, jsonb_build_object(
            'entries', NEW.entries, 'copy_entries', NEW.copy_entries,
            'copy_root', translate(encode(NEW.copy_roots[1], 'base64'), E'\\n', ''),
            'found_at', log_utc(NEW.found_at), 'lifted_at', log_utc(NEW.lifted_at),
            'by', NEW.lifted_by, 'because', NEW.because));
        RETURN NULL;
    END $$;

    -- A vendor that is announced meanwhile is held like the others.
    CREATE FUNCTION hold_new_vendor() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM restores WHERE lifted_at IS NULL) THEN
            NEW.held_at := now();
            NEW.held_reason := 'restored';
            NEW.held_by := 'restored';
        END IF;
        RETURN NEW;
    END $$;
"""
TRIGGERS = """
    CREATE TRIGGER restores_log AFTER INSERT OR UPDATE ON restores FOR EACH ROW EXECUTE FUNCTION log_restore();
    CREATE TRIGGER vendors_held_when_new BEFORE INSERT ON vendors FOR EACH ROW EXECUTE FUNCTION hold_new_vendor();
"""


def upgrade() -> None:
    op.execute(TABLE)
    op.execute(FUNCTIONS)
    op.execute(TRIGGERS)
    # Nobody's temporary table takes the place of one of ours.
    schema = op.get_bind().execute(text("SELECT quote_ident(current_schema())")).scalar_one()
    op.execute(f"ALTER FUNCTION log_restore() SET search_path = {schema}, pg_temp")
