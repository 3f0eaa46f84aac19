"""A request whose people are given identifiers of vendors' own is compared again too."""

from alembic import op

revision = "0055"
down_revision = "0051"


def upgrade() -> None:
    op.execute("""
    -- The fingerprint of a whole person changes with whatever is given of them.
    CREATE OR REPLACE FUNCTION note_other_prints() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE requests SET changed = pg_current_xact_id()
        WHERE status = 'running' AND id IN (
            SELECT request_id FROM written LEFT JOIN before USING (request_id, line)
            WHERE (written.whole_print, written.user_print, written.email_print, written.phone_print)
                IS DISTINCT FROM (before.whole_print, before.user_print, before.email_print, before.phone_print));
        RETURN NULL;
    END $$;
    """)
