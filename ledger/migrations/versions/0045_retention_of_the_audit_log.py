"""Entries of the audit log go with the record: the ledger's own period decides, whoever asks."""

from alembic import op
from sqlalchemy import text

revision = "0045"
down_revision = "0044"


def upgrade() -> None:
    op.execute("""
    -- What the ledger's period for the record has not passed stays, a day at least; without a period everything.
    CREATE FUNCTION keep_audit_entry() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' AND OLD.at < now() - (
            SELECT GREATEST(days, 1) * interval '1 day' FROM retention_periods
            WHERE name = 'record' AND NOT as_before AND days IS NOT NULL)
        THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'audit_entries are append-only' USING ERRCODE = 'restrict_violation';
    END $$;
    DROP TRIGGER audit_entries_append_only ON audit_entries;
    CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE ON audit_entries
        FOR EACH ROW EXECUTE FUNCTION keep_audit_entry();

    -- The oldest that have passed it, up to the first that has not: the log tells up to which number they are gone.
    CREATE FUNCTION drop_audit_entries(most integer) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$
    DECLARE
        kept_from timestamptz := now() - (
            SELECT GREATEST(days, 1) * interval '1 day' FROM retention_periods
            WHERE name = 'record' AND NOT as_before AND days IS NOT NULL);
        dropped bigint;
    BEGIN
        DELETE FROM audit_entries WHERE id IN (
            SELECT id FROM (
                SELECT id, bool_and(at < kept_from) OVER (ORDER BY id) AS have_passed
                FROM (SELECT id, at FROM audit_entries ORDER BY id LIMIT most) AS oldest) AS each
            WHERE have_passed);
        GET DIAGNOSTICS dropped = ROW_COUNT;
        RETURN dropped;
    END $$;
    """)
    # Nobody's temporary table takes the place of one of ours.
    schema = op.get_bind().execute(text("SELECT quote_ident(current_schema())")).scalar_one()
    op.execute(f"ALTER FUNCTION drop_audit_entries(integer) SET search_path = {schema}, pg_temp")
