"""Which requests have come to run, or have other identifiers, since a snapshot: a comparison of people can be kept."""

from alembic import op

revision = "0050"
down_revision = "0052"


def upgrade() -> None:
    op.execute("""
    -- The transaction that made it run, or changed an identifier of its people while it ran; null: before this column.
    -- Those have ended by now, for this waits for them.
    ALTER TABLE requests ADD COLUMN changed xid8;
    ALTER TABLE requests ALTER COLUMN changed SET DEFAULT pg_current_xact_id();
    CREATE INDEX requests_changed ON requests (changed) WHERE status = 'running';

    -- By triggers, so that it holds for programs of an older version too.
    CREATE FUNCTION note_run() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.changed := pg_current_xact_id();
        RETURN NEW;
    END $$;
    CREATE TRIGGER requests_run BEFORE UPDATE OF status ON requests FOR EACH ROW
        WHEN (NEW.status = 'running' AND OLD.status <> 'running') EXECUTE FUNCTION note_run();

    CREATE FUNCTION note_other_prints() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE requests SET changed = pg_current_xact_id()
        WHERE status = 'running' AND id IN (
            SELECT request_id FROM written LEFT JOIN before USING (request_id, line)
            WHERE (written.user_print, written.email_print, written.phone_print)
                IS DISTINCT FROM (before.user_print, before.email_print, before.phone_print));
        RETURN NULL;
    END $$;
    CREATE TRIGGER subjects_other_prints AFTER UPDATE ON subjects
        REFERENCING OLD TABLE AS before NEW TABLE AS written
        FOR EACH STATEMENT EXECUTE FUNCTION note_other_prints();
    """)
