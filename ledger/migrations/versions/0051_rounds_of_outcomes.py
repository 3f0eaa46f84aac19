"""The tree of a request's outcomes has all rounds of each delivery, and not only the last one; that it has is logged.
It keeps the roots of 256 tiles each, so that a proof for one person need not read those of all tiles.

Earlier trees stay as they are, and are compared as they were made. A program from before goes on making such.
"""

from alembic import op
from sqlalchemy import text

revision = "0051"
down_revision = "0050"

STATEMENTS = """
    ALTER TABLE outcome_trees
        ADD COLUMN rounds boolean NOT NULL DEFAULT false,
        ADD COLUMN upper bytea; -- 32 bytes for each 256 full tiles; null: there are none, or they were not kept

    CREATE OR REPLACE FUNCTION log_outcomes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO log_pending (type, request, row_id, facts)
        SELECT 'outcomes', public_id, NEW.id, jsonb_build_object('vendors', NEW.vendors, 'size', NEW.size,
            'root', translate(encode(NEW.root, 'base64'), E'\\n', ''), 'at', log_utc(NEW.made_at),
            'rounds', NEW.rounds)
        FROM requests WHERE requests.id = NEW.request_id;
        RETURN NULL;
    END $$;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
    # Nobody's temporary table takes the place of one of ours.
    schema = op.get_bind().execute(text("SELECT quote_ident(current_schema())")).scalar_one()
    op.execute(f"ALTER FUNCTION log_outcomes() SET search_path = {schema}, pg_temp")
