"""A volume is dropped after the ledger's own period, whatever its caller says."""

from alembic import op
from sqlalchemy import text

revision = "0044"
down_revision = "0042"


def upgrade() -> None:
    op.execute("""
    CREATE OR REPLACE FUNCTION drop_volume(volume smallint, retention_days double precision) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER AS $$
    DECLARE
        expiring record;
        period record;
        before timestamptz := now() - retention_days * interval '1 day';
    BEGIN
        SELECT * INTO expiring FROM volumes WHERE id = volume FOR UPDATE;
        IF expiring.dropped_at IS NOT NULL THEN
            RETURN;
        END IF;
        SELECT days INTO period FROM retention_periods WHERE name = 'record' AND NOT as_before;
        IF FOUND AND COALESCE(retention_days < period.days, true) THEN
            RAISE EXCEPTION 'volume % is kept: the ledger keeps its record longer', volume
                USING ERRCODE = 'restrict_violation';
        END IF;
        IF COALESCE(retention_days, 0) < 1 OR COALESCE(expiring.ended_at >= before, true) OR EXISTS (
            SELECT FROM requests WHERE requests.id >= expiring.first_request AND requests.id < expiring.past_request
                AND COALESCE(closed_at >= before, true))
        THEN
            RAISE EXCEPTION 'volume % is kept: its retention is not over', volume USING ERRCODE = 'restrict_violation';
        END IF;
        UPDATE volumes SET dropped_at = now() WHERE id = volume;
    END $$;
    """)
    # Nobody's temporary table takes the place of one of ours.
    schema = op.get_bind().execute(text("SELECT quote_ident(current_schema())")).scalar_one()
    op.execute(f"ALTER FUNCTION drop_volume(smallint, double precision) SET search_path = {schema}, pg_temp")
