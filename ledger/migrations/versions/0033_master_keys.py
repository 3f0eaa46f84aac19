"""Which master keys have sealed something, so that a start without one of them fails at once and says which."""

from alembic import op
from sqlalchemy import text

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    op.execute("""
    CREATE TABLE master_keys (
        id         bytea PRIMARY KEY CHECK (length(id) = 8), -- a hash of the key, which is random: it reveals nothing
        canary     bytea, -- sealed under it; NULL: noted by this migration, which has no keys
        used_since timestamptz NOT NULL DEFAULT now()
    );
    INSERT INTO master_keys (id)
    SELECT substring(data_key FROM 1 FOR 8) FROM requests WHERE length(data_key) > 8
    UNION SELECT substring(data_key FROM 1 FOR 8) FROM drafts WHERE length(data_key) > 8
    UNION SELECT substring(wrapped FROM 1 FOR 8) FROM keys WHERE length(wrapped) > 8;

    CREATE FUNCTION log_master_key() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO log_pending (type, facts) VALUES ('master_key', jsonb_build_object(
            'id', encode(CASE TG_OP WHEN 'DELETE' THEN OLD.id ELSE NEW.id END, 'hex'),
            'needed', TG_OP <> 'DELETE'));
        RETURN NULL;
    END $$;
    CREATE TRIGGER master_keys_log AFTER INSERT OR DELETE ON master_keys
        FOR EACH ROW EXECUTE FUNCTION log_master_key();
    """)
    # Nobody's temporary table takes the place of one of ours.
    schema = op.get_bind().execute(text("SELECT quote_ident(current_schema())")).scalar_one()
    op.execute(f"ALTER FUNCTION log_master_key() SET search_path = {schema}, pg_temp")
