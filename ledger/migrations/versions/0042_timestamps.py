"""Time stamps of the evidence log's checkpoints by an authority outside."""

from alembic import op
from sqlalchemy import text

revision = "0042"
down_revision = "0040"


def upgrade() -> None:
    op.execute("""
    CREATE TABLE log_timestamps (
        size   bigint PRIMARY KEY,
        signed text NOT NULL, -- the checkpoint, which `log_checkpoints` may drop
        answer bytea NOT NULL, -- of RFC 3161
        at     timestamptz NOT NULL DEFAULT clock_timestamp()
    );
    CREATE TRIGGER log_timestamps_append_only BEFORE UPDATE OR DELETE ON log_timestamps
        FOR EACH ROW EXECUTE FUNCTION refuse_change();
    CREATE TRIGGER log_timestamps_not_truncated BEFORE TRUNCATE ON log_timestamps
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

    CREATE FUNCTION log_timestamp() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO log_pending (type, row_id, facts) VALUES ('timestamp', NEW.size,
            jsonb_build_object('entries', NEW.size, 'answer', encode(sha256(NEW.answer), 'hex')));
        RETURN NULL;
    END $$;
    CREATE TRIGGER log_timestamps_log AFTER INSERT ON log_timestamps FOR EACH ROW EXECUTE FUNCTION log_timestamp();
    """)
    # Nobody's temporary table takes the place of one of ours.
    schema = op.get_bind().execute(text("SELECT quote_ident(current_schema())")).scalar_one()
    op.execute(f"ALTER FUNCTION log_timestamp() SET search_path = {schema}, pg_temp")
