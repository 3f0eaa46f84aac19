"""Fingerprint keys are replaced: which there are, how far that has got, and what needs an older one. And whether people
stay erased: a sample is read back again."""

from alembic import op
from sqlalchemy import text

revision = "0041"
down_revision = "0039"


def upgrade() -> None:
    op.execute("""
    ALTER TABLE keys
        ADD COLUMN number     smallint NOT NULL DEFAULT 1, -- of fingerprint keys, in the order they were made
        ADD COLUMN changes    integer NOT NULL DEFAULT 0, -- of the newest: how often the set of keys has changed
        ADD COLUMN state      text CHECK (state IN ('reprinting', 'held', 'tidying', 'kept', 'leaving')),
        ADD COLUMN replaced_at timestamptz,
        ADD COLUMN to_request bigint, -- requests up to this one may have people fingerprinted by it
        ADD COLUMN at_request bigint, -- how far its work has got
        ADD COLUMN at_line    integer;

    -- A fingerprint by this older key, by which the person is found besides; NULL: a vendor's identifier, by the key of
    -- the person's own.
    ALTER TABLE other_identifiers ADD COLUMN key smallint;
    ALTER TABLE suppression ADD COLUMN key smallint NOT NULL DEFAULT 1;

    -- While people are fingerprinted anew no filter is in use, so nothing comes late to one.
    CREATE OR REPLACE FUNCTION note_late_prints() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF current_setting('consent.reprinting', true) = 'on' THEN
            RETURN NULL;
        END IF;
        INSERT INTO late_prints (volume, print)
        SELECT CAST(TG_ARGV[0] AS smallint), print
        FROM unnest(ARRAY[NEW.user_print, NEW.email_print, NEW.phone_print]) AS given (print)
        WHERE print IS NOT NULL
        ON CONFLICT DO NOTHING;
        RETURN NULL;
    END $$;
    """)
    op.execute("""
    -- What was `verified` and is read back again, as one of a sample. False once that has found somebody: only then
    -- is there an outcome more, and the request's tree is made anew.
    ALTER TABLE chunks ADD COLUMN sampled boolean NOT NULL DEFAULT false;
    DROP TRIGGER chunks_tree_due ON chunks;
    CREATE TRIGGER chunks_tree_due AFTER UPDATE OF state ON chunks FOR EACH ROW
        WHEN (NEW.state = 'closed' AND OLD.state <> 'closed' AND NEW.purpose = 'verify' AND NOT NEW.sampled)
        EXECUTE FUNCTION tree_due();

    CREATE TABLE rechecks (
        vendor_id smallint PRIMARY KEY REFERENCES vendors,
        people    bigint NOT NULL DEFAULT 0, -- who have been read back again
        back      bigint NOT NULL DEFAULT 0 -- of them: who had come back
    );
    CREATE FUNCTION log_resurrection() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO log_pending (type, facts)
        VALUES ('resurrection', jsonb_build_object('vendor', NEW.vendor_id, 'people', NEW.back - OLD.back));
        RETURN NULL;
    END $$;
    CREATE TRIGGER rechecks_log AFTER UPDATE OF back ON rechecks FOR EACH ROW
        WHEN (NEW.back > OLD.back) EXECUTE FUNCTION log_resurrection();
    """)
    # Nobody's temporary table takes the place of one of ours.
    schema = op.get_bind().execute(text("SELECT quote_ident(current_schema())")).scalar_one()
    op.execute(f"ALTER FUNCTION log_resurrection() SET search_path = {schema}, pg_temp")
