"""Requests that came by OpenDSR: what their controllers call them, and when a worker took up the first of one."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("""
    CREATE TABLE opendsr_requests (
        controller         text NOT NULL,
        subject_request_id uuid NOT NULL,
        request_id         bigint NOT NULL UNIQUE REFERENCES requests,
        version            text NOT NULL CHECK (version IN ('2.0', '3.0')),
        content_print      uuid NOT NULL, -- keyed, of all that was asked: what it said can be told again, not read
        unused_identities  text[] NOT NULL,
        group_print        uuid,
        sealed_group       bytea,
        begun_at           timestamptz,
        PRIMARY KEY (controller, subject_request_id),
        CHECK ((group_print IS NULL) = (sealed_group IS NULL))
    );
    CREATE INDEX opendsr_requests_by_group ON opendsr_requests (controller, group_print)
        WHERE group_print IS NOT NULL;

    ALTER TABLE outbox ADD COLUMN begun boolean NOT NULL DEFAULT false;

    -- That a request is being worked on is a status of OpenDSR's and none of ours: whoever asked to be told of changes
    -- is told of this one too. A trigger, as leasing chunks is none of OpenDSR's business; only a chunk's first lease
    -- comes by here.
    CREATE FUNCTION tell_opendsr_begun() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE opendsr_requests SET begun_at = now() WHERE request_id = NEW.request_id AND begun_at IS NULL;
        IF FOUND THEN
            INSERT INTO outbox (webhook_id, request_id, status, counts, begun)
            SELECT webhooks.id, requests.id, requests.status, (
                SELECT jsonb_object_agg(name, CAST('{}' AS jsonb)) FROM vendors WHERE id = ANY(vendor_ids)), true
            FROM webhooks JOIN requests ON requests.id = webhooks.request_id
            WHERE webhooks.request_id = NEW.request_id AND style = 'opendsr' AND enabled
            ORDER BY webhooks.id;
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER chunks_opendsr_begun AFTER UPDATE ON chunks
        FOR EACH ROW WHEN (OLD.starts = 0 AND NEW.starts > 0) EXECUTE FUNCTION tell_opendsr_begun();
    """)
