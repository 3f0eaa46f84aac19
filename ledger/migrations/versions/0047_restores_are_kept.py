"""What is noted of a restored backup stays: a person ends it once, and its entry in the log names all copies."""

from alembic import op
from sqlalchemy import text

revision = "0047"
down_revision = "0046"

FUNCTIONS = """
    CREATE FUNCTION keep_restore() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' OR OLD.lifted_at IS NOT NULL OR NEW.lifted_at IS NULL
            OR (NEW.id, NEW.found_at, NEW.entries, NEW.copy_entries, NEW.copy_roots[1 : cardinality(OLD.copy_roots)])
                IS DISTINCT FROM (OLD.id, OLD.found_at, OLD.entries, OLD.copy_entries, OLD.copy_roots)
        THEN
            RAISE EXCEPTION 'restores may only be dealt with' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$;
    DROP TRIGGER restores_kept ON restores;
    CREATE TRIGGER restores_kept BEFORE UPDATE OR DELETE ON restores FOR EACH ROW EXECUTE FUNCTION keep_restore();

    CREATE OR REPLACE FUNCTION log_restore() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO log_pending (type, row_id, facts) VALUES ('restored', NEW.id, jsonb_build_object(
            'entries', NEW.entries, 'copy_entries', NEW.copy_entries,
            'copy_root', translate(encode(NEW.copy_roots[1], 'base64'), E'\\n', ''),
            'copy_roots', log_roots(NEW.copy_roots),
            'found_at', log_utc(NEW.found_at), 'lifted_at', log_utc(NEW.lifted_at),
            'by', NEW.lifted_by, 'because', NEW.because));
        RETURN NULL;
    END $$;
"""
ROOTS = """
    -- As the log has roots: Base64, in one line each.
    CREATE FUNCTION log_roots(roots bytea[]) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
        SELECT jsonb_agg(translate(encode(root, 'base64'), E'\\n', '') ORDER BY place)
        FROM unnest(roots) WITH ORDINALITY AS given (root, place)
    $$;
"""


def upgrade() -> None:
    op.execute(ROOTS)
    op.execute(FUNCTIONS)
    # Nobody's temporary table takes the place of one of ours.
    schema = op.get_bind().execute(text("SELECT quote_ident(current_schema())")).scalar_one()
    op.execute(f"ALTER FUNCTION log_restore() SET search_path = {schema}, pg_temp")
