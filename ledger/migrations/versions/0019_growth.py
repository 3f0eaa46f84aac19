"""What has changed is found by a mark, and work that one process does at a time has a turn."""

from alembic import op

revision = "0019"
down_revision = "0021"


def upgrade() -> None:
    op.execute("""
    -- Requests of which a chunk was closed since anybody looked whether they are settled. Without a key and an index:
    -- written once for each chunk, in the transaction that closes it, and taken out again within seconds.
    CREATE TABLE settling (
        request_id bigint NOT NULL
    ) WITH (autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_scale_factor = 0,
            autovacuum_vacuum_insert_threshold = -1);
    -- By a trigger, so that it holds for whoever closes a chunk: a worker of an older version too.
    CREATE FUNCTION mark_settling() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO settling (request_id) VALUES (NEW.request_id);
        RETURN NULL;
    END $$;
    CREATE TRIGGER chunks_settling AFTER UPDATE OF state ON chunks FOR EACH ROW
        WHEN (NEW.state = 'closed' AND OLD.state <> 'closed') EXECUTE FUNCTION mark_settling();

    -- Work that one process does at a time, and where it has got to.
    CREATE TABLE turns (
        work      text PRIMARY KEY,
        due_at    timestamptz NOT NULL,
        at_moment timestamptz NOT NULL DEFAULT 'epoch',
        at_id     bigint NOT NULL DEFAULT 0
    );

    -- Which volumes have something running in them.
    CREATE INDEX requests_running ON requests (id) WHERE status = 'running';
    """)
